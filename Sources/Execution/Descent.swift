package import Networks
package import Kernels
package import Tensors

/// What a walk back remembers of the forward pass.
package protocol Recollection {
  /// One of the values that a node read or made.
  func value(_ name: String, of node: Network.Node) throws(KernelError) -> Tensor
  /// The switches that a pool recorded.
  func switches(of node: Network.Node) throws(KernelError) -> Switches
}

/// One node's part of a walk back through a trace: the derivative, or what the node's rule makes of it.
///
/// Projection and training are this same walk; they differ in the rules, and training finds the gradients of the
/// weights beside it.
package struct Descent<Memory: Recollection> {
  package let node: Network.Node
  package let rule: Rule
  package let memory: Memory
  /// What is remembered of the pass over a reference, for the rule that compares both.
  package let reference: Memory?
  /// The shape of each input, whole, for as many pictures as the signal has.
  package let inputs: [Shape]
  /// Where each picture's window begins in the node's output, where signals lie on windows and not on whole maps.
  package let windows: [(row: Int, column: Int)]?
  /// Whether the pictures stay together, as in training, so that what their signals' density decides is decided once.
  package let isGroup: Bool
  /// How convolutions are transposed: directly, what no signal reaches stays exactly zero.
  package let choice: ConvolutionMethod.Choice

  package init(
    node: Network.Node, rule: Rule, memory: Memory, reference: Memory? = nil, inputs: [Shape],
    windows: [(row: Int, column: Int)]? = nil, isGroup: Bool = false,
    _ choice: ConvolutionMethod.Choice = .by(.direct)
  ) {
    self.node = node
    self.rule = rule
    self.memory = memory
    self.reference = reference
    self.inputs = inputs
    self.windows = windows
    self.isGroup = isGroup
    self.choice = choice
  }

  private var isWindowed: Bool { windows != nil }

  func input(_ index: Int = 0) throws(KernelError) -> Tensor {
    try memory.value(node.inputs[index], of: node)
  }

  /// The shape of an input's signal where positions keep their places: the window's, or the whole map's.
  private func window(_ index: Int, under signal: Tensor) -> Shape {
    let map = inputs[index]
    guard isWindowed else { return map }
    return Shape(
      images: signal.shape.images, rows: signal.shape.rows, columns: signal.shape.columns,
      channels: map.channels)
  }

  /// What the node passes down to each of its inputs.
  ///
  /// - Parameters:
  ///   - signals: Arriving at each of the node's outputs.
  ///   - worker: Whose device computes.
  /// - Returns: A signal for each input; on windows it lies on the input's window, and may hang over the map's edge.
  /// - Throws: `KernelError` where the forward pass left out what the node needs, or shapes disagree.
  package func contributions(_ signals: [Tensor], _ worker: Worker) throws(KernelError) -> [Tensor?] {
    switch rule {
    case .gradient:
      return try derivative(signals, worker)
    case .pass:
      return [signals[0]]
    case .deconvnet:
      return [try worker.device.rectifying(signals[0], output: nil, rule: .deconvnet)]
    case .guided:
      if case .activation(.relu) = node.operation {
        return [try worker.device.rectifying(signals[0], output: try output(), rule: .guided)]
      }
      let carried = try derivative(signals, worker)
      return [try worker.device.rectifying(carried[0], output: nil, rule: .deconvnet)]
    case .epsilon(let epsilon):
      let carried = try derivative([stabilizedQuotient(signals[0], try output(), epsilon)], worker)
      var relevance: [Tensor?] = []
      for (index, carried) in carried.enumerated() {
        relevance.append(try worker.device.combining(try input(index), carried, by: .multiply))
      }
      return relevance
    case .signs, .gamma, .flat, .box:
      return [try shared(signals[0], worker)]
    case .rescale:
      return try rescaled(signals, worker)
    }
  }

  func output() throws(KernelError) -> Tensor { try memory.value(node.outputs[0], of: node) }

  /// Relevance over outputs, epsilon added to the size of each; zero where that leaves zero.
  func stabilizedQuotient(_ relevance: Tensor, _ output: Tensor, _ epsilon: Float) -> Tensor {
    let (relevance, outputs) = (relevance.elements, output.elements)
    return Tensor(output.shape) { elements in
      for index in outputs.indices {
        let divisor = outputs[index] < 0 ? outputs[index] - epsilon : outputs[index] + epsilon
        elements[index] = divisor == 0 ? 0 : relevance[index] / divisor
      }
    }
  }

  /// The signals times the operation's derivative: the transpose of what is linear.
  func derivative(_ signals: [Tensor], _ worker: Worker) throws(KernelError) -> [Tensor] {
    let signal = signals[0]
    switch node.operation {
    case .convolution(let convolution):
      let (sliding, onto) = try geometry(convolution.rule, signal, channels: inputs[0].channels)
      return [try transposed(convolution, signal, sliding, onto, worker)]
    case .maxPooling:
      return [try worker.device.unpooling(signal, through: try memory.switches(of: node))]
    case .globalMaxPooling:
      return [try worker.device.unpooling(signal, through: try memory.switches(of: node))]
    case .averagePooling(let rule, let countsPadding):
      let map = inputs[0]
      let shared = averagingShares(
        signal, rule.resolved(over: map), map: map, countsPadding: countsPadding)
      let (sliding, onto) = try geometry(rule, shared, channels: map.channels)
      return [
        try worker.device.averagePoolingTransposed(
          shared, over: sliding.countingRoom, countsPadding: true, onto: onto)
      ]
    case .globalAveragePooling:
      return [try worker.device.globalAveragePoolingTransposed(signal, onto: inputs[0])]
    case .localResponseNormalization(let constants):
      return [try worker.device.localResponseNormalizationBackward(signal, input: try input(), constants)]
    case .batchNormalization(let normalization):
      return [try worker.device.scaling(signal, scale: normalization.affine.scale, shift: nil)]
    case .innerProduct(let product):
      let units = product.weights.shape[0]
      let rows = signal.reshaped(to: [signal.shape.count / max(units, 1), units])
      let carried = try worker.device.innerProductTransposed(rows, weights: product.weights)
      return [carried.reshaped(to: Shape(signal.shape.dimensions.dropLast() + [product.weights.shape[1]]))]
    case .matrixProduct:
      let values = (try input(0), try input(1))
      let left = try worker.device.matrixProduct(signal, try swapped(values.1, worker))
      let right = try worker.device.matrixProduct(try swapped(values.0, worker), signal)
      return [
        try worker.device.summed(left, to: values.0.shape),
        try worker.device.summed(right, to: values.1.shape),
      ]
    case .activation(let activation):
      if activation == .relu {
        return [try worker.device.rectifying(signal, output: try output(), rule: .gradient)]
      }
      return [
        try worker.device.activationBackward(
          signal, input: try input(), output: try output(), by: activation)
      ]
    case .parametricRelu(let slope):
      return [try worker.device.parametricReluBackward(signal, input: try input(), slope: slope)]
    case .softmax(let axis):
      return [try worker.device.softmaxBackward(signal, output: try output(), axis: axis)]
    case .logSoftmax(let axis):
      return [try worker.device.logSoftmaxBackward(signal, output: try output(), axis: axis)]
    case .concatenation(let axis):
      return try worker.device.splitting(signal, axis: axis, sizes: inputs.map { $0[axis] })
    case .split(let axis, _):
      return [try worker.device.concatenation(signals, axis: axis)]
    case .arithmetic(let arithmetic):
      return try passed(signal, arithmetic, worker)
    case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
      return [try passed(signal, arithmetic, constant, isFirst, worker)]
    case .padding(let before, let after, let mode):
      guard isWindowed else {
        return [
          try worker.device.paddedTransposed(
            signal, before: before, after: after, mode: mode, onto: inputs[0])
        ]
      }
      // Rows and columns keep their places on a window; what lies outside the map is cleared after.
      return [
        try worker.device.paddedTransposed(
          signal, before: [0, 0, 0, before[3]], after: [0, 0, 0, after[3]], mode: mode,
          onto: window(0, under: signal))
      ]
    case .slice(let starts, let stops, let steps):
      // On a window only channels are cut: its rows and columns are whole.
      let map = window(0, under: signal)
      let ends = zip(stops, map.dimensions).map { min($0, $1) }
      // Pictures of a batch are walked side by side, whatever extent the slice says for their axis.
      return [
        try worker.device.slicedTransposed(
          signal, starts: [0] + starts.dropFirst(), stops: [map[0]] + ends.dropFirst(),
          steps: [1] + steps.dropFirst(), onto: map)
      ]
    case .gathering(let axis, let positions):
      return [
        try worker.device.gatheredTransposed(
          signal, axis: axis, positions: positions, onto: window(0, under: signal))
      ]
    case .resampling(let rule):
      return [try resampled(signal, rule.resolved(over: inputs[0]), worker)]
    case .average(let axes, _):
      return [try spreadOut(signal, over: axes, onto: window(0, under: signal), worker)]
    case .flatten:
      return [signal.reshaped(to: inputs[0])]
    case .reshape:
      let shape = inputs[0]
      return [try signal.inONNXOrder().reshaped(to: shape.inONNXOrder).fromONNXOrder()]
    case .transposition(let axes):
      return [
        try worker.device.permuted(signal, axes.indices.map { axis in axes.firstIndex(of: axis) ?? axis })
      ]
    case .dropout, .identity:
      return [signal]
    }
  }

  /// How a window slides and what it slides over: windows are whole and unpadded, maps are as they are.
  private func geometry(
    _ rule: SlidingRule, _ signal: Tensor, channels: Int
  ) throws(KernelError) -> (Sliding, Shape) {
    let map = inputs[0]
    guard isWindowed else { return (rule.resolved(over: map), map) }
    let sliding = rule.resolved(over: map).unpadded
    return (
      sliding,
      Shape(
        images: signal.shape.images, rows: (signal.shape.rows - 1) * sliding.rows.stride + sliding.rows.reach,
        columns: (signal.shape.columns - 1) * sliding.columns.stride + sliding.columns.reach,
        channels: channels)
    )
  }

  /// The filters transposed: entry by entry where most of a picture's signal is zero, densely elsewhere.
  ///
  /// Each picture's own signal decides, so that its bytes do not depend on its neighbours in the batch; a group of
  /// training pictures is decided together.
  private func transposed(
    _ convolution: Convolution, _ signal: Tensor, _ sliding: Sliding, _ onto: Shape, _ worker: Worker
  ) throws(KernelError) -> Tensor {
    let filters = convolution.filters
    let worthwhile = worker.device.densityWorthSparseness(filters: filters.shape, groups: convolution.groups)
    let images = signal.shape.images
    let areSparse =
      isGroup
      ? [Bool](repeating: worker.device.density(of: signal) < worthwhile, count: images)
      : (0..<images).map { worker.device.density(of: signal.sharedSlices($0..<$0 + 1)) < worthwhile }
    var parts: [Tensor] = []
    var start = 0
    while start < images {
      let end = areSparse[start...].firstIndex { $0 != areSparse[start] } ?? images
      let part = signal.sharedSlices(start..<end)
      let below = Shape([end - start] + onto.dimensions.dropFirst())
      parts.append(
        try areSparse[start]
          ? worker.device.sparseConvolutionTransposed(
            part, filters: filters, over: sliding, groups: convolution.groups, onto: below)
          : worker.device.convolutionTransposed(
            part, filters: filters, over: sliding, groups: convolution.groups, onto: below,
            choice))
      start = end
    }
    return parts.isEmpty ? Tensor(onto) : Tensor.stacking(parts)
  }

  private func passed(_ signal: Tensor, _ arithmetic: Arithmetic, _ worker: Worker) throws(KernelError)
    -> [Tensor]
  {
    func fitted(_ carried: Tensor, _ index: Int) throws(KernelError) -> Tensor {
      try worker.device.summed(carried, to: window(index, under: carried))
    }
    switch arithmetic {
    case .add:
      return [try fitted(signal, 0), try fitted(signal, 1)]
    case .subtract:
      return [try fitted(signal, 0), try fitted(worker.device.activated(signal, by: .negate), 1)]
    case .multiply, .divide, .minimum, .maximum, .power, .select:
      let slopes = try arithmetic.slopes(try input(0), try input(1), worker)
      return [
        try fitted(try worker.device.combining(signal, slopes.left, by: .multiply), 0),
        try fitted(try worker.device.combining(signal, slopes.right, by: .multiply), 1),
      ]
    case .greater, .greaterOrEqual, .equal:
      return [try fitted(Tensor(signal.shape), 0), try fitted(Tensor(signal.shape), 1)]
    }
  }

  private func passed(
    _ signal: Tensor, _ arithmetic: Arithmetic, _ constant: Tensor, _ isFirst: Bool, _ worker: Worker
  ) throws(KernelError) -> Tensor {
    let carried: Tensor
    switch arithmetic {
    case .add: carried = signal
    case .subtract: carried = isFirst ? worker.device.activated(signal, by: .negate) : signal
    case .multiply: carried = try worker.device.combining(signal, constant, by: .multiply)
    case .divide where !isFirst: carried = try worker.device.combining(signal, constant, by: .divide)
    case .divide, .minimum, .maximum, .power, .select:
      let value = try input()
      let slopes =
        try isFirst ? arithmetic.slopes(constant, value, worker) : arithmetic.slopes(value, constant, worker)
      carried = try worker.device.combining(signal, isFirst ? slopes.right : slopes.left, by: .multiply)
    case .greater, .greaterOrEqual, .equal: carried = Tensor(signal.shape)
    }
    return try worker.device.summed(carried, to: window(0, under: carried))
  }

  /// An average pool's signal, scaled so that spreading it over whole windows gives each position its share: a mean
  /// that does not count all of its window divides by less than the window's size.
  private func averagingShares(
    _ signal: Tensor, _ sliding: Sliding, map: Shape, countsPadding: Bool
  ) -> Tensor {
    if countsPadding, sliding.rows.room == 0, sliding.columns.room == 0 { return signal }
    let starts = windows ?? [(Int, Int)](repeating: (0, 0), count: signal.shape.images)
    var shared = signal
    let (rows, columns, channels) = (signal.shape.rows, signal.shape.columns, signal.shape.channels)
    shared.withMutableSpan { elements in
      for (image, start) in starts.enumerated() {
        for row in 0..<rows {
          let high = sliding.rows.counted(at: start.row + row, over: map.rows, countsPadding: countsPadding)
          for column in 0..<columns {
            let count =
              high
              * sliding.columns.counted(
                at: start.column + column, over: map.columns, countsPadding: countsPadding)
            let factor = Float(sliding.count) / Float(max(count, 1))
            let base = ((image * rows + row) * columns + column) * channels
            for index in base..<base + channels { elements[index] *= factor }
          }
        }
      }
    }
    return shared
  }

  /// The transpose of a resampling; on windows, of the part of it that each picture's window shows.
  private func resampled(
    _ signal: Tensor, _ maps: (rows: AxisMap, columns: AxisMap), _ worker: Worker
  ) throws(KernelError) -> Tensor {
    guard let windows, let rows = maps.rows.window, let columns = maps.columns.window else {
      return try worker.device.resampledTransposed(signal, rows: maps.rows, columns: maps.columns)
    }
    func part(
      _ map: AxisMap, _ grid: (stride: Int, offset: Int, extent: Int), _ start: Int, _ count: Int
    ) -> AxisMap {
      map.part(
        places: start..<start + count, readingFrom: start * grid.stride + grid.offset,
        length: (count - 1) * grid.stride + grid.extent)
    }
    var parts: [Tensor] = []
    for (image, start) in windows.enumerated() {
      parts.append(
        try worker.device.resampledTransposed(
          signal.slices(image..<image + 1), rows: part(maps.rows, rows, start.row, signal.shape.rows),
          columns: part(maps.columns, columns, start.column, signal.shape.columns)))
    }
    return Tensor.stacking(parts)
  }

  /// The transpose of a mean: each position gets an equal share.
  private func spreadOut(_ signal: Tensor, over axes: [Int], onto map: Shape, _ worker: Worker)
    throws(KernelError) -> Tensor
  {
    let kept = Shape(map.dimensions.indices.map { axes.contains($0) ? 1 : map[$0] })
    let share = Tensor([1], repeating: Float(kept.count) / Float(max(map.count, 1)))
    return try worker.device.combining(
      Tensor(map), worker.device.combining(signal.reshaped(to: kept), share, by: .multiply), by: .add)
  }

  private func swapped(_ tensor: Tensor, _ worker: Worker) throws(KernelError) -> Tensor {
    let rank = tensor.shape.rank
    return try worker.device.permuted(tensor, Array(0..<rank - 2) + [rank - 1, rank - 2])
  }
}

