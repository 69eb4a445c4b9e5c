public import Images

/// Pictures with the class of each: all that training knows of a data set.
public protocol LabelledPictures: Sendable {
  /// The class of each picture, by its number.
  var labels: [Int] { get }
  /// A picture by its number; nil where it cannot be read and is to be left out. Any thread may ask.
  func picture(_ id: Int) throws -> Picture?
}

/// A data set's pictures that have a class, as training asks for them.
public final class DatasetPictures: LabelledPictures {
  public let labels: [Int]
  private let dataset: Dataset
  private let unread: UnreadPictures

  /// - Parameters:
  ///   - dataset: The pictures; those without a class are left out.
  ///   - strict: Whether a picture that cannot be read is an error, and not left out.
  public init(_ dataset: Dataset, strict: Bool) {
    let labelled = dataset.items.filter { $0.label != nil }
    self.dataset = labelled.count == dataset.items.count ? dataset : dataset.selecting(labelled.map(\.id))
    labels = labelled.compactMap(\.label)
    unread = UnreadPictures(self.dataset, strict: strict)
  }

  /// - Throws: `ImageError`, naming the file, where pictures must all be read.
  public func picture(_ id: Int) throws -> Picture? {
    try unread.read(id) { () throws(ImageError) in try dataset.picture(id) }
  }

  /// Pictures left out so far, in the order of their numbers.
  public var skipped: [Skipped] { unread.skipped() }
}
