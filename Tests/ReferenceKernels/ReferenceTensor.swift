public import Tensors

/// A tensor of `Double`, for the slow and obvious references that the fast kernels are held against.
public struct ReferenceTensor: Sendable {
  public var shape: Shape
  public var elements: [Double]

  /// As many elements as the shape has, in row-major order.
  public init(_ shape: Shape, elements: [Double]) {
    precondition(elements.count == shape.count, "\(elements.count) elements for a shape of \(shape)")
    self.shape = shape
    self.elements = elements
  }

  /// Zeros.
  public init(_ shape: Shape) {
    self.init(shape, elements: [Double](repeating: 0, count: shape.count))
  }

  /// The same values in double precision.
  public init(_ tensor: Tensor) {
    self.init(tensor.shape, elements: tensor.elements.map(Double.init))
  }
}