extension Arithmetic {
  /// The derivative of the result by each side, broadcast to the result's shape.
  func slopes(_ left: Tensor, _ right: Tensor, _ worker: Worker) throws(KernelError) -> (
    left: Tensor, right: Tensor
  ) {
    let result = try worker.device.combining(left, right, by: self)
    func broadcast(_ tensor: Tensor) throws(KernelError) -> Tensor {
      try worker.device.combining(tensor, Tensor(result.shape), by: .add)
    }
    let (left, right) = (try broadcast(left), try broadcast(right))
    func each(_ slope: (Float, Float) -> Float) -> Tensor {
      let (lefts, rights) = (left.elements, right.elements)
      return Tensor(result.shape, elements: lefts.indices.map { slope(lefts[$0], rights[$0]) })
    }
    switch self {
    case .add: return (each { _, _ in 1 }, each { _, _ in 1 })
    case .subtract: return (each { _, _ in 1 }, each { _, _ in -1 })
    case .multiply: return (right, left)
    case .divide: return (each { 1 / $1 }, each { -$0 / ($1 * $1) })
    case .minimum: return (each { $0 <= $1 ? 1 : 0 }, each { $0 <= $1 ? 0 : 1 })
    case .maximum: return (each { $0 >= $1 ? 1 : 0 }, each { $0 >= $1 ? 0 : 1 })
    case .select: return (each { $1 != 0 ? 1 : 0 }, each { _, _ in 0 })
    case .greater, .greaterOrEqual, .equal: return (Tensor(result.shape), Tensor(result.shape))
    case .power:
      let less = try worker.device.combining(right, Tensor([1], elements: [1]), by: .subtract)
      return (
        try worker.device.combining(
          right, try worker.device.combining(left, less, by: .power), by: .multiply),
        try worker.device.combining(result, worker.device.activated(left, by: .log), by: .multiply)
      )
    }
  }
}
