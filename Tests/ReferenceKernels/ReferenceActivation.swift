public import Kernels

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What an activation makes of one value, as its definition says.
public func referenceActivated(_ value: Double, by activation: Activation) -> Double {
  switch activation {
  case .relu: max(value, 0)
  case .leakyRelu(let slope): value < 0 ? Double(slope) * value : value
  case .clip(let minimum, let maximum): min(max(value, Double(minimum)), Double(maximum))
  case .sigmoid: 1 / (1 + exp(-value))
  case .hardSigmoid(let alpha, let beta): min(max(Double(alpha) * value + Double(beta), 0), 1)
  case .hardSwish: value * min(max(value / 6 + 0.5, 0), 1)
  case .swish: value / (1 + exp(-value))
  case .tanh: tanh(value)
  case .elu(let alpha): value < 0 ? Double(alpha) * expm1(value) : value
  case .softplus: max(value, 0) + log1p(exp(-abs(value)))
  case .gelu: 0.5 * value * erfc(-value / 2.0.squareRoot())
  case .exp: exp(value)
  case .log: log(value)
  case .sqrt: value.squareRoot()
  case .abs: abs(value)
  case .negate: -value
  case .reciprocal: 1 / value
  case .erf: erf(value)
  case .sin: sin(value)
  case .cos: cos(value)
  case .tan: tan(value)
  case .asin: asin(value)
  case .acos: acos(value)
  case .atan: atan(value)
  case .sinh: sinh(value)
  case .cosh: cosh(value)
  case .asinh: asinh(value)
  case .acosh: acosh(value)
  case .atanh: atanh(value)
  case .sign: value > 0 ? 1 : value < 0 ? -1 : value
  case .floor: value.rounded(.down)
  case .ceil: value.rounded(.up)
  case .round: value.rounded(.toNearestOrEven)
  case .thresholdedRelu(let threshold): value > Double(threshold) ? value : 0
  case .shrink(let bias, let threshold):
    value < -Double(threshold) ? value + Double(bias) : value > Double(threshold) ? value - Double(bias) : 0
  }
}
