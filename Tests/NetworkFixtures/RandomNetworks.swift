internal import Kernels
public import Networks
internal import Tensors

/// The cases of `Operation`, to draw from and to count.
public enum OperationKind: String, CaseIterable, Sendable {
  case convolution, maxPooling, averagePooling, globalAveragePooling, globalMaxPooling
  case localResponseNormalization, batchNormalization, innerProduct, matrixProduct, activation
  case parametricRelu, softmax, logSoftmax, concatenation, split, arithmetic, arithmeticWithConstant
  case padding, slice, gathering, resampling, average, flatten, reshape, transposition, dropout, identity

  /// Whether a position of the result may depend on every position of the map, whatever the parameters are.
  var mixesPositions: Bool {
    switch self {
    case .globalAveragePooling, .globalMaxPooling, .matrixProduct, .flatten, .reshape, .transposition:
      true
    default: false
    }
  }
}

extension Operation {
  /// Without a default: a new operation does not compile here before it is drawn below.
  public var kind: OperationKind {
    switch self {
    case .convolution: .convolution
    case .maxPooling: .maxPooling
    case .averagePooling: .averagePooling
    case .globalAveragePooling: .globalAveragePooling
    case .globalMaxPooling: .globalMaxPooling
    case .localResponseNormalization: .localResponseNormalization
    case .batchNormalization: .batchNormalization
    case .innerProduct: .innerProduct
    case .matrixProduct: .matrixProduct
    case .activation: .activation
    case .parametricRelu: .parametricRelu
    case .softmax: .softmax
    case .logSoftmax: .logSoftmax
    case .concatenation: .concatenation
    case .split: .split
    case .arithmetic: .arithmetic
    case .arithmeticWithConstant: .arithmeticWithConstant
    case .padding: .padding
    case .slice: .slice
    case .gathering: .gathering
    case .resampling: .resampling
    case .average: .average
    case .flatten: .flatten
    case .reshape: .reshape
    case .transposition: .transposition
    case .dropout: .dropout
    case .identity: .identity
    }
  }
}

/// Networks of a dozen nodes drawn from every operation: branches, joins, splits with outputs that nothing reads,
/// borders of every kind.
///
/// Seed `n` is sure to hold the kind of number `n` modulo the number of kinds. Every other network is local: it
/// otherwise leaves out operations that mix all positions, so that receptive fields stay windows down to the input.
public struct RandomNetworks {
  /// A network and those of its values that are feature maps, in the order of the nodes.
  public struct Drawn: Sendable {
    public let network: Network
    public let maps: [String]
  }

  private typealias Map = (name: String, shape: Shape)
  private var build: TinyNetworks.Builder
  private var maps: [Map]
  private var isLocal: Bool
  private var shapes: [String: Shape] = [:]
  private let input: Shape
  private var count = 0

  public static func draw(seed: Int) throws -> Drawn {
    var draw = RandomNetworks(seed: seed)
    try draw.convolution(of: draw.maps[0])
    let kinds = OperationKind.allCases
    let steps = draw.integer(5...9)
    let sure = draw.integer(0...steps - 1)
    for step in 0..<steps {
      var kind = draw.choice(kinds)
      while draw.isLocal && kind.mixesPositions { kind = draw.choice(kinds) }
      try draw.add(step == sure ? kinds[seed % kinds.count] : kind)
      if draw.chance(0.3) { try draw.add(.convolution) }
    }
    return Drawn(network: try draw.network(), maps: draw.maps.dropFirst().map(\.name))
  }

  private init(seed: Int) {
    build = TinyNetworks.Builder(seed: UInt64(seed) &* 0x9E37_79B9 &+ 17)
    isLocal = seed / OperationKind.allCases.count % 2 == 0
    let (rows, columns) = (
      Int.random(in: 17...25, using: &build.generator), Int.random(in: 17...25, using: &build.generator)
    )
    input = Shape(images: 1, rows: rows, columns: columns, channels: 3)
    maps = [("input", input)]
  }

  private func network() throws -> Network {
    try build.network(rows: input.rows, columns: input.columns)
  }

  // MARK: Chance

