/// A picture, or a folder of them, that could not be read.
public struct Skipped: Codable, Hashable, Sendable {
  /// Its path below the data set's folder.
  public var image: String
  /// A sentence that says what is wrong.
  public var reason: String

  /// - Parameters:
  ///   - image: The path below the data set's folder.
  ///   - reason: A sentence that says what is wrong.
  public init(image: String, reason: String) {
    self.image = image
    self.reason = reason
  }
}
