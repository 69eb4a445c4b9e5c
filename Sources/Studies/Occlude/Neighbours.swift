internal import Attribution
internal import Datasets
internal import Execution
internal import Images
internal import Kernels
internal import Peaks
internal import Tensors

/// A map's projection in a picture, and in the other pictures that excite it most (the paper's figure 7c).
struct Neighbours {
  private let pictures: PreparedPictures
  /// Where the other pictures come from: the study's own, or those of a features run.
  private let others: PreparedPictures
  private let strongest: [[Peak]]
  private let projector: Projector
  private let runner: Runner

  /// - Throws: ``StudyError`` where the run is none of features, or lacks the layer; without a run the pictures are searched.
  init(_ subject: Subject, _ layer: StudiedLayer, of run: String?, _ pictures: PreparedPictures, _ work: Work)
    throws
  {
    self.pictures = pictures
    projector = try Projector(subject.network, value: layer.value, rule: .deconvnet, threads: work.threads)
    runner = try Runner(
      subject.network, keeping: projector.keptValues, recordingSwitches: true, threads: work.threads)
    if let run {
      let earlier = try Features.Configuration(ofRun: run)
      guard earlier.modelDigest == (try subject.digest()) else {
        throw StudyError("\(run) is of another network, \(earlier.model): its units are not this one's.")
      }
      others = PreparedPictures(try .parse(earlier.pictures), subject.preprocessing)
      strongest = try Self.peaks(ofRun: run, layer: layer.name, others.dataset)
    } else {
      others = pictures
      let peaks = try work.search(
        [layer.value], keeping: 4, of: subject, in: pictures, file: "search.safetensors", title: "search")
      strongest = peaks.layers[layer.value]?.units ?? []
    }
  }

  /// Projections of a unit's strongest activation: in the picture first, then in up to three others.
  func projections(of unit: Int, in id: Int) throws -> [Picture] {
    let path = pictures.dataset.items[id].path
    let peaks = strongest.indices.contains(unit) ? strongest[unit].filter { $0.value > 0 } : []
    let elsewhere = peaks.map(\.image).filter { others.dataset.items[$0].path != path }.prefix(3)
    var shown = try [projection(of: unit, pictures, id)].compactMap { $0 }
    for image in elsewhere {
      if let next = try projection(of: unit, others, image) { shown.append(next) }
    }
    return shown
  }

  private func projection(of unit: Int, _ pictures: PreparedPictures, _ id: Int) throws -> Picture? {
    guard let input = try pictures.tensor(id) else { return nil }
    let trace = try runner.forward(input)
    guard let maps = trace[projector.value] else { return nil }
    let peaks = try ChannelPeaks(of: maps)
    let position = Int(peaks.positions[unit])
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let seed = Seed.activation(unit: unit, row: position / columns, column: position % columns)
    let pixels = try projector.project([try projector.evidence(of: seed, in: trace)])[0].placed(
      in: projector.input)
    return pictures.preprocessing.shown(
      projection: pixels.reshaped(to: Shape(Array(pixels.shape.dimensions.dropFirst()))),
      side: OcclusionSheet.projectionSide)
  }

  private static func peaks(ofRun run: String, layer: String, _ dataset: Dataset) throws -> [[Peak]] {
    let file = run + "/features.json"
    guard let table = decoded(FeatureTable.self, from: file) else {
      throw StudyError("\(file) is not there or cannot be read; --from takes a finished run of 'features'.")
    }
    guard let found = table.layers.first(where: { $0.layer == layer }) else {
      throw StudyError(
        "\(run) has no layer '\(layer)'; it has \(table.layers.map(\.layer).joined(separator: ", ")).")
    }
    let ids = dataset.idsByPath
    return found.units.map { unit in
      unit.top.compactMap { entry in
        ids.exact(entry.image).first.map {
          Peak(value: entry.value, image: $0, row: entry.row, column: entry.column)
        }
      }
    }
  }
}
