internal import Foundation
internal import Kernels
internal import ONNXMessages
internal import Tensors

/// `Einsum`: a sum of products as a product of matrices, of more than two values as a chain of pairs.
extension ONNXReader {
  /// More terms than any program writes would take long to pair.
  private static let mostTerms = 64

  /// What an equation says of two values' labels.
  private struct Einsum {
    var terms: [[Character]]
    var made: [Character]
    var extents: [Character: Int] = [:]

    /// The product of the labels' extents.
    func count(_ labels: [Character]) -> Int { labels.reduce(1) { $0 * (extents[$1] ?? 1) } }

    /// A value's extents by its labels, the number of images left open.
    func open(_ labels: [Character]) -> [Int] { [0] + labels.dropFirst().map { extents[$0] ?? 1 } }
  }

  mutating func einsum(_ node: ONNXNode) throws {
    let sum = try equation(of: node)
    guard sum.terms.count <= 2 else { return try einsum(node, byPairsOf: sum) }
    let computed = node.inputs.indices.filter { shapes[node.inputs[$0]] != nil }
    guard let images = sum.made.first, !computed.isEmpty,
      computed.allSatisfy({ sum.terms[$0].first == images })
    else {
      throw Unsupported("its equation moves the images")
    }
    guard sum.terms.count == 2 else {
      let (value, labels) = try summed(node, 0, sum)
      return try chain(node, [Self.turned(labels, to: sum.made)], from: value)
    }
    guard computed.count == 2 else { return try einsum(node, sum, of: computed[0]) }
    let (left, leftLabels) = try summed(node, 0, sum)
    let (right, rightLabels) = try summed(node, 1, sum)
    let shared = sum.made.filter { leftLabels.contains($0) && rightLabels.contains($0) }
    let rows = sum.made.filter { !rightLabels.contains($0) }
    let columns = sum.made.filter { !leftLabels.contains($0) }
    let inner = leftLabels.filter { !sum.made.contains($0) }
    let stacks = sum.count(Array(shared.dropFirst()))
    func matrices(
      _ suffix: String, _ value: String, _ labels: [Character], _ one: [Character], _ other: [Character]
    ) throws -> String {
      let turned = try part(
        suffix + ".turned", of: node, Self.turned(labels, to: shared + one + other), [value])
      return try part(suffix, of: node, .reshape([0, 1, stacks, sum.count(one), sum.count(other)]), [turned])
    }
    let product = try part(
      "product", of: node, .matrixProduct,
      [
        try matrices("left", left, leftLabels, rows, inner),
        try matrices("right", right, rightLabels, inner, columns),
      ])
    let labels = shared + rows + columns
    try chain(node, [.reshape(sum.open(labels)), Self.turned(labels, to: sum.made)], from: product)
  }

  /// The first computed value with another, what they make with the next, and so on; of each pair the labels are kept
  /// that the result or a later value has.
  private mutating func einsum(_ node: ONNXNode, byPairsOf sum: Einsum) throws {
    let first = node.inputs.indices.first { shapes[node.inputs[$0]] != nil } ?? 0
    var (value, labels) = (node.inputs[first], sum.terms[first])
    var waiting = node.inputs.indices.filter { $0 != first }
    while let next = waiting.first {
      waiting.removeFirst()
      let (term, later) = (sum.terms[next], waiting.flatMap { sum.terms[$0] } + sum.made)
      let made = (labels + term.filter { !labels.contains($0) }).filter(later.contains)
      var pair = Onnx_NodeProto()
      pair.opType = node.type
      pair.input = [value, node.inputs[next]]
      pair.name = waiting.isEmpty ? node.name : "\(node.name).pair\(next)"
      pair.output = [waiting.isEmpty ? node.outputs[0] : "\(node.outputs[0]).pair\(next)"]
      var equation = Onnx_AttributeProto()
      equation.name = "equation"
      equation.type = 3
      equation.s = Data(
        "\(String(labels)),\(String(term))->\(String(waiting.isEmpty ? sum.made : made))".utf8)
      pair.attribute = [equation]
      try einsum(ONNXNode(pair, version: node.version))
      (value, labels) = (pair.output[0], made)
    }
  }

