internal import Attribution
internal import Datasets
internal import Execution
internal import Figures
internal import Images
internal import Kernels
internal import Networks
internal import Studies
internal import Tensors

/// What a unit's projections would look like if they told nothing of it: each beside the evidence, with how alike they are.
///
/// A picture that stays the same when the switches, the unit or the weights are others' does not show the unit (Nie et al.
/// 2018; Mahendran & Vedaldi 2016; Adebayo et al. 2018).
struct Controls: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case evidence, wrongSwitches, otherUnit, randomWeights

    var title: String {
      switch self {
      case .evidence: "The projections"
      case .wrongSwitches: "Switches of another image"
      case .otherUnit: "Another unit, same place"
      case .randomWeights: "Shuffled weights"
      }
    }

    var meaning: String {
      switch self {
      case .evidence: "As the unit's page shows them."
      case .wrongSwitches:
        "The same activation carried back through the switches and ReLUs of the next image's pass: what is left comes from the weights alone."
      case .otherUnit:
        "The unit that is strongest at the same place of the same image: what is alike comes from the image and the place."
      case .randomWeights:
        "The same activation in the network with each layer's weights shuffled: what is alike comes from the architecture and the image."
      }
    }
  }

  struct Row: Sendable {
    let kind: Kind
    /// The mean over the images of the cosine with the projection, of signed values; nil for the evidence itself.
    let cosine: Double?
    /// The projections beside each other.
    let picture: [UInt8]
  }

  let rows: [Row]

  /// Images that are looked at, and the side of a tile.
  private static let (most, side, gap) = (6, 96, 4)

  /// - Parameters:
  ///   - unit: The unit.
  ///   - layer: Its layer.
  ///   - rule: How signals pass rectifiers.
  ///   - view: The run.
  ///   - threads: How many compute.
  /// - Throws: What a pass throws.
  init(
    of unit: RunView.Unit, in layer: RunView.Layer, rule: RectifierRule, view: RunView, threads: Int
  ) throws {
    let network = view.study.subject.network
    let (own, shuffled) = (
      try Pass(network, layer.value, rule, threads),
      try Pass(network.withShuffledWeights, layer.value, rule, threads)
    )
    let entries = Array(unit.entries.prefix(Self.most))
    let inputs = try entries.map { try view.run.pictures.tensor($0.image) }
    let traces = try inputs.map { try $0.map { try own.runner.forward($0) } }
    var found: [Kind: [PixelProjection?]] = [:]
    for (rank, entry) in entries.enumerated() {
      guard let trace = traces[rank], let input = inputs[rank] else {
        for kind in Kind.allCases { found[kind, default: []].append(nil) }
        continue
      }
      let seed = Seed.activation(unit: unit.number, row: entry.row, column: entry.column)
      let evidence = try own.projector.evidence(of: seed, in: trace)
      found[.evidence, default: []].append(try own.project(evidence))
      let next = traces.indices.count > 1 ? traces[(rank + 1) % traces.count] : nil
      found[.wrongSwitches, default: []].append(
        try next.map {
          try own.project(own.projector.evidence(of: seed, in: $0).carrying(signalOf: evidence))
        })
      let other = trace[layer.value].flatMap { Self.strongest(in: $0, beside: unit.number, at: entry) }
      found[.otherUnit, default: []].append(
        try other.map {
          try own.project(
            own.projector.evidence(of: .activation(unit: $0, row: entry.row, column: entry.column), in: trace)
          )
        })
      let random = try shuffled.runner.forward(input)
      found[.randomWeights, default: []].append(
        try shuffled.project(
          shuffled.projector.evidence(of: seed, in: random).carrying(signalOf: evidence)))
    }
    let preprocessing = view.run.configuration.preprocessing
    rows = try Kind.allCases.map { kind in
      let projections = found[kind] ?? []
      let cosines = zip(found[.evidence] ?? [], projections).compactMap { one, other in
        one.flatMap { one in other.flatMap { one.pixels.cosine(to: $0.pixels) } }
      }
      var canvas = Canvas(
        rows: Self.side, columns: max(1, projections.count) * (Self.side + Self.gap) - Self.gap, shade: 128)
      for (place, projection) in projections.enumerated() {
        guard let projection else { continue }
        let small = preprocessing.shown(projection: projection.pixels, side: Self.side)
        let scale = max(1, Self.side / max(small.rows, small.columns))
        canvas.place(
          try small.resized(rows: scale * small.rows, columns: scale * small.columns, by: .nearest), top: 0,
          left: place * (Self.side + Self.gap))
      }
      return Row(
        kind: kind,
        cosine: kind == .evidence || cosines.isEmpty ? nil : cosines.reduce(0, +) / Double(cosines.count),
        picture: try canvas.picture.encoded(as: .sharpJPEG(quality: 70)))
    }
  }

  /// The unit with the largest activation at a place, beside one of them; nil where no other is active.
  private static func strongest(in maps: Tensor, beside unit: Int, at entry: RunView.Entry) -> Int? {
    guard let units = maps.shape.dimensions.last else { return nil }
    let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
    let start = (entry.row * columns + entry.column) * units
    let values = maps.elements[start..<start + units]
    let best = values.indices.filter { $0 - start != unit }.max { (values[$0], $1) < (values[$1], $0) }
    return best.flatMap { values[$0] > 0 ? $0 - start : nil }
  }

  /// A network made ready to run forward and to carry back.
  private struct Pass {
    let projector: Projector
    let runner: Runner

    init(_ network: Network, _ value: String, _ rule: RectifierRule, _ threads: Int) throws {
      projector = try Projector(network, value: value, rule: rule, threads: threads)
      runner = try Runner(
        network, keeping: Array(Set(projector.keptValues + [value])).sorted(), recordingSwitches: true,
        threads: threads)
    }

    func project(_ evidence: Evidence) throws -> PixelProjection { try projector.project([evidence])[0] }
  }
}

extension Network {
  /// The network with the weights of each convolution and fully connected layer in another order.
  ///
  /// They are as large, and say nothing. Biases and normalisations stay.
  fileprivate var withShuffledWeights: Network {
    var generator = SeededGenerator(seed: 0)
    func shuffled(_ weights: Tensor) -> Tensor {
      Tensor(weights.shape, elements: weights.elements.shuffled(using: &generator))
    }
    return replacingOperations { node in
      switch node.operation {
      case .convolution(var convolution):
        convolution.filters = shuffled(convolution.filters)
        return .convolution(convolution)
      case .innerProduct(var product):
        product.weights = shuffled(product.weights)
        return .innerProduct(product)
      default: return node.operation
      }
    }
  }
}

extension Tensor {
  /// How alike two tensors of one shape are, from -1 to 1; nil where one is zero, or the shapes differ.
  fileprivate func cosine(to other: Tensor) -> Double? {
    guard shape == other.shape else { return nil }
    var (product, one, two) = (0.0, 0.0, 0.0)
    for (mine, its) in zip(elements, other.elements) {
      product += Double(mine) * Double(its)
      one += Double(mine) * Double(mine)
      two += Double(its) * Double(its)
    }
    return one > 0 && two > 0 ? product / (one * two).squareRoot() : nil
  }
}
