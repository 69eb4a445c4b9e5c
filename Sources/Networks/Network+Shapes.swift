internal import Images
internal import Kernels
public import Tensors

extension Operation {
  /// The shapes of what the operation makes, in this package's order.
  ///
  /// - Throws: ``NetworkError/shape(node:reason:)`` with the shapes that do not fit the operation, or memory.
  func heldShapes(_ inputs: [Shape], node: String) throws(NetworkError) -> [Shape] {
    let shapes = try outputShapes(inputs, node: node)
    for shape in shapes where !shape.isHoldable {
      throw .shape(node: node, reason: "it makes a value of \(shape), more than fits in memory.")
    }
    return shapes
  }

  private func outputShapes(_ inputs: [Shape], node: String) throws(NetworkError) -> [Shape] {
    func fail(_ reason: String) -> NetworkError { .shape(node: node, reason: reason) }
    guard let input = inputs.first else { throw fail("it has no input.") }
    func slid(_ rule: SlidingRule, channels: Int? = nil) throws(NetworkError) -> Shape {
      guard input.rank == 4 else {
        throw fail("a sliding window needs images of rows and columns, not \(input).")
      }
      do {
        return try rule.resolved(over: input).output(over: input, channels: channels)
      } catch {
        throw fail(error.description)
      }
    }
    func channels(_ expected: Int, of what: String) throws(NetworkError) {
      guard input.rank > 0, input[input.rank - 1] == expected else {
        throw fail("\(what) are for \(expected) channels, but the input is \(input).")
      }
    }
    func axis(_ axis: Int) throws(NetworkError) -> Int {
      guard axis >= 0, axis < input.rank else { throw fail("axis \(axis) of a value of \(input).") }
      return axis
    }
    switch self {
    case .convolution(let convolution):
      let filters = convolution.filters.shape
      guard input.rank == 4, filters.rank == 4, filters[3] * convolution.groups == input.channels else {
        throw fail(
          "filters of \(filters) in \(convolution.groups) groups cannot read an input of \(input) "
            + "(images x rows x columns x channels).")
      }
      guard filters[0] % convolution.groups == 0, (convolution.bias?.shape.count ?? filters[0]) == filters[0]
      else {
        throw fail("\(filters[0]) filters with \(convolution.groups) groups and their biases do not match.")
      }
      return [try slid(convolution.rule, channels: filters[0])]
    case .maxPooling(let rule), .averagePooling(let rule, _):
      return [try slid(rule)]
    case .globalAveragePooling, .globalMaxPooling:
      guard input.rank == 4 else {
        throw fail("a global pool needs images of rows and columns, not \(input).")
      }
      return [Shape(images: input.images, rows: 1, columns: 1, channels: input.channels)]
    case .localResponseNormalization:
      guard input.rank == 4 else { throw fail("contrast normalisation needs channels, not \(input).") }
      return [input]
    case .batchNormalization(let normalization):
      try channels(normalization.scale.shape.count, of: "its statistics")
      return [input]
    case .parametricRelu(let slope):
      if slope.shape.count != 1 { try channels(slope.shape.count, of: "its slopes") }
      return [input]
    case .innerProduct(let product):
      guard input.rank >= 2, input[input.rank - 1] == product.weights.shape[1] else {
        throw fail("weights of \(product.weights.shape) (outputs x inputs) cannot read an input of \(input).")
      }
      return [Shape(input.dimensions.dropLast() + [product.weights.shape[0]])]
    case .matrixProduct:
      let right = inputs.count > 1 ? inputs[1] : []
      guard input.rank >= 2, right.rank >= 2, input[input.rank - 1] == right[right.rank - 2] else {
        throw fail("\(input) cannot be multiplied by \(right).")
      }
      guard
        let leading = Shape(Array(input.dimensions.dropLast(2))).broadcast(
          with: Shape(Array(right.dimensions.dropLast(2))))
      else { throw fail("\(input) cannot be multiplied by \(right).") }
      return [Shape(leading.dimensions + [input[input.rank - 2], right[right.rank - 1]])]
    case .activation, .dropout, .identity:
      return [input]
    case .softmax(let along), .logSoftmax(let along):
      _ = try axis(along)
      return [input]
    case .concatenation(let along):
      _ = try axis(along)
      var extents = input.dimensions
      for other in inputs.dropFirst() {
        guard other.rank == input.rank,
          other.dimensions.indices.allSatisfy({ $0 == along || other[$0] == input[$0] })
        else { throw fail("\(other) cannot be joined to \(input) along axis \(along).") }
        extents[along] += other[along]
      }
      return [Shape(extents)]
    case .split(let along, let sizes):
      guard sizes.reduce(0, +) == input[try axis(along)] else {
        throw fail("sizes \(sizes) do not add up to axis \(along) of \(input).")
      }
      return sizes.map { size in
        var extents = input.dimensions
        extents[along] = size
        return Shape(extents)
      }
    case .arithmetic:
      guard inputs.count == 2, let shape = input.broadcast(with: inputs[1]) else {
        throw fail("\(inputs.map(\.description).joined(separator: " and ")) do not broadcast.")
      }
      return [shape]
    case .arithmeticWithConstant(_, let constant, _):
      guard let shape = input.broadcast(with: constant.shape) else {
        throw fail("\(input) does not broadcast with a constant of \(constant.shape).")
      }
      return [shape]
    case .padding(let before, let after, _):
      guard before.count == input.rank, after.count == input.rank else {
        throw fail("padding for another rank than \(input).")
      }
      let extents = input.dimensions.indices.map { input[$0] + before[$0] + after[$0] }
      guard extents.allSatisfy({ $0 > 0 }) else { throw fail("padding leaves nothing of \(input).") }
      return [Shape(extents)]
    case .slice(let starts, let stops, let steps):
      guard starts.count == input.rank, stops.count == input.rank, steps.count == input.rank else {
        throw fail("a slice for another rank than \(input).")
      }
      return [
        Shape(
          input.dimensions.indices.map { axis in
            let span = min(stops[axis], input[axis]) - starts[axis]
            return max(0, (span + steps[axis] - steps[axis].signum()) / steps[axis])
          })
      ]
    case .gathering(let along, let positions):
      var extents = input.dimensions
      guard positions.allSatisfy((0..<extents[try axis(along)]).contains) else {
        throw fail("it gathers positions that axis \(along) of \(input) does not have.")
      }
      extents[along] = positions.count
      return [Shape(extents)]
    case .resampling(let rule):
      guard input.rank == 4 else { throw fail("images of rows and columns are resized, not \(input).") }
      let output = rule.output(over: input)
      guard output.rows > 0, output.columns > 0 else { throw fail("resizing leaves nothing of \(input).") }
      return [output]
    case .average(let axes, let keepsAxes):
      for each in axes { _ = try axis(each) }
      if keepsAxes { return [Shape(input.dimensions.indices.map { axes.contains($0) ? 1 : input[$0] })] }
      return [Shape(input.dimensions.indices.filter { !axes.contains($0) }.map { input[$0] })]
    case .flatten:
      guard input.rank >= 1 else { throw fail("a scalar cannot be flattened.") }
      return [[input[0], input.dimensions.dropFirst().reduce(1, *)]]
    case .reshape(let target):
      guard let shape = input.inONNXOrder.reshaped(to: target) else {
        throw fail("\(input.inONNXOrder) (ONNX's order) does not reshape to \(target).")
      }
      return [shape.fromONNXOrder]
    case .transposition(let axes):
      guard axes.sorted() == Array(0..<input.rank) else {
        throw fail("axes \(axes) do not permute \(input).")
      }
      return [Shape(axes.map { input[$0] })]
    }
  }
}

