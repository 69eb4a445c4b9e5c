public import Images
internal import Synchronization
public import Tensors

/// A data set's pictures on their way into a network: decoded and prepared by whoever asks, on any thread.
///
/// What cannot be read is left out and listed. A class because all who ask share that list.
public final class PreparedPictures: Sendable {
  public let dataset: Dataset
  public let preprocessing: Preprocessing
  private let isStrict: Bool
  private let cancellation: Cancellation
  private let unread = Mutex([Int: String]())

  /// - Parameters:
  ///   - dataset: The pictures.
  ///   - preprocessing: How each becomes a network's input.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  ///   - cancellation: Asked before each picture.
  public init(
    _ dataset: Dataset, _ preprocessing: Preprocessing, strict isStrict: Bool = false,
    cancellation: Cancellation = .never
  ) {
    self.dataset = dataset
    self.preprocessing = preprocessing
    self.isStrict = isStrict
    self.cancellation = cancellation
  }

  public var count: Int { dataset.items.count }

  /// Picture `id` as the network's input, 1 x rows x columns x channels; nil, and listed, where it cannot be read.
  ///
  /// - Throws: `Interruption` where the work is cancelled, or `ImageError` where pictures must all be read.
  public func tensor(_ id: Int) throws -> Tensor? { try seen(id)?.values(preprocessing) }

  /// Picture `id` at several placements, decoded and resized once; nil, and listed, where it cannot be read.
  ///
  /// - Throws: As ``tensor(_:)``.
  public func tensors(_ id: Int, at placements: [Placement]) throws -> [Tensor]? {
    try listed(id) { picture throws(ImageError) in
      try placements.map { placement throws(ImageError) in
        try picture.prepared(preprocessing, at: placement).tensor
      }
    }
  }

  /// What the network sees of picture `id`, resized and cropped; nil, and listed, where it cannot be read.
  ///
  /// - Throws: As ``tensor(_:)``.
  public func seen(_ id: Int) throws -> Picture? {
    try listed(id) { picture throws(ImageError) in try picture.framed(preprocessing).seen }
  }

  /// What is made of picture `id`; nil, and listed, where it cannot be read.
  package func listed<Result>(_ id: Int, _ make: (Picture) throws(ImageError) -> Result) throws -> Result? {
    try cancellation.check()
    return try listed(id) { () throws(ImageError) in try make(try dataset.picture(id)) }
  }

  private func listed<Result>(_ id: Int, _ read: () throws(ImageError) -> Result) throws -> Result? {
    do throws(ImageError) {
      return try read()
    } catch {
      let named = error.naming("\(dataset.name)/\(dataset.items[id].path)")
      guard !isStrict else { throw named }
      unread.withLock { $0[id] = named.description }
      return nil
    }
  }

  /// How a picture's pixels become the network's, from its header; nil, and listed, where it cannot be read.
  ///
  /// - Throws: `ImageError` where pictures must all be read.
  public func framing(of id: Int) throws -> Framing? {
    try listed(id) { () throws(ImageError) in
      let (rows, columns) = try dataset.extents(of: id)
      return try Framing(rows: rows, columns: columns, preprocessing)
    }
  }

  /// Pictures left out so far, by id, with the reason.
  ///
  /// - Parameter bound: Only those of lower ids are listed.
  /// - Returns: Each picture's path and the reason.
  public func skipped(below bound: Int = .max) -> [Skipped] {
    unread.withLock { $0 }.filter { $0.key < bound }.sorted { $0.key < $1.key }.map {
      Skipped(image: dataset.items[$0.key].path, reason: $0.value)
    }
  }

  /// Ids of the pictures left out so far.
  public var skippedIDs: Set<Int> { Set(unread.withLock { $0.keys }) }

  /// Lists pictures that an earlier attempt could not read.
  public func skip(_ earlier: [Skipped]) {
    let known = Set(skippedIDs.map { ExactName(dataset.items[$0].path) })
    var reasons: [ExactName: String] = [:]
    for entry in earlier where !known.contains(ExactName(entry.image)) {
      reasons[ExactName(entry.image)] = entry.reason
    }
    let new = dataset.ids(of: reasons.keys)
    unread.withLock { unread in
      for id in new { unread[id] = reasons[ExactName(dataset.items[id].path)] }
    }
  }
}
