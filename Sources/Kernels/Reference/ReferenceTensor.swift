public import Tensors

/// A tensor of `Double`, for the slow and obvious references that the fast kernels are held against.
public struct ReferenceTensor: Sendable {
  public var shape: Shape
  public var elements: [Double]

  public init(_ shape: Shape, elements: [Double]) {
    precondition(elements.count == shape.count, "\(elements.count) elements for a shape of \(shape)")
    self.shape = shape
    self.elements = elements
  }

  public init(_ tensor: Tensor) {
    self.init(tensor.shape, elements: tensor.elements.map(Double.init))
  }

  public subscript(image: Int, row: Int, column: Int, channel: Int) -> Double {
    get { elements[offset(image, row, column, channel)] }
    set { elements[offset(image, row, column, channel)] = newValue }
  }

  private func offset(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> Int {
    ((image * shape.rows + row) * shape.columns + column) * shape.channels + channel
  }
}
