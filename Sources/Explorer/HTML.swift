internal import Figures

/// A piece of a page: what is put into it is text, and is escaped, unless it is such a piece itself.
struct HTML: Sendable, ExpressibleByStringInterpolation {
  private(set) var text: String

  init(stringLiteral value: String) { text = value }

  init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  private init(raw text: String) { self.text = text }

  struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text = ""

    init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

    mutating func appendLiteral(_ literal: String) { text += literal }

    mutating func appendInterpolation(_ value: String) { text += value.escapedForMarkup }

    mutating func appendInterpolation(_ value: Int) { text += "\(value)" }

    mutating func appendInterpolation(_ piece: HTML) { text += piece.text }

    mutating func appendInterpolation(_ pieces: [HTML]) {
      text += pieces.map(\.text).joined(separator: "\n")
    }

    /// A piece where there is one.
    mutating func appendInterpolation(_ piece: HTML?) { text += piece?.text ?? "" }

    /// The path as the address of a link.
    mutating func appendInterpolation(address path: String) { text += path.escapedForAddress }
  }

  /// Nothing.
  static let none = HTML(raw: "")

  static func + (one: HTML, other: HTML) -> HTML { HTML(raw: one.text + other.text) }
}
