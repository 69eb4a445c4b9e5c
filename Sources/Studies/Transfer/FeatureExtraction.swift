internal import Execution
public import Networks
internal import Synchronization
public import Tensors

/// Features of pictures at several layers, from one pass over each picture.
///
/// A class because it owns a runner.
public final class FeatureExtraction {
  /// A layer and what is made of its maps.
  public struct Selection: Hashable, Sendable {
    public var layer: String
    /// The value that holds its feature maps.
    public var value: String
    public var pooling: FeaturePooling
    /// Features a picture.
    public var count: Int

    /// A layer's value, pooled to `count` features a picture.
    public init(layer: String, value: String, pooling: FeaturePooling, count: Int) {
      self.layer = layer
      self.value = value
      self.pooling = pooling
      self.count = count
    }
  }

  public let selections: [Selection]
  private let runner: Runner

  /// - Parameters:
  ///   - network: The network.
  ///   - selections: What is taken from it.
  ///   - threads: How many pictures are computed side by side.
  /// - Throws: `NetworkError` for a value that is not there, `KernelError` where oneDNN cannot start.
  public init(_ network: Network, selections: [Selection], threads: Int) throws {
    self.selections = selections
    runner = try Runner(network, keeping: Array(Set(selections.map(\.value))).sorted(), threads: threads)
  }

  /// The features of some pictures: the same bytes however many are asked for at once.
  ///
  /// - Parameters:
  ///   - range: The pictures' numbers.
  ///   - names: What messages call a picture.
  ///   - input: Makes a picture, 1 x rows x columns x channels, on a worker's thread; nil leaves it out.
  /// - Returns: The numbers of the pictures that there are, ascending; and for each selection pictures x features.
  /// - Throws: ``StudyError`` for a feature that is not finite, or what `input` throws.
  public func features(
    of range: Range<Int>, names: (Int) -> String, input: @escaping @Sendable (Int) throws -> Tensor?
  ) throws -> (images: [Int], features: [Tensor]) {
    let found = Mutex([[Int: [Float]]](repeating: [:], count: selections.count))
    let selections = selections
    try runner.run(over: range, input: input) { trace in
      for (index, selection) in selections.enumerated() {
        guard let values = trace[selection.value] else { continue }
        for (place, image) in trace.images.enumerated() {
          let one = trace.images.count == 1 ? values : values.slices(place..<place + 1)
          let vector = selection.pooling.vector(of: one)
          found.withLock { $0[index][image] = vector }
        }
      }
    }
    let vectors = found.withLock { $0 }
    let images = (vectors.first ?? [:]).keys.sorted()
    let features = try zip(selections, vectors).map { selection, vectors in
      for image in images {
        guard vectors[image]?.allSatisfy(\.isFinite) == true else {
          throw StudyError(
            "a feature of layer \(selection.layer) is no finite number in \(names(image)). The network's weights or the "
              + "image's preprocessing are at fault: look at --scale, --mean and --std, or choose a lower layer."
          )
        }
      }
      return Tensor([images.count, selection.count]) { elements in
        for (place, image) in images.enumerated() {
          for (index, value) in (vectors[image] ?? []).enumerated() {
            elements[place * selection.count + index] = value
          }
        }
      }
    }
    return (images, features)
  }
}
