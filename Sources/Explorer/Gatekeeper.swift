/// Who may ask: a browser that was given the address, on a host that was named.
///
/// In this order, on every request: the method, the Host header, what the browser says of where the request comes from,
/// and the token or the cookie that stands for it. A page of another site fails at the Host header (DNS rebinding) or at
/// what the browser says of its origin; another user of this machine fails at the token.
struct Gatekeeper: Sendable {
  private let port: Int
  private let hosts: Set<String>
  private let token: String

  /// - Parameters:
  ///   - port: Where it is served.
  ///   - hosts: Names beside this machine's own by which it may be asked for.
  ///   - token: What opens it.
  init(port: Int, hosts: [String], token: String) {
    self.port = port
    self.token = token
    let names = ["127.0.0.1", "localhost", "[::1]"] + hosts.map { $0.lowercased() }
    self.hosts = Set(names.map { "\($0):\(port)" } + (port == 80 ? names : []))
  }

  /// What is answered to one who may not ask, or who is to ask again; nil for one who may.
  func answer(_ question: Question) -> Answer? {
    let isUpload = question.method == "POST"
    guard ["GET", "HEAD", "POST"].contains(question.method) else {
      return .refusal(405, "This server answers GET and HEAD, and POST of images, notes and answers.")
    }
    guard let host = question.header("host")?.lowercased(), hosts.contains(host) else {
      return .refusal(
        403, "This server does not answer for that host. Start it with --allow-host NAME to allow one.")
    }
    // From elsewhere comes none but who was sent here with the token: by the file that opens the browser.
    let isFromElsewhere =
      question.headers["sec-fetch-site"] != nil
      && !["same-origin", "none"].contains(question.header("sec-fetch-site") ?? "")
    let isVisit =
      question.method == "GET" && question.path == "/" && question.header("sec-fetch-mode") == "navigate"
      && question.header("sec-fetch-dest") == "document" && question.query["token"] != nil
    if isFromElsewhere, !isVisit {
      return .refusal(403, "This server does not answer requests that other pages make.")
    }
    if question.headers["origin"] != nil, question.header("origin")?.lowercased() != "http://\(host)" {
      return .refusal(403, "This server does not answer requests that other pages make.")
    }
    // Other sites' pages cannot send this header without asking first, and are never answered then.
    if isUpload, question.header("x-switchback") != "1" {
      return .refusal(403, "A POST needs the header 'X-Switchback: 1'.")
    }
    if let given = question.query["token"] {
      guard Self.isSame(given, token) else { return .refusal(403, "That token does not open this server.") }
      if question.path.contains("/api/") { return nil }
      // Whoever comes from elsewhere would be redirected as one from elsewhere, to whom browsers give no cookie.
      var answer =
        isFromElsewhere
        ? Answer(
          .html,
          "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url=/\"><a href=\"/\">Explorer</a>\n")
        : Answer(.text, "", status: 303)
      answer.headers = [("Set-Cookie", "\(cookie)=\(token); Path=/; HttpOnly; SameSite=Strict")]
      if !isFromElsewhere {
        answer.headers.append(("Location", question.path.hasPrefix("//") ? "/" : question.path))
      }
      return answer
    }
    let cookies = (question.headers["cookie"] ?? []).flatMap { $0.split(separator: ";") }
    let given = cookies.compactMap { pair -> String? in
      let parts = pair.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0].filter({ $0 != " " }) == cookie else { return nil }
      return String(parts[1])
    }
    guard given.contains(where: { Self.isSame($0, token) }) else {
      return .refusal(
        403,
        "Open the whole address that 'switchback explore' printed: its token lets you, and nobody else, in.")
    }
    return nil
  }

  /// Cookies do not tell ports apart, so the name does.
  private var cookie: String { "switchback-\(port)" }

  /// Compared in the same time wherever they differ.
  private static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
