public import Kernels
public import Tensors

/// What a node computes, with its weights.
///
/// Values of rank 4 are images x rows x columns x channels, and axes of this type count in that order;
/// values of any other rank have ONNX's order. The cases are closed: every place that must think about a new
/// operator switches without `default`.
public enum Operation: Sendable {
  /// ONNX `Conv`.
  case convolution(Convolution)
  /// ONNX `MaxPool`.
  case maxPooling(SlidingRule)
  /// ONNX `AveragePool`; `count_include_pad` is `countsPadding`.
  case averagePooling(SlidingRule, countsPadding: Bool)
  /// ONNX `GlobalAveragePool`.
  case globalAveragePooling
  /// ONNX `GlobalMaxPool`.
  case globalMaxPooling
  /// ONNX `LRN`: contrast normalisation across maps.
  case localResponseNormalization(LocalResponseNormalization)
  /// ONNX `BatchNormalization`, in inference.
  case batchNormalization(BatchNormalization)
  /// ONNX `Gemm`, or `MatMul` with constant weights: N x inputs to N x outputs.
  case innerProduct(InnerProduct)
  /// ONNX `MatMul` of two computed values.
  case matrixProduct
  /// A function of each element: ONNX `Relu`, `LeakyRelu`, `Clip`, `Sigmoid` and their like.
  case activation(Activation)
  /// ONNX `PRelu` with one slope, or one a channel.
  case parametricRelu(slope: Tensor)
  case softmax(axis: Int)
  case logSoftmax(axis: Int)
  /// ONNX `Concat`.
  case concatenation(axis: Int)
  /// ONNX `Split`.
  case split(axis: Int, sizes: [Int])
  /// ONNX `Add`, `Mul` and their like, of two computed values, broadcast as NumPy does.
  case arithmetic(Arithmetic)
  /// The same with a constant, whose shape is broadcast against the value's in this type's order.
  case arithmeticWithConstant(Arithmetic, Tensor, constantFirst: Bool)
  /// ONNX `Pad`: positions before and after, by axis; negative ones crop.
  case padding(before: [Int], after: [Int], mode: PaddingMode)
  /// ONNX `Slice` with every axis given; a stop past the end is the end.
  case slice(starts: [Int], stops: [Int], steps: [Int])
  /// ONNX `Gather` of constant positions of one axis, none negative.
  case gathering(axis: Int, positions: [Int])
  /// ONNX `Resize`: rows and columns enlarged or reduced.
  case resampling(ResamplingRule)
  /// ONNX `ReduceMean`.
  case average(axes: [Int], keepsAxes: Bool)
  /// Images x features, the features in this type's order: rows, columns, channels.
  case flatten
  /// ONNX `Reshape` (and `Flatten`, `Squeeze`, `Unsqueeze`), extents **in ONNX's order**. An extent of 0 is the input's
  /// at the same place, `copy(of: axis)` the input's at another, and -1 is whatever the number of elements leaves:
  /// [0, -1] on 2x3x4 gives 2x12.
  case reshape([Int])
  /// ONNX `Transpose` in this type's order.
  case transposition([Int])
  /// ONNX `Dropout`, which passes its input on in inference.
  case dropout(ratio: Float)
  case identity
}

extension Operation {
  /// In the target of a ``reshape(_:)``, the extent that an axis of the input has (ONNX's order).
  static func copy(of axis: Int) -> Int { -2 - axis }
}

/// A convolution's filters and geometry.
public struct Convolution: Sendable {
  /// Outputs x rows x columns x inputs of a group.
  public var filters: Tensor
  /// One a output; none means zero.
  public var bias: Tensor?
  public var rule: SlidingRule
  public var groups: Int

  /// - Parameters:
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - bias: One a output; nil for none.
  ///   - rule: How the window slides.
  ///   - groups: Into how many groups inputs and outputs are divided.
  public init(filters: Tensor, bias: Tensor?, rule: SlidingRule, groups: Int = 1) {
    self.filters = filters
    self.bias = bias
    self.rule = rule
    self.groups = groups
  }
}

/// A fully connected layer.
public struct InnerProduct: Sendable {
  /// Outputs x inputs; after a ``Operation/flatten`` the inputs are in rows, columns, channels order.
  public var weights: Tensor
  public var bias: Tensor?

  /// - Parameters:
  ///   - weights: Outputs x inputs.
  ///   - bias: One a output; nil for none.
  public init(weights: Tensor, bias: Tensor?) {
    self.weights = weights
    self.bias = bias
  }
}

/// Statistics and an affine map, one of each a channel: scale * (x - mean) / sqrt(variance + epsilon) + shift.
public struct BatchNormalization: Sendable {
  public var scale: Tensor
  public var shift: Tensor
  public var mean: Tensor
  public var variance: Tensor
  public var epsilon: Float

  /// - Parameters:
  ///   - scale: One a channel.
  ///   - shift: One a channel.
  ///   - mean: One a channel, as measured in training.
  ///   - variance: One a channel, likewise.
  ///   - epsilon: Added to each variance, so that none is zero.
  public init(scale: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, epsilon: Float) {
    self.scale = scale
    self.shift = shift
    self.mean = mean
    self.variance = variance
    self.epsilon = epsilon
  }

  /// The same map by a batch's own statistics, as training computes it.
  package func measured(_ moments: ChannelMoments) -> BatchNormalization {
    var measured = self
    measured.mean = Tensor(mean.shape, elements: moments.means.map(Float.init))
    measured.variance = Tensor(variance.shape, elements: moments.variances.map(Float.init))
    return measured
  }

  /// The statistics kept for inference, moved a tenth of the way to a batch's: ONNX's and PyTorch's default.
  ///
  /// The batch's variance is taken without bias, as of a sample.
  package mutating func follow(_ moments: ChannelMoments) {
    func moved(_ kept: Tensor, _ seen: [Double]) -> Tensor {
      Tensor(kept.shape, elements: zip(kept.elements, seen).map { Float(0.9 * Double($0) + 0.1 * $1) })
    }
    let unbiased = Double(moments.count) / Double(max(moments.count - 1, 1))
    mean = moved(mean, moments.means)
    variance = moved(variance, moments.variances.map { $0 * unbiased })
  }

  /// The same as one product and one sum a channel, worked out in double precision.
  public var affine: (scale: Tensor, shift: Tensor) {
    let mean = mean.elements
    let variance = variance.elements
    let gain = zip(scale.elements, variance).map { Double($0) / (Double($1) + Double(epsilon)).squareRoot() }
    let offset = shift.elements.indices.map { Double(shift.elements[$0]) - Double(mean[$0]) * gain[$0] }
    let shape: Shape = [gain.count]
    return (Tensor(shape, elements: gain.map(Float.init)), Tensor(shape, elements: offset.map(Float.init)))
  }
}
