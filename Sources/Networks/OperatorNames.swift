internal import Kernels

extension Activation {
  /// The ONNX operator of this function; `swish` stands for `x * sigmoid(x)`.
  var operatorName: String {
    switch self {
    case .relu: "Relu"
    case .leakyRelu: "LeakyRelu"
    case .clip: "Clip"
    case .sigmoid: "Sigmoid"
    case .hardSigmoid: "HardSigmoid"
    case .hardSwish: "HardSwish"
    case .swish: "Swish"
    case .tanh: "Tanh"
    case .elu: "Elu"
    case .softplus: "Softplus"
    case .gelu: "Gelu"
    case .exp: "Exp"
    case .log: "Log"
    case .sqrt: "Sqrt"
    case .abs: "Abs"
    case .negate: "Neg"
    case .reciprocal: "Reciprocal"
    case .erf: "Erf"
    case .sin: "Sin"
    case .cos: "Cos"
    case .tan: "Tan"
    case .asin: "Asin"
    case .acos: "Acos"
    case .atan: "Atan"
    case .sinh: "Sinh"
    case .cosh: "Cosh"
    case .asinh: "Asinh"
    case .acosh: "Acosh"
    case .atanh: "Atanh"
    case .sign: "Sign"
    case .floor: "Floor"
    case .ceil: "Ceil"
    case .round: "Round"
    case .thresholdedRelu: "ThresholdedRelu"
    case .shrink: "Shrink"
    }
  }
}

extension Arithmetic {
  /// The ONNX operator of this function.
  var operatorName: String {
    switch self {
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "Div"
    case .minimum: "Min"
    case .maximum: "Max"
    case .power: "Pow"
    case .select: "Where"
    case .greater: "Greater"
    case .greaterOrEqual: "GreaterOrEqual"
    case .equal: "Equal"
    }
  }
}
