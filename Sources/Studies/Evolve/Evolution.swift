package import Attribution
internal import Kernels
package import Networks
package import Peaks
package import Tensors

/// How features come to be during training (the paper's figure 4).
///
/// At each saved epoch every unit's strongest activation over the pictures is found, and those of a few units a layer
/// are projected. A sudden jump of a projection means that another picture has become the strongest.
package struct Evolution {
  /// Cosine of a projection and the last one above which it is the same feature.
  package static let settledCosine = 0.95

  private let layers: [String]?
  private let perLayer: Int
  private let seed: UInt64
  private let threads: Int

  /// Layers by name, nil for every convolution; of each `perLayer` units, drawn by chance from the seed, are projected.
  package init(layers: [String]? = nil, unitsPerLayer perLayer: Int, seed: UInt64, threads: Int) {
    precondition(perLayer > 0, "\(perLayer) units a layer")
    self.layers = layers
    self.perLayer = perLayer
    self.seed = seed
    self.threads = threads
  }

  /// What one epoch shows of one layer.
  private struct Sight {
    var layer: String
    var chosen: [Int]
    /// Every unit's strongest activation; nil where no picture activates it.
    var peaks: [Peak?]
    /// By unit chosen, against the last epoch.
    var cosines: [Int: Double] = [:]
  }

  /// Looks at the same units at each epoch.
  ///
  /// The last epoch comes first, since the others are compared with it; what is held does not grow with the pictures.
  ///
  /// Epochs ascend; images are the pictures' names; `input` makes a picture, 1 x rows x columns x channels, on a worker's
  /// thread, and nil leaves it out; `search` finds the strongest peak of every unit of some values of an epoch's network;
  /// `receive` is given the projections of an epoch and layer as they come.
  ///
  /// - Throws: `NetworkError` where an epoch lacks a layer, `PeakError` where a value is NaN, or what the
  ///   closures throw.
  package func table(
    over epochs: [Int], network: (_ epoch: Int) throws -> Network, images: [String],
    input: @escaping @Sendable (Int) throws -> Tensor?,
    search: (_ epoch: Int, Network, _ values: [String]) throws -> PeakTable,
    receive: (
      _ epoch: Int, _ layer: String, [(place: Gallery.Place, projection: PixelProjection)]
    ) throws -> Void = { _, _, _ in }
  ) throws -> EvolutionTable {
    guard let last = epochs.last else { return EvolutionTable(epochs: [], layers: []) }
    precondition(zip(epochs, epochs.dropFirst()).allSatisfy(<), "epochs \(epochs) do not ascend")
    var found: [Int: [Sight]] = [:]
    // The last epoch's projections, by layer and unit.
    var ends: [String: [Int: Direction]] = [:]
    for epoch in [last] + epochs.dropLast() {
      let network = try network(epoch)
      let chosen = try layers.map { try $0.map { try network.layer(named: $0) } } ?? network.featureLayers()
      let table = try search(epoch, network, chosen.map(\.featureMaps))
      found[epoch] = try chosen.enumerated().map { number, layer in
        let peaks = (table.layers[layer.featureMaps]?.units ?? []).map { kept in
          kept.first.flatMap { $0.value > 0 ? $0 : nil }
        }
        var sight = Sight(layer: layer.name, chosen: draw(peaks.count, layer: number), peaks: peaks)
        let places = sight.chosen.compactMap { unit in peaks[unit].map { (unit: unit, rank: 0, peak: $0) } }
        let gallery = try Gallery(network, value: layer.featureMaps, rule: .deconvnet, threads: threads)
        try gallery.project(places, input: input) { results in
          for (place, projection) in results {
            let direction = Direction(projection.pixels)
            if epoch == last { ends[layer.name, default: [:]][place.unit] = direction }
            sight.cosines[place.unit] = ends[layer.name]?[place.unit].map(direction.cosine)
          }
          try receive(epoch, layer.name, results)
        }
        return sight
      }
    }
    let order = epochs.compactMap { found[$0] }
    let described = (order.first ?? []).indices.map { layer in
      Self.described(order.map { $0[layer] }, epochs, images)
    }
    return EvolutionTable(epochs: epochs, layers: described)
  }

  /// The units of a layer that are projected: a draw that depends on the seed and the layer's place alone.
  private func draw(_ count: Int, layer: Int) -> [Int] {
    var generator = SeededGenerator(mixing: [seed, UInt64(layer)])
    return (0..<count).shuffled(using: &generator).prefix(perLayer).sorted()
  }

  private static func described(_ sights: [Sight], _ epochs: [Int], _ images: [String])
    -> EvolutionTable.Layer
  {
    let units = (sights.first?.chosen ?? []).map { unit in
      let moments = zip(epochs, sights).map { epoch, sight in
        let peak = sight.peaks[unit]
        return EvolutionTable.Moment(
          epoch: epoch, image: peak.map { images[$0.image] }, value: peak?.value ?? 0, row: peak?.row ?? 0,
          column: peak?.column ?? 0, cosine: sight.cosines[unit])
      }
      return EvolutionTable.Unit(unit: unit, moments: moments, settled: settled(moments))
    }
    let times = units.compactMap(\.settled).sorted()
    return EvolutionTable.Layer(
      layer: sights.first?.layer ?? "",
      changed: [nil] + zip(sights, sights.dropFirst()).map { changed(from: $0.peaks, to: $1.peaks) },
      settledShare: epochs.map { epoch in
        times.isEmpty ? 0 : Double(times.count { $0 <= epoch }) / Double(times.count)
      }, settled: times.isEmpty ? nil : times[(times.count - 1) / 2], units: units)
  }

  /// The first epoch from which the projection is always the last one.
  private static func settled(_ moments: [EvolutionTable.Moment]) -> Int? {
    moments.reversed().prefix { ($0.cosine ?? 0) > settledCosine }.last?.epoch
  }

  private static func changed(from before: [Peak?], to after: [Peak?]) -> Double? {
    let active = zip(before, after).filter { $0 != nil || $1 != nil }
    guard !active.isEmpty else { return nil }
    return Double(active.count { $0?.image != $1?.image }) / Double(active.count)
  }
}
