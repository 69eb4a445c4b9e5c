public import Images
internal import Synchronization
public import Tensors

/// A data set's pictures on their way into a network: decoded by whoever asks, with what could not be read listed.
public final class PreparedPictures: Sendable {
  public let dataset: Dataset
  public let preprocessing: Preprocessing
  private let cancellation: Cancellation
  private let unread: UnreadPictures

  /// - Parameters:
  ///   - dataset: The pictures.
  ///   - preprocessing: How each becomes the network's input.
  ///   - strict: Whether a picture that cannot be read is an error, and not left out.
  ///   - cancellation: Asked before each picture.
  public init(
    _ dataset: Dataset, _ preprocessing: Preprocessing, strict: Bool, cancellation: Cancellation = .never
  ) {
    self.dataset = dataset
    self.preprocessing = preprocessing
    self.cancellation = cancellation
    unread = UnreadPictures(dataset, strict: strict)
  }

  /// A picture as the network's input.
  ///
  /// - Parameters:
  ///   - id: The picture's.
  ///   - placement: Where the crop is cut from, and whether it is mirrored.
  /// - Returns: 1 x rows x columns x channels; nil, and noted, where the picture cannot be read.
  /// - Throws: `Interruption` where the work is cancelled, or `ImageError` where pictures must all be read.
  public func tensor(_ id: Int, at placement: Placement = .center) throws -> Tensor? {
    try seen(id, at: placement).map {
      (placement.isMirrored ? $0.mirrored() : $0).values(preprocessing)
    }
  }

  /// What the network sees of a picture, as pixels.
  ///
  /// - Parameters:
  ///   - id: The picture's.
  ///   - placement: Where the crop is cut from; it is not mirrored.
  /// - Returns: The picture, resized and cropped; nil, and noted, where it cannot be read.
  /// - Throws: As ``tensor(_:at:)``.
  public func seen(_ id: Int, at placement: Placement = .center) throws -> Picture? {
    try cancellation.check()
    return try unread.read(id) { () throws(ImageError) in
      try dataset.picture(id).framed(preprocessing, at: placement).seen
    }
  }

  /// Pictures left out so far, in the order of their ids.
  ///
  /// - Parameter bound: Only those of lower ids.
  public func skipped(below bound: Int = .max) -> [Skipped] { unread.skipped(below: bound) }

  /// Ids of the pictures left out so far.
  public func skippedIDs() -> Set<Int> { unread.ids }

  /// Marks pictures that an earlier attempt could not read; names that the data set has not are passed over.
  public func skip(_ earlier: [Skipped]) { unread.mark(earlier) }
}

/// What of a data set could not be read, noted by any thread.
final class UnreadPictures: Sendable {
  private let dataset: Dataset
  private let isStrict: Bool
  private let reasons = Mutex([Int: String]())

  init(_ dataset: Dataset, strict: Bool) {
    self.dataset = dataset
    isStrict = strict
  }

  /// What is made of a picture; nil, and noted, where it cannot be read.
  ///
  /// - Throws: The picture's error, with its name, where pictures must all be read.
  func read(_ id: Int, _ body: () throws(ImageError) -> Picture) throws(ImageError) -> Picture? {
    do {
      return try body()
    } catch {
      let named = error.naming("\(dataset.name)/\(dataset.items[id].path)")
      guard !isStrict else { throw named }
      reasons.withLock { $0[id] = named.description }
      return nil
    }
  }

  func skipped(below bound: Int = .max) -> [Skipped] {
    reasons.withLock { $0 }.filter { $0.key < bound }.sorted { $0.key < $1.key }.map {
      Skipped(image: dataset.items[$0.key].path, reason: $0.value)
    }
  }

  var ids: Set<Int> { Set(reasons.withLock { $0.keys }) }

  func mark(_ earlier: [Skipped]) {
    let ids = Dictionary(dataset.items.map { ($0.path, $0.id) }, uniquingKeysWith: { one, _ in one })
    reasons.withLock { reasons in
      for entry in earlier { if let id = ids[entry.image] { reasons[id] = entry.reason } }
    }
  }
}
