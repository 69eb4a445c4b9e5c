internal import Tensors

/// A picture, or a folder of them, that could not be read; or files that are not used, for one reason.
public struct Skipped: Codable, Hashable, Sendable, CustomStringConvertible {
  /// Its path below the data set's folder.
  public var image: String
  /// A sentence that says what is wrong.
  public var reason: String
  /// How many files that are not used it stands for, the first of which it names; nil for what could not be read.
  public var count: Int?

  /// - Parameters:
  ///   - image: The path below the data set's folder.
  ///   - reason: A sentence that says what is wrong.
  ///   - count: How many files that are not used it stands for.
  public init(image: String, reason: String, count: Int? = nil) {
    self.image = image
    self.reason = reason
    self.count = count
  }

  /// The path and the reason, with the number of files where there are several.
  public var description: String {
    let others = (count ?? 1) - 1
    return "\(image)\(others > 0 ? " and \(others) more" : ""): \(reason)"
  }

  public static func == (one: Skipped, other: Skipped) -> Bool {
    ExactName(one.image) == ExactName(other.image) && one.reason == other.reason && one.count == other.count
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(ExactName(image)) }
}
