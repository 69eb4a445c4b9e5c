package import Datasets
internal import Files
internal import Foundation
internal import Images
package import Kernels
internal import Networks
package import Peaks

/// A run of `features`, opened again: what it found, its pictures, and, when asked for, its network.
package struct FeaturesRun: Sendable {
  package let folder: String
  package let configuration: Features.Configuration
  /// What it found; nil in a run that is not finished.
  package let found: FeatureTable?
  package let pictures: PreparedPictures
  /// Ids of pictures by their paths.
  package let ids: NameTable

  /// - Parameters:
  ///   - folder: The run.
  ///   - place: Where the pictures are now; nil for where the run had them.
  /// - Throws: ``StudyError`` where its pictures are not what they were.
  package init(_ folder: String, pictures place: String? = nil) throws {
    self.folder = folder
    configuration = try Features.Configuration(ofRun: folder)
    found = decoded(FeatureTable.self, from: folder + "/features.json")
    guard (1...1000).contains(configuration.top) else {
      throw StudyError(
        "\(folder)/run.json is damaged: it keeps \(configuration.top) images a unit. Make the run again.")
    }
    let dataset: Dataset
    do {
      dataset = try Dataset.parse(place ?? located(configuration.pictures, for: folder))
    } catch {
      throw StudyError("\(error) Say where \(folder)'s images are now with --pictures.")
    }
    guard dataset.digest == configuration.picturesDigest else {
      throw StudyError(
        "\(place ?? configuration.pictures) has other images than \(folder) was made of: some were added, removed or "
          + "renamed. Give the folder as it was with --pictures, or make the run again.")
    }
    pictures = PreparedPictures(dataset, configuration.preprocessing)
    ids = dataset.idsByPath
  }

  /// What a finished run found.
  ///
  /// - Throws: ``StudyError`` where it is not finished.
  package func table() throws(StudyError) -> FeatureTable {
    guard let found else {
      throw StudyError("\(folder) is not finished: give the command that made it once more, and it goes on.")
    }
    return found
  }

  /// A part of one of the run's pictures; nil where that cannot be read any more, or the part does not lie in it.
  func patch(_ image: String, _ box: Box) throws -> Picture? {
    guard let id = ids.exact(image).first else { return nil }
    return try pictures.listed(id) { picture throws(ImageError) in picture }.flatMap { picture in
      let isInside =
        box.top >= 0 && box.left >= 0 && box.bottom <= picture.rows && box.right <= picture.columns
      return isInside && box.bottom > box.top && box.right > box.left ? picture.cropped(to: box) : nil
    }
  }

  /// How signals passed rectifiers.
  package var rule: RectifierRule { RectifierRule(rawValue: configuration.rule) ?? Features.usualRule }

  /// The study that made the run, with its network made ready: for layers by any of their names, and to project again.
  ///
  /// - Parameters:
  ///   - place: Where the model's file is now; nil for where the run had it.
  ///   - rule: How signals pass rectifiers.
  /// - Returns: The study, of the run's layers.
  /// - Throws: ``StudyError`` where the model is not there, or not the one that the run was made with.
  package func study(model place: String? = nil, rule: RectifierRule) throws -> Features {
    let model = place ?? located(configuration.model, for: folder)
    guard FileSystem.exists(model) else {
      throw StudyError(
        "\(model), the model of \(folder), is not there. Say where it is now with --model.")
    }
    var network = try Network(onnx: model)
    network.preprocessing = configuration.preprocessing
    let subject = try Subject(network, model: model)
    guard try subject.digest() == configuration.modelDigest else {
      throw StudyError(
        "\(model) is not the model that \(folder) was made with: its weights differ. Give that one with --model, or make "
          + "the run again.")
    }
    return try Features(
      subject, pictures.dataset, layers: configuration.layers.joined(separator: ","),
      units: try UnitChoice(configuration.units), top: configuration.top, rule: rule,
      beforeRectifier: configuration.preActivation, interior: configuration.interior ?? false)
  }

  /// What the run's search has found, with how each unit is active over the pictures that were searched, and how many of
  /// them were: none where the search is yet to save its first.
  ///
  /// - Throws: `PeakError` where its file is another's, or is not there in a finished run.
  package func search(of study: Features) throws -> (peaks: PeakTable, searched: Int) {
    let path = folder + "/" + study.searchFile
    let saved = SavedSearch(path)
    if saved == nil, found != nil || FileSystem.exists(path) {
      throw PeakError.checkpoint(path: path, reason: "it cannot be read, or it is none of a search")
    }
    guard let depth = saved == nil ? study.depth : saved?.depth else {
      throw PeakError.checkpoint(path: path, reason: "its units keep different numbers of peaks")
    }
    var units: [(value: String, count: Int)] = []
    for layer in study.layers where !units.contains(where: { $0.value == layer.value }) {
      units.append((layer.value, layer.units))
    }
    let start = PeakSearch.State(peaks: PeakTable(units: units, keeping: depth))
    guard saved != nil else { return (start.peaks, 0) }
    let state = try SearchCheckpoint(
      run: RunFolder(sharing: folder), file: study.searchFile, pictures: pictures
    ).restored(start)
    return (state.peaks, state.next)
  }
}

/// Where a path that a run names is now: as it is written, or below a folder that the run lies in, where a run and what it
/// was made from were moved together.
func located(_ path: String, for run: String) -> String {
  guard !path.hasPrefix("/"), !FileSystem.exists(path), var folder = FileSystem.resolved(run) else {
    return path
  }
  while folder != "/" {
    folder = FileSystem.folder(of: folder)
    let candidate = folder + "/" + path
    if FileSystem.exists(candidate) { return candidate }
  }
  return path
}
