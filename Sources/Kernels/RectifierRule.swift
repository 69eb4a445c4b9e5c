internal import CVector
public import Tensors

/// How a signal travels back through a rectifier; the one place the methods differ.
public enum RectifierRule: String, CaseIterable, Sendable {
  /// Back-propagation: pass where the forward output was positive.
  case gradient
  /// Zeiler & Fergus 2014, section 2.1: pass what is itself positive.
  case deconvnet
  /// Springenberg et al. 2015: both conditions.
  case guided
}

extension Device {
  /// Carries a signal back through a rectifier.
  ///
  /// - Parameters:
  ///   - signal: Arriving at the rectifier's output.
  ///   - output: What the rectifier gave in the forward pass; `deconvnet` does not look at it.
  ///   - rule: Which part of the signal passes.
  /// - Returns: A signal of the same shape.
  /// - Throws: ``KernelError`` where the rule needs the forward output and it is missing or of another shape.
  public func rectifying(
    _ signal: Tensor, output: Tensor?, rule: RectifierRule
  ) throws(KernelError) -> Tensor {
    if rule == .deconvnet {
      return unsafe Tensor(uninitialized: signal.shape) { result in
        unsafe signal.withUnsafeElements { signal in
          unsafe vector_rectifying(signal.baseAddress, nil, result.baseAddress, signal.count, 1)
        }
      }
    }
    guard let output else {
      throw .shapes(
        operation: "the rule \(rule.rawValue)", expected: "the rectifier's forward output", found: "none")
    }
    try require(output, shaped: signal.shape, for: "the rule \(rule.rawValue)")
    return unsafe Tensor(uninitialized: signal.shape) { result in
      unsafe signal.withUnsafeElements { signal in
        unsafe output.withUnsafeElements { output in
          unsafe vector_rectifying(
            signal.baseAddress, output.baseAddress, result.baseAddress, signal.count, rule == .guided ? 1 : 0)
        }
      }
    }
  }
}
