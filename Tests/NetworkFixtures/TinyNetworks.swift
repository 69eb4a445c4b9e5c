internal import Kernels
public import Networks
public import Tensors

/// Small networks with random weights, one for each way that a graph can be shaped.
public enum TinyNetworks {
  /// Builds a network node by node; each reads the value before it unless told otherwise.
  public struct Builder {
    public var nodes: [Network.Node] = []
    public var last = "input"
    var generator: SeededGenerator

    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    @discardableResult
    public mutating func add(_ name: String, _ operation: Operation, from inputs: [String]? = nil) -> String {
      nodes.append(
        .init(name: name, operation: operation, inputs: inputs ?? [last], outputs: [name + ".out"]))
      last = name + ".out"
      return last
    }

    public mutating func random(_ shape: Shape, in range: ClosedRange<Float> = -1...1) -> Tensor {
      Tensor.random(shape, in: range, using: &generator)
    }

    @discardableResult
    public mutating func convolution(
      _ name: String, _ outputs: Int, of inputs: Int, window: Int, stride: Int = 1, padding: Int = 0,
      dilation: Int = 1, groups: Int = 1, from: [String]? = nil
    ) -> String {
      let filters = random([outputs, window, window, inputs / groups])
      let rule = SlidingRule(
        window: [window, window], strides: [stride, stride], dilations: [dilation, dilation],
        padding: .explicit(top: padding, left: padding, bottom: padding, right: padding))
      let bias = random([outputs], in: -0.2...0.2)
      return add(
        name, .convolution(Convolution(filters: filters, bias: bias, rule: rule, groups: groups)), from: from)
    }

    @discardableResult
    public mutating func relu(_ name: String) -> String { add(name, .activation(.relu)) }

    public func network(rows: Int, columns: Int, channels: Int = 3, outputs: [String]? = nil) throws
      -> Network
    {
      try Network(
        name: "tiny", inputs: [.init(name: "input", extents: [nil, channels, rows, columns])], nodes: nodes,
        outputs: outputs ?? [last])
    }
  }

