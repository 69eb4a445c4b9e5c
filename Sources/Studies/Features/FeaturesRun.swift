package import Datasets
internal import Files
internal import Foundation
package import Kernels
internal import Networks
package import Peaks

/// A finished run of `features`, opened again: what it found, its pictures, and, when asked for, its network.
package struct FeaturesRun: Sendable {
  package let folder: String
  package let configuration: Features.Configuration
  package let table: FeatureTable
  package let pictures: PreparedPictures
  /// Ids of pictures by their paths.
  package let ids: NameTable

  /// - Parameters:
  ///   - folder: The run.
  ///   - place: Where the pictures are now; nil for where the run had them.
  /// - Throws: ``StudyError`` where the run is not finished, or its pictures are not what they were.
  package init(_ folder: String, pictures place: String? = nil) throws {
    self.folder = folder
    configuration = try Features.Configuration(ofRun: folder)
    guard let table = decoded(FeatureTable.self, from: folder + "/features.json") else {
      throw StudyError("\(folder) is not finished: give the command that made it once more, and it goes on.")
    }
    guard (1...1000).contains(configuration.top) else {
      throw StudyError(
        "\(folder)/run.json is damaged: it keeps \(configuration.top) images a unit. Make the run again.")
    }
    self.table = table
    let dataset: Dataset
    do {
      dataset = try Dataset.parse(place ?? configuration.pictures)
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
    let model = place ?? configuration.model
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

  /// What the run's search found, with how each unit is active over all pictures.
  ///
  /// - Throws: `PeakError` where its file is not there or is another's.
  package func search(of study: Features) throws -> PeakTable {
    let path = folder + "/" + study.searchFile
    guard let depth = SavedSearch(path)?.depth else {
      throw PeakError.checkpoint(path: path, reason: "it cannot be read, or it is none of a search")
    }
    var units: [(value: String, count: Int)] = []
    for layer in study.layers where !units.contains(where: { $0.value == layer.value }) {
      units.append((layer.value, layer.units))
    }
    let start = PeakSearch.State(peaks: PeakTable(units: units, keeping: depth))
    return try SearchCheckpoint(path: path, pictures: pictures).restored(start).peaks
  }
}
