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
  func tensor(_ id: Int) throws -> Tensor? {
    try prepared(id)?.tensor
  }

  func prepared(_ id: Int) throws -> (picture: Picture, tensor: Tensor, framing: Framing)? {
    do {
      let picture = try dataset.picture(id)
      let (tensor, framing) = try picture.prepared(preprocessing)
      return (picture, tensor, framing)
    } catch {
      guard !isStrict else { throw error }
      unread.withLock { $0[id] = error.description }
      return nil
    }
  }

  /// Pictures left out so far, by id, with the reason.
  var skipped: [Skipped] {
    unread.withLock { $0 }.sorted { $0.key < $1.key }.map {
      Skipped(image: dataset.items[$0.key].path, reason: $0.value)
    }
  }

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