  private mutating func integer(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &build.generator)
  }

  private mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &build.generator) < probability
  }

  private mutating func choice<Element>(_ elements: [Element]) -> Element {
    elements[integer(0...elements.count - 1)]
  }

  // MARK: Nodes

  /// Adds a node; values of rank 4 may be read by those that follow.
  @discardableResult
  private mutating func node(_ operation: Operation, _ inputs: String..., outputs: Int = 1) throws -> [Map] {
    try node(operation, inputs, outputs: outputs)
  }

  @discardableResult
  private mutating func node(_ operation: Operation, _ inputs: [String], outputs: Int = 1) throws -> [Map] {
    let name = "\(operation.kind.rawValue)\(count)"
    let outputs = (0..<outputs).map { "\(name).\($0)" }
    build.nodes.append(.init(name: name, operation: operation, inputs: inputs, outputs: outputs))
    build.last = outputs[0]
    do {
      shapes = try network().shapes(inputs: ["input": input])
    } catch is NetworkError {
      // Geometry that does not fit the map is not drawn.
      build.nodes.removeLast()
      return []
    }
    count += 1
    let made = outputs.map { ($0, shapes[$0] ?? []) }
    maps += made.filter { $0.1.rank == 4 && $0.1.rows > 0 && $0.1.columns > 0 && $0.1.channels > 0 }
    return made
  }

  /// The latest map, or one of those before it that are not tiny.
  private mutating func source() -> Map {
    let large = maps.dropFirst().filter { $0.shape.rows > 4 && $0.shape.columns > 4 }
    let candidates = Array(large.suffix(4))
    guard let last = candidates.last else { return maps[maps.count - 1] }
    return chance(0.6) ? last : choice(candidates)
  }

  /// Another map of the same rows and columns, or the map itself.
  private mutating func companion(of map: Map, channels: Int? = nil) -> Map {
    choice(
      maps.dropFirst().filter {
        $0.shape.rows == map.shape.rows && $0.shape.columns == map.shape.columns
          && (channels == nil || $0.shape.channels == channels)
      })
  }

  /// The map pressed into 0.5...1.5, for functions that are not defined everywhere; not so far that nothing is left of
  /// the slope.
  private mutating func positive(_ map: Map) throws -> Map {
    let small = try node(
      .arithmeticWithConstant(.multiply, Tensor([], elements: [0.1]), constantFirst: false), map.name)[0]
    let pressed = try node(.activation(.sigmoid), small.name)[0]
    return try node(
      .arithmeticWithConstant(.add, Tensor([], elements: [0.5]), constantFirst: false), pressed.name)[0]
  }

  private mutating func rule(largest: Int, padded: Bool, roundsUp: Bool) -> SlidingRule {
    let window = [integer(1...largest), integer(1...largest)]
    var rule = SlidingRule(
      window: window, strides: [chance(0.75) ? 1 : 2, chance(0.75) ? 1 : 2],
      dilations: chance(0.8) ? [1, 1] : [2, integer(1...2)], roundsUp: roundsUp)
    guard padded else { return rule }
    switch integer(0...3) {
    case 0: rule.padding = .sameUpper
    case 1: rule.padding = .sameLower
    default:
      rule.padding = .explicit(
        top: integer(0...window[0] - 1), left: integer(0...window[1] - 1), bottom: integer(0...window[0] - 1),
        right: integer(0...window[1] - 1))
    }
    return rule
  }

  /// Rows and columns halved where the network is local, which leaves them on a grid; any size otherwise.
  private mutating func resampling(of map: Map) -> ResamplingRule {
    func extent(_ length: Int) -> ResamplingRule.Extent {
      if isLocal { return chance(0.7) ? .scale(0.5) : .scale(1) }
      return chance(0.5) ? .scale(choice([0.5, 0.7, 1.3, 2])) : .size(integer(5...length + 6))
    }
    var rule = ResamplingRule(
      method: choice([
        .nearest(.floor), .nearest(.ceil), .nearest(.preferFloor), .nearest(.preferCeil), .linear, .linear,
        .cubic(coefficient: -0.75), .cubic(coefficient: -0.5),
      ]),
      coordinates: choice([.halfPixel, .halfPixelSymmetric, .torchHalfPixel, .alignedCorners, .asymmetric]),
      rows: extent(map.shape.rows), columns: extent(map.shape.columns))
    if case .nearest = rule.method { return rule }
    rule.antialiases = chance(0.3)
    rule.excludesOutside = chance(0.3)
    return rule
  }

  private mutating func convolution(of map: Map) throws {
    let channels = map.shape.channels
    let groups = channels % 2 == 0 && chance(0.3) ? 2 : 1
    let outputs = 2 * integer(2...4)
    let rule = rule(largest: 3, padded: true, roundsUp: false)
    let fan = Float(rule.window[0] * rule.window[1] * channels / groups)
    let bound = (5 / fan).squareRoot()
    let filters = build.random(
      [outputs, rule.window[0], rule.window[1], channels / groups], in: -bound...bound)
    let bias = chance(0.8) ? build.random([outputs], in: -0.2...0.2) : nil
    let made = try node(
      .convolution(Convolution(filters: filters, bias: bias, rule: rule, groups: groups)), map.name)
    if let made = made.first, chance(0.5) { try node(.activation(.relu), made.name) }
  }

  private mutating func product(_ inputs: Int, _ outputs: Int) -> InnerProduct {
    let bound = (3 / Float(inputs)).squareRoot()
    return InnerProduct(
      weights: build.random([outputs, inputs], in: -bound...bound),
      bias: chance(0.5) ? build.random([outputs], in: -0.2...0.2) : nil)
  }

  /// Puts one value a channel, of rank 4 or 2, over the map it was made from.
  private mutating func gate(_ map: Map, by value: Map) throws {
    var value = value
    if value.shape.rank == 2 { value = try node(.reshape([0, value.shape[1], 1, 1]), value.name)[0] }
    let pressed = try node(.activation(chance(0.5) ? .sigmoid : .tanh), value.name)[0]
    try node(.arithmetic(chance(0.5) ? .multiply : .add), map.name, pressed.name)
  }

  /// Some axis of a map: the channels alone where the network is local.
  private mutating func axis() -> Int { isLocal || chance(0.5) ? 3 : integer(1...2) }

  /// Adds a node of this kind, with what it takes for its values to be maps of a fitting size.
  private mutating func add(_ kind: OperationKind) throws {
    let map = source()
    let (rows, columns, channels) = (map.shape.rows, map.shape.columns, map.shape.channels)
    switch kind {
    case .convolution:
      try convolution(of: map)
    case .maxPooling:
      try node(.maxPooling(rule(largest: 3, padded: true, roundsUp: chance(0.5))), map.name)
    case .averagePooling:
      let rule = rule(largest: 3, padded: true, roundsUp: chance(0.5))
      try node(.averagePooling(rule, countsPadding: chance(0.5)), map.name)
    case .globalAveragePooling, .globalMaxPooling:
      let pooled = try node(
        kind == .globalMaxPooling ? .globalMaxPooling : .globalAveragePooling, map.name)[0]
      try gate(map, by: pooled)
    case .localResponseNormalization:
      let constants = LocalResponseNormalization(
        size: integer(2...5), alpha: 0.5, beta: 0.75, bias: choice([1, 2]))
      try node(.localResponseNormalization(constants), map.name)
    case .batchNormalization:
      try node(
        .batchNormalization(
          BatchNormalization(
            scale: build.random([channels], in: 0.5...1.5), shift: build.random([channels]),
            mean: build.random([channels]), variance: build.random([channels], in: 0.5...2), epsilon: 1e-5)),
        map.name)
    case .innerProduct:
      try node(.innerProduct(product(channels, integer(3...8))), map.name)
    case .matrixProduct:
      // Attention over positions: channels x positions, times its transpose, times itself.
      let flat = try node(.reshape([0, channels, rows * columns]), map.name)[0]
      let turned = try node(.transposition([0, 2, 1]), flat.name)[0]
      let scores = try node(.matrixProduct, flat.name, turned.name)[0]
      let scaled = try node(
        .arithmeticWithConstant(
          .divide, Tensor([], elements: [Float(rows * columns)]), constantFirst: false), scores.name)[0]
      let mixed = try node(.matrixProduct, scaled.name, flat.name)[0]
      try node(.reshape([0, channels, rows, columns]), mixed.name)
    case .activation:
      let free: [Activation] = [
        .relu, .leakyRelu(slope: 0.1), .clip(minimum: 0, maximum: 1), .clip(minimum: -0.5, maximum: 1),
        .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .swish, .elu(alpha: 0.7), .softplus,
        .gelu, .abs, .negate, .erf,
      ]
      let bound: [Activation] = [.exp, .log, .sqrt, .reciprocal, .sigmoid, .tanh]
      if chance(0.75) {
        try node(.activation(choice(free)), map.name)
      } else {
        let pressed = try positive(map)
        try node(.activation(choice(bound)), pressed.name)
      }
    case .parametricRelu:
      try node(.parametricRelu(slope: build.random([chance(0.5) ? 1 : channels], in: -0.5...0.5)), map.name)
    case .softmax:
      try node(.softmax(axis: axis()), map.name)
    case .logSoftmax:
      try node(.logSoftmax(axis: axis()), map.name)
    case .concatenation:
      let axis = axis()
      let others = (0...integer(0...1)).map { _ in companion(of: map, channels: axis == 3 ? nil : channels) }
      try node(.concatenation(axis: axis), [map.name] + others.map(\.name))
    case .split:
      let axis = axis()
      let extent = map.shape[axis]
      guard extent > 1 else { return }
      let first = integer(1...extent - 1)
      let second = extent - first > 1 && chance(0.5) ? integer(1...extent - first - 1) : 0
      let sizes = [first, second, extent - first - second].filter { $0 > 0 }
      let parts = try node(.split(axis: axis, sizes: sizes), map.name, outputs: sizes.count)
      // A part goes on alone, or through a convolution beside another part that does not.
      if chance(0.5) { return try convolution(of: choice(parts)) }
      try convolution(of: parts[0])
      try node(.concatenation(axis: 3), maps[maps.count - 1].name, companion(of: maps[maps.count - 1]).name)
    case .arithmetic:
      var (left, right) = (map, companion(of: map, channels: channels))
      if chance(0.3) { right = try node(.average(axes: [3], keepsAxes: true), right.name)[0] }
      let arithmetic = choice(Arithmetic.allCases)
      if arithmetic == .power { left = try positive(left) }
      if arithmetic == .divide { right = try positive(right) }
      if chance(0.2), arithmetic == .add { swap(&left, &right) }
      try node(.arithmetic(arithmetic), left.name, right.name)
    case .arithmeticWithConstant:
      let arithmetic = choice(Arithmetic.allCases)
      let isFirst = chance(0.5)
      let wide = channels == 1 ? integer(1...4) : channels
      let shape: Shape = choice([
        [], [1], [wide], [1, 1, 1, wide], [1, 1, wide], [rows, columns, wide], [rows, 1, 1], [columns, 1],
      ])
      let isDelicate = arithmetic == .power || arithmetic == .divide && isFirst
      let read = isDelicate ? try positive(map) : map
      try node(
        .arithmeticWithConstant(arithmetic, build.random(shape, in: 0.5...1.5), constantFirst: isFirst),
        read.name)
    case .padding:
      let mode: PaddingMode =
        isLocal || chance(0.5) ? .constant(choice([0, 0.3])) : chance(0.5) ? .edge : .reflect
      let before = [0, integer(-1...2), integer(-1...2), chance(0.3) ? integer(-1...1) : 0]
      let after = [0, integer(-1...2), integer(-1...2), chance(0.3) ? integer(-1...1) : 0]
      try node(.padding(before: before, after: after, mode: mode), map.name)
    case .slice:
      var (starts, stops, steps) = ([0], [1], [1])
      for (axis, extent) in [rows, columns, channels].enumerated() {
        if isLocal && axis < 2 {
          starts.append(0)
          stops.append(.max)
          steps.append(1)
        } else if chance(0.25) {
          starts.append(extent - 1)
          stops.append(-1)
          steps.append(-1)
        } else {
          starts.append(integer(0...min(2, extent - 1)))
          stops.append(extent - (extent > 4 ? integer(0...1) : 0))
          steps.append(extent > 6 && chance(0.3) ? 2 : 1)
        }
      }
      try node(.slice(starts: starts, stops: stops, steps: steps), map.name)
    case .gathering:
      let axis = axis()
      let positions = (0..<integer(max(2, map.shape[axis] - 3)...map.shape[axis] + 2)).map { _ in
        integer(0...map.shape[axis] - 1)
      }
      try node(.gathering(axis: axis, positions: positions), map.name)
    case .resampling:
      try node(.resampling(resampling(of: map)), map.name)
    case .average:
      if isLocal {
        let mean = try node(.average(axes: [3], keepsAxes: true), map.name)[0]
        try node(.arithmetic(.subtract), map.name, mean.name)
      } else if chance(0.5) {
        let mean = try node(.average(axes: [1, 2], keepsAxes: false), map.name)[0]
        try gate(map, by: mean)
      } else {
        let mean = try node(.average(axes: [choice([1, 2])], keepsAxes: true), map.name)[0]
        try node(.arithmetic(.subtract), map.name, mean.name)
      }
    case .flatten:
      let flat = try node(.flatten, map.name)[0]
      let made = try node(.innerProduct(product(flat.shape[1], channels)), flat.name)[0]
      try gate(map, by: made)
    case .reshape:
      guard channels % 2 == 0 else {
        try node(.reshape([0, channels, columns, rows]), map.name)
        return
      }
      // A channel shuffle.
      let grouped = try node(.reshape([0, 2, channels / 2, rows, columns]), map.name)[0]
      let turned = try node(.transposition([0, 2, 1, 3, 4]), grouped.name)[0]
      try node(.reshape([0, channels, rows, columns]), turned.name)
    case .transposition:
      try node(.transposition(choice([[0, 2, 1, 3], [0, 1, 2, 3]])), map.name)
    case .dropout:
      try node(.dropout(ratio: 0.5), map.name)
    case .identity:
      try node(.identity, map.name)
    }
  }
}