  /// Convolutions, overlapping pools that round up, contrast normalisation: AlexNet's shape in small.
  public static func plain(seed: UInt64 = 1) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("conv1", 8, of: 3, window: 5, stride: 2, padding: 1)
    build.relu("relu1")
    build.add("pool1", .maxPooling(SlidingRule(window: [3, 3], strides: [2, 2], roundsUp: true)))
    build.add(
      "norm1",
      .localResponseNormalization(LocalResponseNormalization(size: 5, alpha: 1e-1, beta: 0.75, bias: 2)))
    build.convolution("conv2", 10, of: 8, window: 3, padding: 1)
    build.relu("relu2")
    build.add("pool2", .maxPooling(SlidingRule(window: [3, 3], strides: [2, 2])))
    build.convolution("conv3", 12, of: 10, window: 3, padding: 1)
    build.relu("relu3")
    return try build.network(rows: 47, columns: 53)
  }

  /// A residual block with batch normalisation, strides and a skip convolution.
  public static func residual(seed: UInt64 = 2) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("stem", 8, of: 3, window: 3, stride: 2, padding: 1)
    build.add("stemNorm", .batchNormalization(normalization(8, &build)))
    let stem = build.relu("stemRelu")
    build.convolution("branch1", 8, of: 8, window: 3, stride: 2, padding: 1)
    build.relu("branchRelu")
    let branch = build.convolution("branch2", 8, of: 8, window: 3, padding: 1)
    let skip = build.convolution("skip", 8, of: 8, window: 1, stride: 2, from: [stem])
    build.add("sum", .arithmetic(.add), from: [branch, skip])
    let sum = build.relu("sumRelu")
    build.convolution("again", 8, of: 8, window: 3, padding: 1)
    let again = build.add("againNorm", .batchNormalization(normalization(8, &build)))
    build.add("sum2", .arithmetic(.add), from: [sum, again])
    build.relu("out")
    return try build.network(rows: 40, columns: 36)
  }

  /// Inception-like: branches of different sizes joined, an average pool that leaves padding out, dilation, groups.
  public static func branches(seed: UInt64 = 3) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("stem", 8, of: 3, window: 3, stride: 2)
    let stem = build.relu("stemRelu")
    build.convolution("one", 4, of: 8, window: 1)
    let one = build.relu("oneRelu")
    build.convolution("wide", 6, of: 8, window: 3, padding: 2, dilation: 2, groups: 2, from: [stem])
    let wide = build.relu("wideRelu")
    let rule = SlidingRule(
      window: [3, 3], padding: .explicit(top: 1, left: 1, bottom: 1, right: 1))
    let pool = build.add("average", .averagePooling(rule, countsPadding: false), from: [stem])
    let most = build.add("most", .maxPooling(rule), from: [stem])
    build.add("join", .concatenation(axis: 3), from: [one, wide, pool, most])
    build.add("pad", .padding(before: [0, 1, 0, 0], after: [0, 0, 2, 0], mode: .constant(0)))
    build.convolution("deep", 9, of: 26, window: 3, stride: 2)
    build.add("leaky", .activation(.leakyRelu(slope: 0.1)))
    return try build.network(rows: 33, columns: 38)
  }

  /// Average pools that round up, padding counted, plain and dilated: linear but for one rectifier.
  public static func averages(seed: UInt64 = 6) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("conv1", 6, of: 3, window: 3)
    build.relu("relu1")
    let padding = SlidingRule.Padding.explicit(top: 1, left: 1, bottom: 1, right: 1)
    build.add(
      "mean1",
      .averagePooling(
        SlidingRule(window: [3, 3], strides: [2, 2], padding: padding, roundsUp: true), countsPadding: true))
    build.convolution("conv2", 5, of: 6, window: 3, padding: 1)
    build.add(
      "mean2",
      .averagePooling(
        SlidingRule(window: [2, 3], strides: [3, 2], dilations: [2, 1], roundsUp: true), countsPadding: true))
    return try build.network(rows: 22, columns: 26)
  }

  /// A gate over channels, a global pool, a flattened map into two fully connected layers and a softmax.
  public static func classifier(seed: UInt64 = 4) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("conv1", 8, of: 3, window: 3, stride: 2, padding: 1)
    let maps = build.add("hard", .activation(.hardSwish))
    build.add("squeeze", .globalAveragePooling)
    build.convolution("gateConv", 8, of: 8, window: 1)
    let gate = build.add("gate", .activation(.sigmoid))
    build.add("scale", .arithmetic(.multiply), from: [maps, gate])
    build.add("pool", .maxPooling(SlidingRule(window: [2, 2], strides: [2, 2])))
    build.add("flat", .flatten)
    build.add(
      "fc1", .innerProduct(InnerProduct(weights: build.random([16, 8 * 4 * 5]), bias: build.random([16]))))
    build.relu("relu")
    build.add("fc2", .innerProduct(InnerProduct(weights: build.random([5, 16]), bias: nil)))
    build.add("softmax", .softmax(axis: 1))
    return try build.network(rows: 16, columns: 20)
  }

  /// Gates of one value a position, a mean over channels, a product at every position.
  public static func gated(seed: UInt64 = 5) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("conv1", 8, of: 3, window: 3, stride: 2)
    let maps = build.relu("relu1")
    build.add("mean", .average(axes: [3], keepsAxes: true))
    build.convolution("gateConv", 1, of: 1, window: 3, padding: 1)
    let gate = build.add("gate", .activation(.sigmoid))
    build.add("scale", .arithmetic(.multiply), from: [maps, gate])
    build.add(
      "product", .innerProduct(InnerProduct(weights: build.random([6, 8]), bias: build.random([6]))))
    build.add("tanh", .activation(.tanh))
    build.add("less", .arithmeticWithConstant(.subtract, build.random([6]), constantFirst: true))
    build.add("factor", .arithmeticWithConstant(.multiply, build.random([1, 1, 1, 6]), constantFirst: false))
    build.convolution("conv2", 5, of: 6, window: 3, stride: 2, padding: 1)
    build.relu("relu2")
    return try build.network(rows: 31, columns: 26)
  }

  /// What a pass joins beside rectifiers: sums where the other side stands, or is read again, or broadcasts; parts of
  /// concatenations, made there and copied, of parts too; a concatenation into a normalisation; self-gates of both kinds;
  /// gates that scale where they stand.
  public static func joined(seed: UInt64 = 7) throws -> Network {
    var build = Builder(seed: seed)
    build.convolution("stem", 8, of: 3, window: 3, stride: 2, padding: 1)
    let stem = build.relu("stemRelu")
    build.convolution("first", 8, of: 8, window: 1)
    let first = build.add("firstNorm", .batchNormalization(normalization(8, &build)))
    build.add("sum", .arithmetic(.add), from: [stem, first])
    let sum = build.relu("sumRelu")
    build.convolution("twice", 8, of: 8, window: 3, padding: 1)
    let twice = build.add("double", .arithmetic(.add), from: [build.last, build.last])
    build.convolution("deep", 8, of: 8, window: 3, padding: 1, groups: 8)
    build.add("again", .arithmetic(.add), from: [build.last, sum])
    let gate = build.add("gate", .activation(.sigmoid))
    let swish = build.add("swish", .arithmetic(.multiply), from: [gate, "again.out"])
    build.convolution("hard", 6, of: 8, window: 3, padding: 1)
    let hard = build.add("hardGate", .activation(.hardSigmoid(alpha: 1 / 6, beta: 0.5)))
    let hardSwish = build.add("hardSwish", .arithmetic(.multiply), from: ["hard.out", hard])
    build.convolution("five", 5, of: 6, window: 1)
    let five = build.add("fiveSwish", .activation(.hardSwish))
    let seven = build.convolution("seven", 7, of: 8, window: 3, padding: 1, from: [swish])
    build.add("join", .concatenation(axis: 3), from: [five, twice, seven, twice])
    build.add("outer", .concatenation(axis: 3), from: [hardSwish, build.last])
    build.add("norm", .batchNormalization(normalization(34, &build)))
    let maps = build.relu("normRelu")
    build.add("squeeze", .globalAveragePooling)
    build.convolution("gateConv", 34, of: 34, window: 1)
    build.add("scale", .activation(.sigmoid))
    build.add("scaled", .arithmetic(.multiply), from: [build.last, maps])
    let narrow = build.convolution("narrow", 1, of: 34, window: 1)
    build.convolution("wide", 4, of: 34, window: 1, from: ["scaled.out"])
    build.add("broadcast", .arithmetic(.add), from: [build.last, narrow])
    build.relu("end")
    return try build.network(rows: 21, columns: 26)
  }

  /// ConvNeXt's shape in small: maps turned around to be normalised over channels and multiplied, and back; the
  /// normalisation and the gate spelled out as files do, once with a power and a shift, and a map turned that stays so.
  public static func turned(seed: UInt64 = 8) throws -> Network {
    var build = Builder(seed: seed)
    let maps = build.convolution("depthwise", 6, of: 3, window: 3, padding: 1)
    build.add("turn", .transposition([0, 2, 3, 1]))
    normalize("norm", axis: 2, power: false, &build)
    build.add("gain", .arithmeticWithConstant(.multiply, build.random([6, 1]), constantFirst: false))
    build.add("last", .transposition([0, 1, 3, 2]))
    build.add("wide", .innerProduct(InnerProduct(weights: build.random([10, 6]), bias: nil)))
    build.add("wideBias", .arithmeticWithConstant(.add, build.random([10]), constantFirst: true))
    let wide = build.last
    build.add(
      "scaled", .arithmeticWithConstant(.divide, Tensor([1], repeating: 1.4142135), constantFirst: false))
    build.add("error", .activation(.erf))
    build.add("more", .arithmeticWithConstant(.add, Tensor([1], repeating: 1), constantFirst: false))
    build.add("gate", .arithmetic(.multiply), from: [wide, build.last])
    build.add("gelu", .arithmeticWithConstant(.multiply, Tensor([1], repeating: 0.5), constantFirst: false))
    build.add("narrow", .innerProduct(InnerProduct(weights: build.random([6, 10]), bias: build.random([6]))))
    build.add("back", .transposition([0, 2, 1, 3]))
    build.add("layerScale", .arithmeticWithConstant(.multiply, build.random([6]), constantFirst: false))
    let sum = build.add("sum", .arithmetic(.add), from: [build.last, maps])
    normalize("other", axis: 3, power: true, &build)
    build.add("turnAgain", .transposition([0, 3, 1, 2]))
    build.add("hot", .activation(.sigmoid))
    build.add("straight", .transposition([0, 1, 3, 2]), from: [sum])
    build.add("mixed", .padding(before: [0, 1, 0, 0], after: [0, 0, 2, 0], mode: .constant(0)))
    build.add("end", .softmax(axis: 2), from: ["hot.out"])
    return try build.network(rows: 7, columns: 9, outputs: ["end.out", "mixed.out", "sum.out"])
  }

  private static func normalize(_ name: String, axis: Int, power: Bool, _ build: inout Builder) {
    let input = build.last
    let mean = build.add(name + "Mean", .average(axes: [axis], keepsAxes: true))
    let centred = build.add(name + "Centred", .arithmetic(.subtract), from: [input, mean])
    if power {
      build.add(
        name + "Square", .arithmeticWithConstant(.power, Tensor([1], repeating: 2), constantFirst: false))
    } else {
      build.add(name + "Square", .arithmetic(.multiply), from: [centred, centred])
    }
    build.add(name + "Variance", .average(axes: [axis], keepsAxes: true))
    build.add(
      name + "Shifted", .arithmeticWithConstant(.add, Tensor([1], repeating: 1e-3), constantFirst: false))
    build.add(name + "Deviation", .activation(.sqrt))
    build.add(name, .arithmetic(.divide), from: [centred, build.last])
  }

  public static func named(_ name: String) throws -> Network {
    switch name {
    case "plain": try plain()
    case "residual": try residual()
    case "branches": try branches()
    case "gated": try gated()
    case "averages": try averages()
    case "joined": try joined()
    case "turned": try turned()
    default: try classifier()
    }
  }

  private static func normalization(_ channels: Int, _ build: inout Builder) -> BatchNormalization {
    BatchNormalization(
      scale: build.random([channels], in: 0.5...1.5), shift: build.random([channels]),
      mean: build.random([channels]), variance: build.random([channels], in: 0.5...2), epsilon: 1e-5)
  }
}
