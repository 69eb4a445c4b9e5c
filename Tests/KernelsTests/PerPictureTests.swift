import Kernels
import Tensors
import TestSupport
import Testing

/// An operation that treats the pictures of a batch alike, none knowing of the others.
struct PerPicture: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let run: @Sendable (Tensor) throws -> Tensor

  init(_ name: String, _ run: @escaping @Sendable (Tensor) throws -> Tensor) {
    testDescription = name
    self.run = run
  }

  static let sliding = Sliding(
    rows: Slide(window: 3, stride: 2, before: 1, after: 1), columns: Slide(window: 2, dilation: 2, after: 1))
  static let channels = 21
  static let constants = LocalResponseNormalization(size: 5, alpha: 0.5, beta: 0.75, bias: 2)
  static let perChannel = Tensor([channels], elements: (0..<channels).map { 0.1 * Float($0) - 1 })
  static let filters = Tensor(
    [7, 3, 2, channels], elements: (0..<7 * 6 * channels).map { Float($0 % 11) - 5 })

  static let all: [PerPicture] = [
    PerPicture("max pooling") { try Device().maxPooling($0, over: sliding) },
    PerPicture("unpooling") { map in
      let (values, switches) = try Device().maxPoolingWithSwitches(map, over: sliding)
      return try Device().unpooling(values, through: switches)
    },
    PerPicture("global max pooling") { try Device().globalMaxPoolingWithSwitches($0).values },
    PerPicture("average pooling") { try Device().averagePooling($0, over: sliding, countsPadding: false) },
    PerPicture("transposed average pooling") { map in
      let shape = Shape(images: map.shape.images, rows: 17, columns: 8, channels: channels)
      return try Device().averagePoolingTransposed(map, over: sliding, countsPadding: true, onto: shape)
    },
    PerPicture("global average pooling") { try Device().globalAveragePooling($0) },
    PerPicture("transposed global average pooling") { map in
      try Device().globalAveragePoolingTransposed(Device().globalAveragePooling(map), onto: map.shape)
    },
    PerPicture("local response normalisation") { try Device().localResponseNormalization($0, constants) },
    PerPicture("local response normalisation's gradient") { map in
      try Device().localResponseNormalizationBackward(map, input: map, constants)
    },
    PerPicture("softmax over channels") { try Device().softmax($0, axis: 3) },
    PerPicture("log softmax over rows") { try Device().logSoftmax($0, axis: 1) },
    PerPicture("scaling") { try Device().scaling($0, scale: perChannel, shift: perChannel) },
    PerPicture("a rectifier") { Device().activated($0, by: .relu) },
    PerPicture("swish") { Device().activated($0, by: .swish) },
    PerPicture("swish's gradient") { map in
      try Device().activationBackward(
        map, input: map, output: Device().activated(map, by: .swish), by: .swish)
    },
    PerPicture("a parametric rectifier") { try Device().parametricRelu($0, slope: perChannel) },
    PerPicture("a parametric rectifier's gradient") { map in
      try Device().parametricReluBackward(map, input: map, slope: perChannel)
    },
    PerPicture("the guided rule") { try Device().rectifying($0, output: $0, rule: .guided) },
    PerPicture("adding a channel's constant") { try Device().combining($0, perChannel, by: .add) },
    PerPicture("a mean over rows and columns") {
      try Device().averaged($0, over: [1, 2], keepingAxes: true)
    },
    PerPicture("padding") {
      try Device().padded($0, before: [0, 2, 1, 0], after: [0, 1, 0, 0], mode: .reflect)
    },
    PerPicture("slicing") { map in
      try Device().sliced(
        map, starts: [0, 8, 1, 0], stops: [map.shape.images, 0, 6, 20], steps: [1, -3, 2, 1])
    },
    PerPicture("turning axes") { try Device().permuted($0, [0, 3, 1, 2]) },
    PerPicture("a sparse transposed convolution") { map in
      let signal = try Device().sliced(
        map, starts: [0, 0, 0, 0], stops: [map.shape.images, 9, 7, 7], steps: [1, 1, 1, 1])
      let shape = Shape(images: map.shape.images, rows: 17, columns: 8, channels: channels)
      return try Device().sparseConvolutionTransposed(
        signal, filters: filters, over: sliding, groups: 1, onto: shape)
    },
  ]
}

@Suite struct PerPictureOperations {
  private func batch() -> Tensor {
    var generator = SeededGenerator(seed: 80)
    return Tensor.random([3, 9, 7, PerPicture.channels], in: -2...2, using: &generator)
  }

  @Test(arguments: PerPicture.all)
  func `a batch gives what its pictures give one by one`(operation: PerPicture) throws {
    let batch = batch()
    let parts = try (0..<3).map { try operation.run(batch.slices($0..<$0 + 1)) }
    let whole = try operation.run(batch)
    #expect(whole.elements == Tensor.stacking(parts).elements)
    #expect(Set(parts.map(\.elements)).count == 3)
  }

  @Test(arguments: PerPicture.all)
  func `an operation leaves no trace in what it is given`(operation: PerPicture) throws {
    let batch = batch()
    let before = (batch.elements, PerPicture.perChannel.elements, PerPicture.filters.elements)
    let first = try operation.run(batch)
    #expect(
      (batch.elements, PerPicture.perChannel.elements, PerPicture.filters.elements) == before)
    #expect(try operation.run(batch).elements == first.elements)
  }

  @Test(arguments: PerPicture.all)
  func `no pictures give none`(operation: PerPicture) throws {
    let none = try operation.run(Tensor([0, 9, 7, PerPicture.channels]))
    #expect(none.shape.dimensions.first == 0)
  }
}
