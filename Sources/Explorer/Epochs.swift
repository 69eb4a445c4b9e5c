internal import Datasets
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Tensors

/// The units of a run as they were at the epochs of the training that made its network: what a run of `evolve` has searched.
struct Epochs: Sendable {
  /// A unit at an epoch.
  struct Moment: Sendable {
    let epoch: Int
    /// Its strongest activation; nil where no image activates it.
    let peak: Peak?
    /// The image of it.
    let path: String?
  }

  let run: EvolveRun
  /// Each layer's strongest peaks, by epoch in order, then by unit.
  private let peaks: [String: [[Peak?]]]
  /// Layers of the run that the training's networks do not have alike.
  let strangers: [String]

  /// - Throws: `PeakError` for a damaged search, or `NetworkError` for a damaged network.
  init(_ run: EvolveRun, of view: RunView) throws {
    self.run = run
    var peaks: [String: [[Peak?]]] = [:]
    for epoch in run.table.epochs {
      for (layer, found) in try run.peaks(at: epoch) { peaks[layer, default: []].append(found) }
    }
    let network = try run.network(run.table.epochs.last ?? 0)
    let alike = try view.layers.filter { layer in
      guard let found = peaks[layer.name], found.allSatisfy({ $0.count == layer.units.count }) else {
        return false
      }
      let field = try FieldGeometry(
        network, value: try run.value(of: layer.name, in: network), rule: .deconvnet)
      return field.extents == layer.field
    }
    self.peaks = peaks.filter { name, _ in alike.contains { $0.name == name } }
    strangers = view.layers.map(\.name).filter { name in !alike.contains { $0.name == name } }
  }

  var numbers: [Int] { run.table.epochs }

  func has(_ layer: RunView.Layer) -> Bool { peaks[layer.name] != nil }

  /// A unit at each epoch; none where its layer was not searched.
  func moments(of unit: Int, in layer: RunView.Layer) -> [Moment] {
    zip(numbers, peaks[layer.name] ?? []).map { epoch, found in
      let peak = found.indices.contains(unit) ? found[unit] : nil
      return Moment(epoch: epoch, peak: peak, path: peak.map { run.pictures.dataset.items[$0.image].path })
    }
  }

  /// The epoch from which on a unit's strongest image is the last one; nil where it is inactive in the end.
  func steady(_ unit: Int, in layer: RunView.Layer) -> Int? {
    let moments = moments(of: unit, in: layer)
    guard let last = moments.last?.peak?.image else { return nil }
    return moments.reversed().prefix { $0.peak?.image == last }.last?.epoch
  }
}
