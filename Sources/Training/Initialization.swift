internal import Foundation
internal import Kernels
public import Networks
public import Tensors

extension Network {
  /// The same graph with weights drawn anew and biases of zero.
  ///
  /// - Parameters:
  ///   - initialization: What weights are drawn from.
  ///   - generator: Where chance comes from.
  /// - Returns: A network that has learned nothing.
  public func initialized(
    _ initialization: Recipe.Initialization, using generator: inout some RandomNumberGenerator
  ) -> Network {
    replacingOperations { node in
      var operation = node.operation
      for role in operation.parameterRoles {
        operation.withParameter(role) { tensor in
          switch role {
          case .weights:
            let inputs = tensor.shape.count / max(tensor.shape[0], 1)
            let deviation = initialization == .gaussian ? 1e-2 : (2 / Double(max(inputs, 1))).squareRoot()
            tensor = .gaussian(tensor.shape, deviation: deviation, using: &generator)
          case .bias, .shift: tensor = Tensor(tensor.shape)
          case .scale: tensor = Tensor(tensor.shape, repeating: 1)
          case .slope: tensor = Tensor(tensor.shape, repeating: 0.25)
          }
        }
      }
      return operation
    }
  }

  /// The same network that first subtracts a picture of the input's size, so that the file carries the mean and
  /// any runtime classifies the same.
  ///
  /// - Parameter mean: 1 x rows x columns x channels.
  /// - Returns: A network with one node more, `pixelMean`.
  /// - Throws: ``NetworkError`` where the network has no input.
  public func subtracting(_ mean: Tensor) throws(NetworkError) -> Network {
    guard let input = inputs.first?.name else { throw .missingValue(name: "input", node: "the pixel mean") }
    let centred = input + ".centred"
    let first = Node(
      name: "pixelMean", operation: .arithmeticWithConstant(.subtract, mean, constantFirst: false),
      inputs: [input], outputs: [centred])
    let rest = nodes.map { node in
      Node(
        name: node.name, operation: node.operation, inputs: node.inputs.map { $0 == input ? centred : $0 },
        outputs: node.outputs)
    }
    return try Network(
      name: name, inputs: inputs, nodes: [first] + rest, outputs: outputs, preprocessing: preprocessing,
      classes: classes, metadata: metadata)
  }
}

extension Tensor {
  /// Elements drawn from a Gaussian around zero, by Box and Muller's method.
  static func gaussian(
    _ shape: Shape, deviation: Double, using generator: inout some RandomNumberGenerator
  ) -> Tensor {
    var spare: Double?
    return Tensor(
      shape,
      elements: (0..<shape.count).map { _ in
        if let value = spare {
          spare = nil
          return Float(value * deviation)
        }
        // Above zero, so that its logarithm is finite.
        let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
        let angle = 2 * Double.pi * Double.random(in: 0..<1, using: &generator)
        spare = radius * sin(angle)
        return Float(radius * cos(angle) * deviation)
      })
  }
}
