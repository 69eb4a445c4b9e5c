internal import Datasets
internal import Foundation
internal import Images
internal import Networks
internal import Synchronization
internal import Tensors

/// Pictures on their way into a network: decoded by whoever asks, with what could not be read listed.
final class Source: Sendable {
  let dataset: Dataset
  let preprocessing: Preprocessing
  private let isStrict: Bool
  private let unread = Mutex([Int: String]())

  init(_ dataset: Dataset, _ preprocessing: Preprocessing, strict: Bool) {
    self.dataset = dataset
    self.preprocessing = preprocessing
    isStrict = strict
  }

  /// Picture `id` as the network's input; nil, and noted, where it cannot be read.
  ///
  /// - Throws: ``Interruption`` where the user asked to stop, or `ImageError` where pictures must all be read.
  func tensor(_ id: Int, at placement: Placement = .center) throws -> Tensor? {
    try seen(id, at: placement).map {
      (placement.isMirrored ? $0.mirrored() : $0).values(preprocessing)
    }
  }

  /// What the network sees of picture `id`; nil, and noted, where it cannot be read.
  ///
  /// - Throws: As ``tensor(_:)``.
  func seen(_ id: Int, at placement: Placement = .center) throws -> Picture? {
    try Interrupts.check()
    let path = "\(dataset.name)/\(dataset.items[id].path)"
    do {
      return try dataset.picture(id).framed(preprocessing, at: placement).seen
    } catch {
      guard !isStrict else { throw error.naming(path) }
      unread.withLock { $0[id] = error.naming(path).description }
      return nil
    }
  }

  /// Pictures left out so far, by id, with the reason; those of lower ids alone, where a bound is given.
  func skipped(below bound: Int = .max) -> [Skipped] {
    unread.withLock { $0 }.filter { $0.key < bound }.sorted { $0.key < $1.key }.map {
      Skipped(image: dataset.items[$0.key].path, reason: $0.value)
    }
  }

  /// Ids of the pictures left out so far.
  func skippedIDs() -> Set<Int> { Set(unread.withLock { $0.keys }) }

  /// Marks pictures that an earlier attempt could not read.
  func skip(_ earlier: [Skipped]) {
    let ids = Dictionary(dataset.items.map { ($0.path, $0.id) }, uniquingKeysWith: { one, _ in one })
    unread.withLock { unread in
      for entry in earlier { if let id = ids[entry.image] { unread[id] = entry.reason } }
    }
  }
}

/// A picture that could not be read.
struct Skipped: Codable, Hashable {
  var image: String
  var reason: String
}
