public import Datasets
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
///   - keepsGoing: Asked once a batch; false ends the work.
/// - Returns: 1 x rows x columns x 3 in the network's channel order; nil where it was ended.
/// - Throws: ``TrainingError/nothingReadable``, or what keeps a picture from being prepared.
/// - Note: The paper subtracts the mean of the resized pictures and crops after; we take the mean of the central
///   crops, so that one constant of the network's own size goes with every crop.
public func pixelMean(
  of pictures: any LabelledPictures, _ preprocessing: Preprocessing, threads: Int,
  keepsGoing: () -> Bool = { true }
) throws -> Tensor? {
  let batches = Batches(
    picture: pictures.picture, preprocessing: preprocessing, order: Array(0..<pictures.labels.count),
    size: 64,
    threads: threads, placement: { _ in .center })
  let ahead = PrefetchQueue(0..<batches.count) { try batches.batch($0) }
  var sums: [Double] = []
  var shape: Shape?
  var count = 0
  while let batch = try ahead.next() {
    guard keepsGoing() else { return nil }
    for picture in batch.pictures {
      if shape == nil {
        shape = picture.shape
        sums = [Double](repeating: 0, count: picture.shape.count)
      }
      guard picture.shape == shape else {
        throw TrainingError.recipe(
          reason: "images become \(picture.shape) and \(shape ?? []): crop them to one size.")
      }
      picture.withSpan { elements in
        for index in sums.indices { sums[index] += Double(elements[index]) }
      }
      count += 1
    }
  }
  guard let shape, count > 0 else { throw TrainingError.nothingReadable }
  return Tensor(shape, elements: sums.map { Float($0 / Double(count)) })
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
