public import Communication
public import Datasets
internal import Foundation
public import Images
internal import Kernels
public import Networks
public import Tensors

/// The mean of each pixel over training pictures, each cut from the centre.
///
/// - Parameters:
///   - pictures: The training pictures; those that cannot be read are left out.
///   - preprocessing: How a picture becomes the network's input.
///   - threads: How many pictures are decoded side by side.
///   - ranks: The processes that read the pictures together, each a part of them.
///   - keepsGoing: Asked once a batch; false ends the work.
/// - Returns: 1 x rows x columns x 3 in the network's channel order; nil where it was ended.
/// - Throws: ``TrainingError/nothingReadable``, or what keeps a picture from being prepared.
/// - Note: The paper subtracts the mean of the resized pictures and crops after; we take the mean of the central
///   crops, so that one constant of the network's own size goes with every crop. Values are added as whole numbers of
///   2^-32 (fewer places for more than 2^10 pictures), so that their sum is the same in any order.
public func pixelMean(
  of pictures: any LabelledPictures, _ preprocessing: Preprocessing, threads: Int, ranks: Ranks = .alone,
  keepsGoing: () -> Bool = { true }
) throws -> Tensor? {
  let total = pictures.labels.count
  let own = total * ranks.rank / ranks.count..<total * (ranks.rank + 1) / ranks.count
  let batches = Batches(
    picture: pictures.picture, preprocessing: preprocessing, order: Array(own), size: 64,
    threads: threads, ranks: .alone, part: { 0..<$0 }, placement: { _ in .center })
  let ahead = PrefetchQueue(0..<batches.count) { try batches.batch($0) }
  let places = min(32, 42 - (Int.bitWidth - total.leadingZeroBitCount))
  let unit = Double(sign: .plus, exponent: places, significand: 1)
  var mean = PixelSums()
  var isStopped = false
  while let batch = try ahead.next() {
    guard keepsGoing() else {
      isStopped = true
      break
    }
    for case let picture? in batch.own { try mean.add(picture, unit) }
  }
  if try ranks.stop(isStopped) { return nil }
  if ranks.count > 1 {
    var whole = PixelSums()
    for other in try ranks.gathered(try Ranks.encoded(mean)) { try whole.add(try Ranks.decoded(other)) }
    mean = whole
  }
  guard mean.count > 0 else { throw TrainingError.nothingReadable }
  let size = Double(mean.count) * unit
  return Tensor(Shape(mean.extents), elements: mean.sums.map { Float(Double($0) / size) })
}

/// Sums of each value over pictures, as whole numbers of some small unit.
private struct PixelSums: Codable {
  var extents: [Int] = []
  var count = 0
  var sums: [Int] = []

  /// Values below 2^20 have room for their sums.
  private static let bound: Float = 0x1p20

  mutating func add(_ picture: Tensor, _ unit: Double) throws(TrainingError) {
    try fit(picture.shape.dimensions)
    guard picture.elements.allSatisfy({ abs($0) < Self.bound }) else {
      throw TrainingError.recipe(
        reason: "values of images reach 2^20 and more: check how they are preprocessed.")
    }
    picture.withSpan { elements in
      for index in sums.indices { sums[index] += Int((Double(elements[index]) * unit).rounded()) }
    }
    count += 1
  }

  mutating func add(_ other: PixelSums) throws(TrainingError) {
    guard other.count > 0 else { return }
    try fit(other.extents)
    for index in sums.indices { sums[index] += other.sums[index] }
    count += other.count
  }

  private mutating func fit(_ other: [Int]) throws(TrainingError) {
    if count == 0 {
      extents = other
      sums = [Int](repeating: 0, count: other.reduce(1, *))
    }
    guard other == extents else {
      throw TrainingError.recipe(
        reason: "images become \(Shape(other)) and \(Shape(extents)): crop them to one size.")
    }
  }
}

extension Network {
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
