/// What a browser or a program asks for.
struct Question: Sendable {
  var method: String
  /// The path and, after a question mark, the query; as they were sent.
  var target: String
  /// Headers by their names in small letters, each with all its values.
  var headers: [String: [String]]
  var body: [UInt8]

  /// The only value of a header; nil where there is none, or several.
  func header(_ name: String) -> String? {
    guard let values = headers[name], values.count == 1 else { return nil }
    return values[0]
  }

  var path: String { String(target.prefix { $0 != "?" }) }

  /// The query's values by name; of several with one name the first.
  var query: [String: String] {
    guard let mark = target.firstIndex(of: "?") else { return [:] }
    var values: [String: String] = [:]
    for pair in target[target.index(after: mark)...].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      func decoded(_ part: Substring) -> String? {
        String(part.map { $0 == "+" ? " " : $0 }).decodedFromAddress
      }
      guard let name = decoded(parts[0]), values[name] == nil,
        let value = parts.count > 1 ? decoded(parts[1]) : ""
      else { continue }
      values[name] = value
    }
    return values
  }
}

/// What is sent back.
struct Answer: Sendable {
  enum Kind: String, Sendable {
    case html = "text/html; charset=utf-8"
    case css = "text/css; charset=utf-8"
    case script = "text/javascript; charset=utf-8"
    case json = "application/json; charset=utf-8"
    case text = "text/plain; charset=utf-8"
    case jpeg = "image/jpeg"
    case webp = "image/webp"
    case png = "image/png"
    case svg = "image/svg+xml"
    case pdf = "application/pdf"
    case bytes = "application/octet-stream"
  }

  var status: Int
  var kind: Kind
  var body: [UInt8]
  /// Beside those that every answer has.
  var headers: [(name: String, value: String)] = []

  init(_ kind: Kind, _ body: [UInt8], status: Int = 200) {
    (self.kind, self.body, self.status) = (kind, body, status)
  }

  init(_ kind: Kind, _ text: String, status: Int = 200) {
    self.init(kind, Array(text.utf8), status: status)
  }

  /// A refusal that says why, in a sentence.
  static func refusal(_ status: Int, _ reason: String) -> Answer {
    Answer(.text, reason + "\n", status: status)
  }

  /// What every answer says: who may show it, where it may get anything from, and that it is ours alone.
  ///
  /// A drawing carries its own styles and pictures, and may do nothing.
  var commonHeaders: [(name: String, value: String)] {
    [
      (
        "Content-Security-Policy",
        kind == .svg
          ? "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
          : "default-src 'none'; img-src 'self' blob:; script-src 'self'; style-src 'self'; connect-src 'self'; "
            + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
      )
    ] + Self.unchanging
  }

  private static let unchanging: [(name: String, value: String)] = [
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self)"),
  ]
}