extension Shape {
  /// Images x channels x rows x columns for a shape of rank 4; any other is the same in both orders.
  public var inONNXOrder: Shape { rank == 4 ? [self[0], self[3], self[1], self[2]] : self }

  /// The inverse of ``inONNXOrder``.
  public var fromONNXOrder: Shape { rank == 4 ? [self[0], self[2], self[3], self[1]] : self }

  /// Whether a value of this shape may exist: at most 2^31 elements (8 GiB), in whichever order its axes stand.
  var isHoldable: Bool {
    var count = 1
    for extent in dimensions {
      let (product, overflows) = count.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflows, product <= 1 << 31 else { return false }
      count = product
    }
    return true
  }

  /// The shape that NumPy's broadcasting gives, or nil where an extent disagrees.
  func broadcast(with other: Shape) -> Shape? {
    let rank = max(rank, other.rank)
    var extents: [Int] = []
    for axis in 0..<rank {
      let mine = axis - (rank - self.rank) >= 0 ? self[axis - (rank - self.rank)] : 1
      let theirs = axis - (rank - other.rank) >= 0 ? other[axis - (rank - other.rank)] : 1
      guard mine == theirs || mine == 1 || theirs == 1 else { return nil }
      extents.append(mine == 1 ? theirs : mine)
    }
    return Shape(extents)
  }

  /// The shape that the target of a ``Operation/reshape(_:)`` gives, or nil where the elements do not fit it.
  package func reshaped(to target: [Int]) -> Shape? {
    var extents: [Int] = []
    for (axis, extent) in target.enumerated() {
      guard extent == 0 || extent < -1 else {
        extents.append(extent)
        continue
      }
      let copied = extent == 0 ? axis : Operation.copy(of: extent)
      guard copied < rank else { return nil }
      extents.append(self[copied])
    }
    if let open = extents.firstIndex(of: -1) {
      var known = extents
      known.remove(at: open)
      guard !known.contains(-1), Shape(known).isHoldable, Shape(known).count > 0,
        count % Shape(known).count == 0
      else { return nil }
      extents[open] = count / Shape(known).count
    }
    let shape = Shape(extents)
    return shape.isHoldable && shape.count == count ? shape : nil
  }
}

extension Network {
  /// The shape of every value when the inputs have the shapes given (this package's order), by name.
  ///
  /// - Throws: ``NetworkError/shape(node:reason:)`` at the first node whose inputs do not fit it.
  public func shapes(inputs: [String: Shape]) throws(NetworkError) -> [String: Shape] {
    var shapes = inputs
    for input in self.inputs where shapes[input.name] == nil {
      throw .input(name: input.name, expected: "given", found: "missing")
    }
    for (name, shape) in inputs where !shape.isHoldable {
      throw .input(name: name, expected: "of a size that fits in memory", found: "\(shape)")
    }
    for node in nodes {
      let read = node.inputs.compactMap { shapes[$0] }
      let made = try node.operation.heldShapes(read, node: node.name)
      for (name, shape) in zip(node.outputs, made) { shapes[name] = shape }
    }
    return shapes
  }

  /// The shape of the first input for a number of pictures, in this package's order.
  ///
  /// Open rows and columns are those that the preprocessing crops to, or 224.
  public func inputShape(images: Int) throws(NetworkError) -> Shape {
    guard let input = inputs.first else {
      throw .input(name: "", expected: "one", found: "a network without inputs")
    }
    let cropped = preprocessing?.size
    var extents = input.extents.enumerated().map { axis, extent in
      extent ?? (axis == 2 ? cropped?.rows ?? 224 : axis == 3 ? cropped?.columns ?? 224 : axis == 1 ? 3 : 1)
    }
    if !extents.isEmpty { extents[0] = images }
    return Shape(extents).fromONNXOrder
  }
}
