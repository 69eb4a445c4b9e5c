internal import Foundation
internal import Tensors

extension Architecture {
  /// How weights begin; biases begin at zero.
  public enum Initialization: Hashable, Sendable {
    /// A Gaussian of one deviation in every layer; the paper's is 1e-2.
    case gaussian(deviation: Float)
    /// He et al. 2015: a Gaussian of deviation sqrt(2 / inputs), which keeps a signal's size through rectifiers; in
    /// the first layer divided by the deviation of the network's input, so that a signal of one leaves it.
    case he(inputDeviation: Float)

    /// The paper's, with 1e-2 as the deviation.
    ///
    /// - Note: The paper says that weights are "initialised to 1e-2"; equal weights could not learn.
    public static let paper = Initialization.gaussian(deviation: 1e-2)

    func deviation(inputs: Int, isFirst: Bool) -> Float {
      switch self {
      case .gaussian(let deviation): deviation
      case .he(let inputDeviation): (2 / Float(inputs)).squareRoot() / (isFirst ? inputDeviation : 1)
      }
    }
  }
}

extension Tensor {
  /// Elements drawn from a Gaussian around zero, two at a time from two even numbers (Box and Muller 1958).
  static func gaussian(_ shape: Shape, deviation: Float, using generator: inout SeededGenerator) -> Tensor {
    if deviation == 0 { return Tensor(shape) }
    return Tensor(shape) { elements in
      for index in stride(from: 0, to: shape.count, by: 2) {
        // Two numbers of 24 bits, the first above zero.
        let bits = generator.next()
        let length = deviation * (-2 * log(Float((bits >> 40) + 1) * 0x1p-24)).squareRoot()
        let angle = 2 * Float.pi * Float((bits >> 8) & 0xFF_FFFF) * 0x1p-24
        elements[index] = length * cos(angle)
        if index + 1 < shape.count { elements[index + 1] = length * sin(angle) }
      }
    }
  }
}
