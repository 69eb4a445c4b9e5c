import Kernels
import NetworkFixtures
import Networks
import ReferenceKernels
import Tensors

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The whole walk in `Double`, slow and obvious: its own forward pass, its own switches, its own way back.
///
/// A linear operation is written once, as the list of its terms (output += weight x input); forward adds along the
/// terms and the way back adds against them. Everything else states its derivative.
struct ReferenceWalk {
  let network: Network
  private(set) var values: [String: ReferenceTensor]
  private var winners: [String: [Int]] = [:]

  /// A forward pass of one picture.
  init(_ network: Network, input: [Double]) throws {
    self.network = network
    let shape = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: [network.inputs[0].name: shape])
    values = [network.inputs[0].name: ReferenceTensor(shape, elements: input)]
    for node in network.nodes {
      let inputs = node.inputs.map { values[$0] ?? ReferenceTensor([0]) }
      let made = try forward(node, inputs, node.outputs.map { shapes[$0] ?? [] })
      for (name, value) in zip(node.outputs, made) { values[name] = value }
    }
  }

  // MARK: Forward

  private mutating func forward(
    _ node: Network.Node, _ inputs: [ReferenceTensor], _ shapes: [Shape]
  ) throws -> [ReferenceTensor] {
    let (input, x) = (inputs[0], inputs[0].elements)
    switch node.operation {
    case .convolution, .averagePooling, .globalAveragePooling, .batchNormalization, .innerProduct,
      .concatenation, .split, .padding, .slice, .gathering, .resampling, .average, .flatten, .reshape,
      .transposition, .dropout, .identity:
      var outputs = shapes.enumerated().map { place, shape in
        ReferenceTensor(shape, elements: (0..<shape.count).map { constant(of: node, place, at: $0, shape) })
      }
      terms(of: node, inputs.map(\.shape), shapes) { from, element, to, place, weight in
        outputs[to].elements[place] += weight * inputs[from].elements[element]
      }
      return outputs
    case .maxPooling, .globalMaxPooling:
      let (pooled, won) = try referenceMaxPooling(input, over: sliding(of: node, over: input.shape))
      winners[node.name] = won
      return [pooled]
    case .localResponseNormalization(let constants):
      return [referenceLocalResponseNormalization(input, constants)]
    case .matrixProduct:
      return [referenceMatrixProduct(input, inputs[1])]
    case .activation(let activation):
      return [ReferenceTensor(input.shape, elements: x.map { referenceActivated($0, by: activation) })]
    case .parametricRelu(let slope):
      let slopes = slope.elements.map(Double.init)
      return [
        ReferenceTensor(
          input.shape, elements: x.indices.map { x[$0] > 0 ? x[$0] : slopes[$0 % slopes.count] * x[$0] })
      ]
    case .softmax(let axis), .logSoftmax(let axis):
      var output = input
      let isLog = node.operation.kind == .logSoftmax
      for line in lines(of: input.shape, along: axis) {
        let sum = line.reduce(0) { $0 + exp(x[$1]) }
        for place in line { output.elements[place] = isLog ? x[place] - log(sum) : exp(x[place]) / sum }
      }
      return [output]
    case .arithmetic(let arithmetic):
      return [referenceCombined(input, inputs[1]) { combine(arithmetic, $0, $1) }]
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      let other = ReferenceTensor(constant)
      return [
        isFirst
          ? referenceCombined(other, input) { combine(arithmetic, $0, $1) }
          : referenceCombined(input, other) { combine(arithmetic, $0, $1) }
      ]
    }
  }

  private func combine(_ arithmetic: Arithmetic, _ left: Double, _ right: Double) -> Double {
    switch arithmetic {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    case .divide: left / right
    case .minimum: min(left, right)
    case .maximum: max(left, right)
    case .power: pow(left, right)
    case .select: right != 0 ? left : 0
    case .greater: left > right ? 1 : 0
    case .greaterOrEqual: left >= right ? 1 : 0
    case .equal: left == right ? 1 : 0
    }
  }

  /// The slopes by either side; ties go to the left.
  private func slopes(_ arithmetic: Arithmetic, _ left: Double, _ right: Double) -> (Double, Double) {
    switch arithmetic {
    case .add: (1, 1)
    case .subtract: (1, -1)
    case .multiply: (right, left)
    case .divide: (1 / right, -left / (right * right))
    case .minimum: left <= right ? (1, 0) : (0, 1)
    case .maximum: left >= right ? (1, 0) : (0, 1)
    case .power: (right * pow(left, right - 1), pow(left, right) * log(left))
    case .select: (right != 0 ? 1 : 0, 0)
    case .greater, .greaterOrEqual, .equal: (0, 0)
    }
  }

  private func slope(of activation: Activation, at x: Double) -> Double {
    switch activation {
    case .relu: return x > 0 ? 1 : 0
    case .leakyRelu(let slope): return x > 0 ? 1 : Double(slope)
    case .elu(let alpha): return x > 0 ? 1 : Double(alpha) * exp(x)
    case .clip(let minimum, let maximum): return x > Double(minimum) && x < Double(maximum) ? 1 : 0
    case .abs: return x > 0 ? 1 : x < 0 ? -1 : 0
    default:
      let step = 1e-5
      return (referenceActivated(x + step, by: activation) - referenceActivated(x - step, by: activation))
        / (2 * step)
    }
  }

  // MARK: Linear operations

  private func sliding(of node: Network.Node, over map: Shape) -> Sliding {
    switch node.operation {
    case .convolution(let convolution): convolution.rule.resolved(over: map)
    case .maxPooling(let rule), .averagePooling(let rule, _): rule.resolved(over: map)
    default: Sliding(rows: Slide(window: map.rows), columns: Slide(window: map.columns))
    }
  }

  /// What an affine operation adds to an element of an output.
  private func constant(of node: Network.Node, _ output: Int, at element: Int, _ shape: Shape) -> Double {
    let channel = element % max(shape.dimensions.last ?? 1, 1)
    switch node.operation {
    case .convolution(let convolution):
      return convolution.bias.map { Double($0.elements[channel]) } ?? 0
    case .innerProduct(let product):
      return product.bias.map { Double($0.elements[channel]) } ?? 0
    case .batchNormalization(let it):
      return Double(it.shift.elements[channel]) - gain(it, channel) * Double(it.mean.elements[channel])
    case .padding(let before, _, .constant(let value)):
      guard let map = values[node.inputs[0]]?.shape else { return 0 }
      let place = place(element, in: shape)
      return place.indices.allSatisfy { (0..<map[$0]).contains(place[$0] - before[$0]) } ? 0 : Double(value)
    default:
      return 0
    }
  }

  private func gain(_ it: BatchNormalization, _ channel: Int) -> Double {
    Double(it.scale.elements[channel])
      / (Double(it.variance.elements[channel]) + Double(it.epsilon)).squareRoot()
  }

  /// Visits every term of a linear operation: outputs[to][place] += weight x inputs[from][element].
  private func terms(
    of node: Network.Node, _ inputs: [Shape], _ outputs: [Shape],
    _ term: (_ from: Int, _ element: Int, _ to: Int, _ place: Int, _ weight: Double) -> Void
  ) {
    let (input, output) = (inputs[0], outputs[0])
    switch node.operation {
    case .convolution(let convolution):
      let filters = convolution.filters.elements
      let (count, depth) = (convolution.filters.shape[0], convolution.filters.shape[3])
      taps(sliding(of: node, over: input), input, output) { position, place, tap, window in
        for unit in 0..<count {
          let group = unit / (count / convolution.groups)
          for channel in 0..<depth {
            term(
              0, position * input.channels + group * depth + channel, 0, place * count + unit,
              Double(filters[(unit * window + tap) * depth + channel]))
          }
        }
      }
    case .averagePooling, .globalAveragePooling:
      var isCounted = false
      if case .averagePooling(_, let countsPadding) = node.operation { isCounted = countsPadding }
      var counts = [Int](repeating: 0, count: output.rows * output.columns)
      taps(sliding(of: node, over: input), input, output) { _, place, _, _ in counts[place] += 1 }
      taps(sliding(of: node, over: input), input, output) { position, place, _, window in
        for channel in 0..<input.channels {
          term(
            0, position * input.channels + channel, 0, place * input.channels + channel,
            1 / Double(isCounted ? window : counts[place]))
        }
      }
    case .batchNormalization(let normalization):
      for element in 0..<input.count {
        term(0, element, 0, element, gain(normalization, element % (input.dimensions.last ?? 1)))
      }
    case .innerProduct(let product):
      let weights = product.weights.elements
      let (units, features) = (product.weights.shape[0], product.weights.shape[1])
      for row in 0..<input.count / features {
        for unit in 0..<units {
          for feature in 0..<features {
            term(
              0, row * features + feature, 0, row * units + unit, Double(weights[unit * features + feature]))
          }
        }
      }
    case .concatenation(let axis):
      var first = 0
      for (from, shape) in inputs.enumerated() {
        for element in 0..<shape.count {
          var place = place(element, in: shape)
          place[axis] += first
          term(from, element, 0, offset(of: place, in: output), 1)
        }
        first += shape[axis]
      }
    case .split(let axis, _):
      var first = 0
      for (to, shape) in outputs.enumerated() {
        for element in 0..<shape.count {
          var place = place(element, in: shape)
          place[axis] += first
          term(0, offset(of: place, in: input), to, element, 1)
        }
        first += shape[axis]
      }
    case .padding(let before, _, let mode):
      for element in 0..<output.count {
        var place = zip(place(element, in: output), before).map { $0 - $1 }
        for axis in place.indices where !(0..<input[axis]).contains(place[axis]) {
          let nearest = min(max(place[axis], 0), input[axis] - 1)
          if mode == .reflect { place[axis] = 2 * nearest - place[axis] }
          if mode == .edge { place[axis] = nearest }
        }
        if place.indices.allSatisfy({ (0..<input[$0]).contains(place[$0]) }) {
          term(0, offset(of: place, in: input), 0, element, 1)
        }
      }
    case .slice(let starts, _, let steps):
      for element in 0..<output.count {
        let place = place(element, in: output).enumerated().map { starts[$0] + $1 * steps[$0] }
        term(0, offset(of: place, in: input), 0, element, 1)
      }
    case .gathering(let axis, let positions):
      for element in 0..<output.count {
        var place = place(element, in: output)
        place[axis] = positions[place[axis]]
        term(0, offset(of: place, in: input), 0, element, 1)
      }
    case .resampling(let rule):
      let (rows, columns) = (rule.referenceRows(over: input), rule.referenceColumns(over: input))
      for element in 0..<output.count {
        let place = place(element, in: output)
        for (row, down) in rows[place[1]] {
          for (column, across) in columns[place[2]] {
            term(0, offset(of: [place[0], row, column, place[3]], in: input), 0, element, down * across)
          }
        }
      }
    case .average(let axes, let keepsAxes):
      let kept = Shape(input.dimensions.indices.map { axes.contains($0) ? 1 : input[$0] })
      precondition(keepsAxes ? kept == output : kept.count == output.count)
      for element in 0..<input.count {
        let place = place(element, in: input).enumerated().map { axes.contains($0) ? 0 : $1 }
        term(0, element, 0, offset(of: place, in: kept), Double(kept.count) / Double(input.count))
      }
    case .reshape:
      // Elements keep their order in ONNX's layout: channels before rows.
      for element in 0..<input.count {
        term(0, offset(ofONNX: element, in: input), 0, offset(ofONNX: element, in: output), 1)
      }
    case .transposition(let axes):
      for element in 0..<output.count {
        let place = place(element, in: output)
        var from = place
        for (to, axis) in axes.enumerated() { from[axis] = place[to] }
        term(0, offset(of: from, in: input), 0, element, 1)
      }
    case .flatten, .dropout, .identity:
      for element in 0..<input.count { term(0, element, 0, element, 1) }
    default:
      preconditionFailure("\(node.name) is not linear")
    }
  }

  /// Visits positions under each window, rows and columns as one number.
  private func taps(
    _ sliding: Sliding, _ input: Shape, _ output: Shape,
    _ body: (_ position: Int, _ place: Int, _ tap: Int, _ window: Int) -> Void
  ) {
    for row in 0..<output.rows {
      for column in 0..<output.columns {
        for tap in 0..<sliding.count {
          let (down, across) = tap.quotientAndRemainder(dividingBy: sliding.columns.window)
          let r = row * sliding.rows.stride - sliding.rows.before + down * sliding.rows.dilation
          let c = column * sliding.columns.stride - sliding.columns.before + across * sliding.columns.dilation
          guard (0..<input.rows).contains(r), (0..<input.columns).contains(c) else { continue }
          body(r * input.columns + c, row * output.columns + column, tap, sliding.count)
        }
      }
    }
  }

  private func place(_ element: Int, in shape: Shape) -> [Int] {
    var (rest, place) = (element, [Int](repeating: 0, count: shape.rank))
    for axis in (0..<shape.rank).reversed() {
      (rest, place[axis]) = rest.quotientAndRemainder(dividingBy: shape[axis])
    }
    return place
  }

  private func offset(of place: [Int], in shape: Shape) -> Int {
    place.indices.reduce(0) { $0 * shape[$1] + place[$1] }
  }

  private func offset(ofONNX element: Int, in shape: Shape) -> Int {
    guard shape.rank == 4 else { return element }
    let place = place(element, in: [shape.images, shape.channels, shape.rows, shape.columns])
    return offset(of: [place[0], place[2], place[3], place[1]], in: shape)
  }

  private func lines(of shape: Shape, along axis: Int) -> [[Int]] {
    var lines: [[Int]: [Int]] = [:]
    for element in 0..<shape.count {
      var place = place(element, in: shape)
      place[axis] = 0
      lines[place, default: []].append(element)
    }
    return Array(lines.values)
  }

  // MARK: The way back

  /// Carries a signal from a value to the network's input.
  func carry(_ signal: [Double], from value: String, rule: RectifierRule) -> [Double] {
    carry(signal, from: value) { back($0, $1, rule) }
  }

  /// Carries relevance by LRP's epsilon rule, and adds up what constants and epsilon keep of it on the way.
  func relevance(
    _ signal: [Double], from value: String, epsilon: Double
  ) -> (input: [Double], absorbed: Double) {
    var absorbed = 0.0
    let input = carry(signal, from: value) { node, signals in
      switch node.operation {
      case .activation, .parametricRelu, .localResponseNormalization:
        return signals
      case .convolution, .averagePooling, .globalAveragePooling, .batchNormalization, .innerProduct, .average,
        .resampling,
        .arithmetic(.add), .arithmetic(.subtract), .arithmeticWithConstant(.add, _, _),
        .arithmeticWithConstant(.subtract, _, _), .arithmeticWithConstant(.multiply, _, _),
        .arithmeticWithConstant(.divide, _, _):
        guard let output = values[node.outputs[0]] else { return signals }
        let shares = output.elements.indices.map { index in
          let value = output.elements[index]
          let kept = value < 0 ? -epsilon : epsilon
          let share = value + kept == 0 ? 0 : signals[0][index] / (value + kept)
          absorbed += share * (kept + constant(of: node, 0, at: index, output.shape))
          return share
        }
        return zip(node.inputs, back(node, [shares], .gradient)).map { name, passed in
          zip(values[name]?.elements ?? [], passed).map(*)
        }
      default:
        return back(node, signals, .gradient)
      }
    }
    return (input, absorbed)
  }

  private func carry(
    _ signal: [Double], from value: String, by pass: (Network.Node, [[Double]]) -> [[Double]]
  ) -> [Double] {
    func zeros(_ name: String) -> [Double] {
      [Double](repeating: 0, count: values[name]?.elements.count ?? 0)
    }
    var signals = [value: signal]
    for node in network.nodes.reversed() where node.outputs.contains(where: { signals[$0] != nil }) {
      let arriving = node.outputs.map { signals.removeValue(forKey: $0) ?? zeros($0) }
      for (name, passed) in zip(node.inputs, pass(node, arriving)) {
        signals[name] = zip(signals[name] ?? zeros(name), passed).map(+)
      }
    }
    let input = network.inputs[0].name
    return signals[input] ?? zeros(input)
  }

  private func back(_ node: Network.Node, _ signals: [[Double]], _ rule: RectifierRule) -> [[Double]] {
    let inputs = node.inputs.map { values[$0] ?? ReferenceTensor([0]) }
    let outputs = node.outputs.map { values[$0] ?? ReferenceTensor([0]) }
    let (signal, x, shape) = (signals[0], inputs[0].elements, inputs[0].shape)
    func rectified(_ slope: (Int) -> Double) -> [Double] {
      signal.indices.map { index in
        switch rule {
        case .gradient: signal[index] * slope(index)
        case .deconvnet: max(signal[index], 0)
        case .guided: max(signal[index] * slope(index), 0)
        }
      }
    }
    func shares(_ combine: (Arithmetic), _ left: ReferenceTensor, _ right: ReferenceTensor) -> [[Double]] {
      // Which elements made each element of the result, found by combining their numbers.
      func numbers(_ tensor: ReferenceTensor) -> ReferenceTensor {
        ReferenceTensor(tensor.shape, elements: tensor.elements.indices.map(Double.init))
      }
      let lefts = referenceCombined(numbers(left), right) { number, _ in number }.elements
      let rights = referenceCombined(left, numbers(right)) { _, number in number }.elements
      var shares = [left, right].map { [Double](repeating: 0, count: $0.elements.count) }
      for index in signal.indices {
        let (one, other) = (Int(lefts[index]), Int(rights[index]))
        let slopes = slopes(combine, left.elements[one], right.elements[other])
        shares[0][one] += slopes.0 * signal[index]
        shares[1][other] += slopes.1 * signal[index]
      }
      return shares
    }
    switch node.operation {
    case .convolution, .averagePooling, .globalAveragePooling, .batchNormalization, .innerProduct,
      .concatenation, .split, .padding, .slice, .gathering, .resampling, .average, .flatten, .reshape,
      .transposition, .dropout, .identity:
      var passed = inputs.map { [Double](repeating: 0, count: $0.elements.count) }
      terms(of: node, inputs.map(\.shape), outputs.map(\.shape)) { from, element, to, place, weight in
        passed[from][element] += weight * signals[to][place]
      }
      return passed
    case .maxPooling, .globalMaxPooling:
      return [
        referenceUnpooling(
          ReferenceTensor(outputs[0].shape, elements: signal), winners: winners[node.name] ?? [],
          over: sliding(of: node, over: shape), onto: shape
        ).elements
      ]
    case .localResponseNormalization(let constants):
      if rule == .deconvnet { return [signal] }
      let (channels, before) = (shape.channels, (constants.size - 1) / 2)
      let (alpha, beta) = (Double(constants.alpha) / Double(constants.size), Double(constants.beta))
      var passed = [Double](repeating: 0, count: x.count)
      for index in x.indices {
        let channel = index % channels
        let window = max(channel - before, 0)...min(channel - before + constants.size - 1, channels - 1)
        let members = window.map { index - channel + $0 }
        let base = members.reduce(Double(constants.bias)) { $0 + alpha * x[$1] * x[$1] }
        passed[index] += signal[index] * pow(base, -beta)
        for other in members {
          passed[other] -= signal[index] * x[index] * beta * pow(base, -beta - 1) * 2 * alpha * x[other]
        }
      }
      return [passed]
    case .matrixProduct:
      let (left, right) = (inputs[0], inputs[1])
      let rank = shape.rank
      let (rows, inner, columns) = (shape[rank - 2], shape[rank - 1], right.shape[right.shape.rank - 1])
      var passed = inputs.map { [Double](repeating: 0, count: $0.elements.count) }
      for stack in 0..<signal.count / (rows * columns) {
        for (row, column) in (0..<rows * columns).map({ ($0 / columns, $0 % columns) }) {
          let arriving = signal[(stack * rows + row) * columns + column]
          for place in 0..<inner {
            let (one, other) = (
              (stack * rows + row) * inner + place, (stack * inner + place) * columns + column
            )
            passed[0][one] += arriving * right.elements[other]
            passed[1][other] += arriving * left.elements[one]
          }
        }
      }
      return passed
    case .activation(let activation):
      switch activation {
      case .relu, .leakyRelu, .elu, .clip(minimum: 0, maximum: _):
        return [rectified { slope(of: activation, at: x[$0]) }]
      default:
        return [signal.indices.map { signal[$0] * slope(of: activation, at: x[$0]) }]
      }
    case .parametricRelu(let slope):
      let slopes = slope.elements.map(Double.init)
      return [rectified { x[$0] > 0 ? 1 : slopes[$0 % slopes.count] }]
    case .softmax(let axis), .logSoftmax(let axis):
      var passed = signal
      let isLog = node.operation.kind == .logSoftmax
      let y = outputs[0].elements.map { isLog ? exp($0) : $0 }
      for line in lines(of: shape, along: axis) {
        let sum = line.reduce(0) { $0 + signal[$1] * (isLog ? 1 : y[$1]) }
        for place in line {
          passed[place] = isLog ? signal[place] - y[place] * sum : y[place] * (signal[place] - sum)
        }
      }
      return [passed]
    case .arithmetic(let arithmetic):
      return shares(arithmetic, inputs[0], inputs[1])
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      let other = ReferenceTensor(constant)
      return [
        isFirst ? shares(arithmetic, other, inputs[0])[1] : shares(arithmetic, inputs[0], other)[0]
      ]
    }
  }
}
