public import Images

/// Where a data set's pictures come from: files, records of an archive, or a generator.
///
/// Any thread may ask, and the same id always gives the same picture.
public protocol ImageSource: Sendable {
  /// Decodes or draws a picture.
  func picture(_ id: Int) throws(ImageError) -> Picture

  /// A picture's extents, without its pixels where the source can tell.
  func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int)

  /// What is known to be where in a picture: objects, each with its parts.
  func regions(of id: Int) -> [Region]

  /// The pixels of each part of a picture's object, and the picture without that part; nil where the source cannot
  /// draw it so.
  func partRemovals(of id: Int) -> PartRemovals?
}

extension ImageSource {
  /// Nothing is known, where a source does not say.
  public func regions(of id: Int) -> [Region] { [] }

  /// No part can be removed, where a source does not say.
  public func partRemovals(of id: Int) -> PartRemovals? { nil }
}

/// A thing in a picture and where it is.
public struct Region: Hashable, Sendable, Codable {
  /// A class's name, or a part's; classes share the names of parts.
  public var name: String
  public var box: Box
  /// The share of it that nothing hides, 0 to 1, where that is known.
  public var visibility: Float?
  public var parts: [Region]

  /// - Parameters:
  ///   - name: The class's or the part's.
  ///   - box: Where it is, in pixels of the picture.
  ///   - visibility: The share of it that nothing hides, 0 to 1; nil where unknown.
  ///   - parts: Its parts, with boxes in pixels of the same picture.
  public init(name: String, box: Box, visibility: Float? = nil, parts: [Region] = []) {
    self.name = name
    self.box = box
    self.visibility = visibility
    self.parts = parts
  }
}
