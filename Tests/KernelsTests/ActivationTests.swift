import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Activations {
  static let all: [Activation] = [
    .relu, .leakyRelu(slope: 0.1), .clip(minimum: -0.5, maximum: 0.75), .sigmoid,
    .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .swish, .tanh, .elu(alpha: 1.5), .softplus, .gelu,
    .exp, .log, .sqrt, .abs, .negate, .reciprocal, .erf,
    .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .sign, .floor, .ceil, .round,
    .thresholdedRelu(threshold: 0.3), .shrink(bias: 0.2, threshold: 0.4),
  ]

  private func inputs(for activation: Activation) -> [Float] {
    let spread = (-2000...2000).map { Float($0) * 0.0101 + 0.00037 }
    return switch activation {
    case .log, .sqrt: spread.filter { $0 > 0 }
    case .asin, .acos, .atanh: spread.filter { abs($0) < 1 }
    case .acosh: spread.filter { $0 > 1 }
    default: spread
    }
  }

  @Test(arguments: all)
  func `values agree with the definition in double precision`(activation: Activation) {
    let values = inputs(for: activation)
    // The line of a hard sigmoid is a difference of terms near 1/2 where it meets zero.
    let cancels = activation == .hardSigmoid(alpha: 0.2, beta: 0.5)
    soil([values.count])
    let found = Device().activated(Tensor([values.count], elements: values), by: activation)
    for (value, result) in zip(values, found.elements) {
      let expected = referenceActivated(Double(value), by: activation)
      // Eight roundings of the result.
      let tolerance =
        Tolerance.rounding(8, magnitude: abs(expected))
        + (cancels ? Tolerance.rounding(2) : 0) + Double(Float.leastNormalMagnitude)
      #expect(abs(Double(result) - expected) <= tolerance, "\(activation) of \(value)")
    }
  }

  @Test func `the exponential errs by less than two in ten million of its value`() {
    let values = (-870_00...880_00).map { Float($0) * 0.001 }
    let found = Device().activated(Tensor([values.count], elements: values), by: .exp).elements
    let largest = zip(values, found).reduce(0.0) { largest, pair in
      let exact = referenceActivated(Double(pair.0), by: .exp)
      return max(largest, abs(Double(pair.1) - exact) / exact)
    }
    #expect(largest < 2e-7)
  }

  @Test func `the ends of the range go to zero and infinity, and NaN stays`() {
    let ends = Tensor([4], elements: [-.infinity, -200, 89, .infinity])
    #expect(Device().activated(ends, by: .exp).elements == [0, 0, .infinity, .infinity])
    #expect(Device().activated(ends, by: .sigmoid).elements == [0, 0, 1, 1])
    #expect(Device().activated(ends, by: .tanh).elements == [-1, -1, 1, 1])
    let subnormal = Device().activated(Tensor([1], elements: [-95]), by: .exp).elements[0]
    #expect(abs(Double(subnormal) - referenceActivated(-95, by: .exp)) <= 1.5 * 0x1p-149)
    for activation in Self.all {
      for count in [1, 33] {
        let result = Device().activated(Tensor([count], repeating: .nan), by: activation)
        #expect(result.elements.allSatisfy { $0.isNaN }, "\(activation)")
      }
    }
  }

  @Test(arguments: all)
  func `the gradient is the slope of the definition, away from kinks`(activation: Activation) throws {
    let kinks = [-0.4, 0.3, 0.4, 0.75] + (-10...10).map { Double($0) / 2 }
    let ends: [Activation: Range<Float>] = [
      .asin: -0.95..<0.95, .acos: -0.95..<0.95, .atanh: -0.95..<0.95, .acosh: 1.05..<5, .tan: -1.5..<1.5,
    ]
    let values = inputs(for: activation).filter { value in
      ends[activation]?.contains(value) != false
    }.filter { value in
      abs(value) < 5 && abs(value) > 0.05 && kinks.allSatisfy { abs(Double(value) - $0) > 0.02 }
    }
    let input = Tensor([values.count], elements: values)
    let output = Device().activated(input, by: activation)
    let signal = Tensor([values.count], repeating: 2)
    let gradient = try Device().activationBackward(signal, input: input, output: output, by: activation)
    for (value, found) in zip(values, gradient.elements) {
      let expected = slope(
        of: { 2 * referenceActivated($0[0], by: activation) }, at: [Double(value)], along: [1])
      let third = 1 / (value * value * value * value)
      let tolerance =
        Tolerance.rounding(16, magnitude: max(abs(expected), 4))
        + 1e-10 * Double(activation == .reciprocal || activation == .log ? 24 * third : 24)
      #expect(abs(Double(found) - expected) <= tolerance, "\(activation) at \(value)")
    }
  }

  @Test func `the three rules differ in what they pass`() throws {
    let signal = Tensor([4], elements: [1, -1, 1, -1])
    let output = Tensor([4], elements: [2, 2, 0, 0])
    #expect(try Device().rectifying(signal, output: output, rule: .gradient).elements == [1, -1, 0, 0])
    #expect(try Device().rectifying(signal, output: nil, rule: .deconvnet).elements == [1, 0, 1, 0])
    #expect(try Device().rectifying(signal, output: output, rule: .guided).elements == [1, 0, 0, 0])
    #expect(throws: KernelError.self) { try Device().rectifying(signal, output: nil, rule: .guided) }
    #expect(throws: KernelError.self) {
      try Device().rectifying(signal, output: Tensor([3]), rule: .gradient)
    }
  }

  @Test func `a parametric rectifier has a slope a channel, or one for all`() throws {
    let input = Tensor([1, 2, 1, 2], elements: [-1, -2, 3, -4])
    let slopes = Tensor([2], elements: [0.5, 0.25])
    #expect(try Device().parametricRelu(input, slope: slopes).elements == [-0.5, -0.5, 3, -1])
    #expect(try Device().parametricRelu(input, slope: Tensor([1], repeating: 2)).elements == [-2, -4, 3, -8])
    let signal = Tensor(input.shape, repeating: 1)
    let gradient = try Device().parametricReluBackward(signal, input: input, slope: slopes)
    #expect(gradient.elements == [0.5, 0.25, 1, 0.25])
    #expect(throws: KernelError.self) { try Device().parametricRelu(input, slope: Tensor([3])) }
    #expect(throws: KernelError.self) {
      try Device().parametricReluBackward(Tensor([1]), input: input, slope: slopes)
    }
  }

  @Test(arguments: [1, 15, 16, 40])
  func `a parametric rectifier is a leaky one of its slope in each channel`(channels: Int) throws {
    var generator = SeededGenerator(seed: 26)
    let input = Tensor.random([2, 3, 2, channels], using: &generator)
    let slopes = Tensor.random([channels], using: &generator).elements
    soil(input.shape)
    let found = try Device().parametricRelu(input, slope: Tensor([channels], elements: slopes))
    let expected = input.elements.enumerated().map { index, value in
      referenceActivated(Double(value), by: .leakyRelu(slope: slopes[index % channels]))
    }
    #expect(largestDifference(found.elements, expected) <= Tolerance.rounding(1))
  }

  @Test func `a gradient of another shape is refused`() {
    let map = Tensor([2])
    #expect(throws: KernelError.self) {
      try Device().activationBackward(Tensor([3]), input: map, output: map, by: .relu)
    }
    #expect(throws: KernelError.self) {
      try Device().activationBackward(map, input: map, output: Tensor([3]), by: .relu)
    }
  }
}
