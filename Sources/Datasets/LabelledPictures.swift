public import Images
internal import Synchronization

/// Pictures with the class of each: all that training asks of a data set.
public protocol LabelledPictures: Sendable {
  /// The class of each picture, by its number.
  var labels: [Int] { get }
  /// A picture by its number; nil where it cannot be read and is to be left out. Any thread may ask.
  func picture(_ id: Int) throws -> Picture?
}

/// A data set's pictures that have a class, as training asks for them; those that cannot be read are left out and listed.
public final class DatasetPictures: LabelledPictures {
  public let labels: [Int]
  private let dataset: Dataset
  private let isStrict: Bool
  private let unread = Mutex([Int: String]())

  /// - Parameters:
  ///   - dataset: The pictures; those without a class are passed over.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  public init(_ dataset: Dataset, strict isStrict: Bool = false) {
    let labelled = dataset.items.filter { $0.label != nil }
    self.dataset = labelled.count == dataset.items.count ? dataset : dataset.selecting(labelled.map(\.id))
    labels = labelled.compactMap(\.label)
    self.isStrict = isStrict
  }

  /// - Throws: `ImageError`, naming the file, where pictures must all be read.
  public func picture(_ id: Int) throws -> Picture? {
    do throws(ImageError) {
      return try dataset.picture(id)
    } catch {
      let named = error.naming("\(dataset.name)/\(dataset.items[id].path)")
      guard !isStrict else { throw named }
      unread.withLock { $0[id] = named.description }
      return nil
    }
  }

  /// Pictures left out so far, with the reason.
  public var skipped: [Skipped] {
    unread.withLock { $0 }.sorted { $0.key < $1.key }.map {
      Skipped(image: dataset.items[$0.key].path, reason: $0.value)
    }
  }
}
