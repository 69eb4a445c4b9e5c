public import Images

/// Pictures with the class, or the classes, of each: all that training asks of a data set.
public protocol LabelledPictures: Sendable {
  /// What is known of the pictures' classes, in the order of their numbers.
  var labels: Labels { get }
  /// A picture by its number; nil where it cannot be read and is to be left out. Any thread may ask.
  func picture(_ id: Int) throws -> Picture?
}

/// A data set's pictures that have a label, as training asks for them; those that cannot be read are left out and listed.
public final class DatasetPictures: LabelledPictures {
  public let labels: Labels
  private let pictures: PreparedPictures

  /// - Parameters:
  ///   - dataset: The pictures; those without a label are passed over.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  public init(_ dataset: Dataset, strict isStrict: Bool = false) {
    let labelled = dataset.labelledIDs
    labels = dataset.labels(of: labelled)
    // Training prepares each picture as its turn comes.
    pictures = PreparedPictures(
      labelled.count == dataset.items.count ? dataset : dataset.selecting(labelled),
      Preprocessing(resize: nil, crop: nil), strict: isStrict)
  }

  /// - Throws: `ImageError`, naming the file, where pictures must all be read.
  public func picture(_ id: Int) throws -> Picture? { try pictures.listed(id) { $0 } }

  /// Pictures left out so far, with the reason.
  public var skipped: [Skipped] { pictures.skipped() }

  /// Lists pictures that another process could not read.
  package func skip(_ others: [Skipped]) { pictures.skip(others) }
}
