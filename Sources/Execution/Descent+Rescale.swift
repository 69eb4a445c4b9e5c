internal import Kernels
internal import Networks
internal import Tensors

/// DeepLIFT's rescale rule: what a change of the input adds to a change of the output, between a reference and the picture.
extension Descent {
  /// Points of the integral for what mixes elements: products are exact with one.
  private static var quadrature: Quadrature { Quadrature(count: 16) }

  /// The signals times the mean derivative between the reference's values and the picture's.
  ///
  /// - Throws: `KernelError` where signals lie on windows, or there is no reference.
  func rescaled(_ signals: [Tensor], _ worker: Worker) throws(KernelError) -> [Tensor] {
    let needs = node.needs(under: .rescale)
    // What is linear has the same derivative everywhere.
    guard needs.inputs else { return try derivative(signals, worker) }
    guard windows == nil, let reference else {
      throw .shapes(
        operation: node.name, expected: "whole maps of a picture and a reference", found: "\(rule)")
    }
    if needs.switches { return [try throughPool(signals[0], reference, worker)] }
    switch node.operation {
    case .activation, .parametricRelu, .arithmeticWithConstant:
      return [try byQuotient(signals, reference, worker)]
    default:
      return try byIntegral(signals, reference, worker)
    }
  }

  /// A function of each element alone: the change of its output over that of its input.
  ///
  /// Where the input does not change, that is its derivative.
  private func byQuotient(
    _ signals: [Tensor], _ reference: Memory, _ worker: Worker
  ) throws(KernelError) -> Tensor {
    let slopes = try derivative(signals, worker)[0].elements
    let (inputs, before) = (try input().elements, try reference.value(node.inputs[0], of: node).elements)
    let (outputs, earlier) = (
      try output().elements, try reference.value(node.outputs[0], of: node).elements
    )
    let signal = signals[0].elements
    guard inputs.count == outputs.count else { return try byIntegral(signals, reference, worker)[0] }
    return Tensor(self.inputs[0]) { result in
      for index in inputs.indices {
        let change = inputs[index] - before[index]
        // A smaller change is mostly rounding.
        let isChanged = abs(change) > 1e-6 * max(abs(inputs[index]), abs(before[index]))
        result[index] =
          isChanged ? signal[index] * (outputs[index] - earlier[index]) / change : slopes[index]
      }
    }
  }

  /// A max pool: where its output rose, the picture's winner rose at least as far; where it fell, the reference's fell so.
  private func throughPool(
    _ signal: Tensor, _ reference: Memory, _ worker: Worker
  ) throws(KernelError) -> Tensor {
    let change = try worker.device.combining(
      try output(), try reference.value(node.outputs[0], of: node), by: .subtract)
    func part(_ isRise: Bool) throws(KernelError) -> Tensor {
      let (changes, arriving) = (change.elements, signal.elements)
      return Tensor(signal.shape) { part in
        for index in changes.indices {
          part[index] = (changes[index] > 0) == isRise ? arriving[index] * changes[index] : 0
        }
      }
    }
    let rises = try worker.device.unpooling(try part(true), through: try memory.switches(of: node))
    let falls = try worker.device.unpooling(try part(false), through: try reference.switches(of: node))
    let added = try worker.device.combining(rises, falls, by: .add)
    let moved = try worker.device.combining(
      try input(), try reference.value(node.inputs[0], of: node), by: .subtract)
    return stabilizedQuotient(added, moved, 0)
  }

  /// The derivative's mean over the line between both sides' inputs.
  private func byIntegral(
    _ signals: [Tensor], _ reference: Memory, _ worker: Worker
  ) throws(KernelError) -> [Tensor] {
    var ends: [(from: Tensor, to: Tensor)] = []
    for name in node.inputs {
      ends.append((try reference.value(name, of: node), try memory.value(name, of: node)))
    }
    var sums: [Tensor] = []
    let quadrature = Self.quadrature
    for (point, weight) in zip(quadrature.points, quadrature.weights) {
      let share = Float(point)
      let values = ends.map { end in
        let (from, to) = (end.from.elements, end.to.elements)
        return Tensor(end.to.shape, elements: from.indices.map { from[$0] + share * (to[$0] - from[$0]) })
      }
      let place = PlaceOnLine(
        node: node, inputs: values, outputs: try worker.outputs(of: node.operation, named: node.name, values))
      let way = Descent<PlaceOnLine>(
        node: node, rule: .gradient, memory: place, inputs: inputs, isGroup: isGroup)
      for (index, slope) in try way.derivative(signals, worker).enumerated() {
        let factor = Tensor([1], elements: [Float(weight)])
        let part = try worker.device.combining(slope, factor, by: .multiply)
        if index < sums.count {
          sums[index] = try worker.device.combining(sums[index], part, by: .add)
        } else {
          sums.append(part)
        }
      }
    }
    return sums
  }
}

/// A node between a reference and a picture.
private struct PlaceOnLine: Recollection {
  let node: Network.Node
  let inputs: [Tensor]
  let outputs: [Tensor]

  func value(_ name: String, of node: Network.Node) throws(KernelError) -> Tensor {
    if let place = node.inputs.firstIndex(of: name) { return inputs[place] }
    if let place = node.outputs.firstIndex(of: name) { return outputs[place] }
    throw .shapes(operation: node.name, expected: "one of its values", found: "'\(name)'")
  }

  func switches(of node: Network.Node) throws(KernelError) -> Switches {
    throw .shapes(operation: node.name, expected: "no max pool", found: "a max pool")
  }
}
