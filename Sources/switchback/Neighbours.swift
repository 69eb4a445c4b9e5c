internal import Attribution
internal import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Synchronization
internal import Tensors

/// A map's projection in a picture, and in the other pictures that excite it most (the paper's figure 7c).
struct Neighbours {
  private let subject: StudySubject
  /// Where the other pictures come from: the study's own, or those of a features run.
  private let others: Source
  private let strongest: [[Peak]]
  private let projector: Projector
  private let runner: Runner

  init(command: OccludeCommand, subject: StudySubject) throws {
    self.subject = subject
    let layer = subject.layers[0]
    projector = try Projector(
      subject.network, value: layer.value, rule: .deconvnet, threads: command.common.workers)
    runner = try Runner(
      subject.network, keeping: projector.keptValues, recordingSwitches: true, threads: command.common.workers
    )
    if let from = command.from {
      let earlier = try FeaturesConfiguration(ofRun: from)
      others = Source(try .parse(earlier.pictures), subject.source.preprocessing, strict: false)
      strongest = try Self.peaks(ofRun: from, layer: layer.name, others)
    } else {
      others = subject.source
      strongest = try Self.search(subject, layer.value, threads: command.common.workers)
    }
  }

  /// Projections of a unit's strongest activation: in the picture first, then in up to three others.
  func projections(of unit: Int, in id: Int) throws -> [Picture] {
    let path = subject.source.dataset.items[id].path
    let peaks = strongest.indices.contains(unit) ? strongest[unit] : []
    let elsewhere = peaks.map(\.image).filter { others.dataset.items[$0].path != path }.prefix(3)
    var shown = try [projection(of: unit, subject.source, id)].compactMap { $0 }
    for image in elsewhere {
      if let next = try projection(of: unit, others, image) { shown.append(next) }
    }
    return shown
  }

  private func projection(
    of unit: Int, _ source: Source, _ id: Int
  ) throws -> Picture? {
    guard let input = try source.tensor(id) else { return nil }
    let trace = try runner.forward(input)
    guard let maps = trace[projector.value] else { return nil }
    let peaks = try ChannelPeaks(of: maps)
    let position = Int(peaks.positions[unit])
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let seed = Seed.activation(unit: unit, row: position / columns, column: position % columns)
    let pixels = try projector.project([try projector.evidence(of: seed, in: trace)])[0].placed(
      in: projector.input)
    return Picture(
      projection: pixels.reshaped(to: Shape(Array(pixels.shape.dimensions.dropFirst()))),
      isBGR: source.preprocessing.channels == .bgr, saturating: 0.01)
  }

  private static func search(_ subject: StudySubject, _ value: String, threads: Int) throws -> [[Peak]] {
    let input = try subject.network.inputShape(images: 1)
    let shapes = try subject.network.shapes(inputs: [subject.network.inputs[0].name: input])
    let units = shapes[value]?.dimensions.last ?? 0
    let search = try PeakSearch(subject.network, values: [value], threads: threads)
    let source = subject.source
    let start = PeakSearch.State(peaks: PeakTable(units: [(value, units)], keeping: 4))
    let state = try search.run(
      from: start, count: source.dataset.items.count, input: { try source.tensor($0) }
    ) { _ in
      !Interrupts.isRaised
    }
    return state.peaks.layers[value]?.units ?? []
  }

  private static func peaks(ofRun run: String, layer: String, _ source: Source) throws -> [[Peak]] {
    let file = run + "/features.json"
    guard let bytes = FileManager.default.contents(atPath: file),
      let table = try? JSONDecoder().decode(FeatureTable.self, from: bytes)
    else {
      throw ArgumentError(
        "\(file) is not there or cannot be read; --from takes a finished run of 'features'.")
    }
    guard let found = table.layers.first(where: { $0.layer == layer }) else {
      throw ArgumentError(
        "\(run) has no layer '\(layer)'; it has \(table.layers.map(\.layer).joined(separator: ", ")).")
    }
    let ids = Dictionary(source.dataset.items.map { ($0.path, $0.id) }, uniquingKeysWith: { one, _ in one })
    return found.units.map { unit in
      unit.top.compactMap { entry in
        ids[entry.image].map { Peak(value: entry.value, image: $0, row: entry.row, column: entry.column) }
      }
    }
  }
}