  private func equation(of node: ONNXNode) throws -> Einsum {
    let equation = node.string("equation", default: "").filter { $0 != " " }
    let sides = equation.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let terms = (sides.first ?? "").split(separator: ",", omittingEmptySubsequences: false).map { Array($0) }
    let all = terms.flatMap { $0 }
    // Without a right side, what stands once is kept, in the alphabet's order.
    let made =
      sides.count == 2
      ? Array(sides[1].dropFirst()) : Set(all).filter { label in all.count { $0 == label } == 1 }.sorted()
    guard terms.count <= Self.mostTerms, sides.count == 1 || sides[1].first == ">",
      terms.count == node.inputs.count,
      all.allSatisfy(\.isLetter),
      made.allSatisfy(all.contains), (terms + [made]).allSatisfy({ Set($0).count == $0.count })
    else {
      throw Unsupported(
        "equation '\(equation)'; sums of products of values of different labels are supported")
    }
    var sum = Einsum(terms: terms, made: made)
    for (name, labels) in zip(node.inputs, terms) {
      let extents = shapes[name]?.inONNXOrder.dimensions ?? constants[name]?.extents ?? []
      guard extents.count == labels.count else {
        throw Unsupported("equation '\(equation)' for a value of \(extents)")
      }
      for (label, extent) in zip(labels, extents) {
        guard sum.extents.updateValue(extent, forKey: label) ?? extent == extent else {
          throw Unsupported("equation '\(equation)' for extents that differ")
        }
      }
    }
    return sum
  }

  /// A value summed over the labels that neither the result nor the other value has.
  private mutating func summed(
    _ node: ONNXNode, _ index: Int, _ sum: Einsum
  ) throws -> (value: String, labels: [Character]) {
    let labels = sum.terms[index]
    let others = sum.terms.count == 2 ? sum.terms[1 - index] : []
    let kept = labels.filter { sum.made.contains($0) || others.contains($0) }
    let gone = labels.filter { !kept.contains($0) }
    guard !gone.isEmpty else { return (node.inputs[index], labels) }
    let axes = gone.compactMap { labels.firstIndex(of: $0) }.map { Self.ours($0, rank: labels.count) }
    let mean = try part(
      "mean\(index)", of: node, .average(axes: axes.sorted(), keepsAxes: true), [node.inputs[index]])
    let total = try part(
      "total\(index)", of: node,
      .arithmeticWithConstant(
        .multiply, Tensor([1], repeating: Float(sum.count(gone))), constantFirst: false), [mean])
    return (try part("kept\(index)", of: node, .reshape(sum.open(kept)), [total]), kept)
  }

  /// One of the two values is constant: a factor for each element, or the weights of a fully connected layer.
  private mutating func einsum(_ node: ONNXNode, _ sum: Einsum, of computed: Int) throws {
    let (value, labels) = try summed(node, computed, sum)
    let constant = try weights(node, 1 - computed).tensor
    let names = sum.terms[1 - computed]
    guard names.allSatisfy({ sum.made.contains($0) || labels.contains($0) }) else {
      throw Unsupported("it sums its constant alone")
    }
    func permuted(_ order: [Character]) throws -> Tensor {
      try Device().permuted(constant, order.compactMap { names.firstIndex(of: $0) })
    }
    if names.allSatisfy({ sum.made.contains($0) && labels.contains($0) }) {
      let factor = try permuted(sum.made.filter(names.contains))
        .reshaped(to: Shape(sum.made.map { names.contains($0) ? sum.extents[$0] ?? 1 : 1 }))
      return try chain(
        node,
        [
          Self.turned(labels, to: sum.made),
          .arithmeticWithConstant(.multiply, try factor.fromONNXOrder(), constantFirst: false),
        ], from: value)
    }
    let inner = labels.filter { !sum.made.contains($0) }
    let rows = labels.filter(sum.made.contains)
    let units = names.filter { !labels.contains($0) }
    guard !rows.contains(where: names.contains) else {
      throw Unsupported("its constant has an axis that both values and the result have")
    }
    let matrix = try permuted(units + inner).reshaped(to: [sum.count(units), sum.count(inner)])
    try chain(
      node,
      [
        Self.turned(labels, to: rows + inner),
        .reshape([0, sum.count(Array(rows.dropFirst())), sum.count(inner)]),
        .innerProduct(InnerProduct(weights: matrix, bias: nil)), .reshape(sum.open(rows + units)),
        Self.turned(rows + units, to: sum.made),
      ], from: value)
  }

  private static func turned(_ labels: [Character], to order: [Character]) -> Operation {
    labels == order ? .identity : transposition(order.compactMap { labels.firstIndex(of: $0) })
  }
}
