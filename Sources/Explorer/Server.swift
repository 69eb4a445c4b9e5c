internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Logging
internal import NIOCore

/// Serves an explorer to the browser of the person who started it.
public struct Server: Sendable {
  private let explorer: Explorer
  private let host: String
  private let port: Int
  private let hosts: [String]
  /// What lets a browser in: 128 bits.
  private let token: String

  /// - Parameters:
  ///   - explorer: What is served.
  ///   - host: The address that is listened on.
  ///   - port: 0 for any that is free.
  ///   - hosts: Names beside this machine's own by which it may be asked for.
  public init(_ explorer: Explorer, host: String = "127.0.0.1", port: Int = 0, allowing hosts: [String] = [])
  {
    (self.explorer, self.host, self.port, self.hosts) = (explorer, host, port, hosts)
    var generator = SystemRandomNumberGenerator()
    token = (0..<2).map { _ in
      let digits = String(generator.next() as UInt64, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// Serves until the task is cancelled, or the process is interrupted.
  ///
  /// - Parameter opened: Called once it serves, with the whole address.
  /// - Throws: Where it cannot listen.
  public func run(opened: @escaping @Sendable (_ address: String) -> Void) async throws {
    var logger = Logger(label: "switchback")
    logger.logLevel = .critical
    let responder = Responder(current: Current(explorer), hosts: hosts, token: token)
    let (token, name) = (token, hosts.first ?? (host.contains(":") ? "[\(host)]" : host))
    let application = Application(
      responder: responder,
      server: .http1(
        configuration: .init(
          idleTimeout: .seconds(60),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10, maxHeaderFieldCount: 100))),
      configuration: .init(
        address: .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(64)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? 0
        opened("http://\(name):\(port)/?token=\(token)")
      }, logger: logger)
    async let warming: Void = explorer.warmUp()
    try await application.runService(gracefulShutdownSignals: [])
    await warming
  }
}

/// Between the wire and the explorer: who may ask, and what every answer says.
private struct Responder: HTTPResponder {
  /// A request's connection tells the port that it came in by.
  struct Context: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
      coreContext = .init(source: source)
      channel = source.channel
    }
  }

  let current: Current
  let hosts: [String]
  let token: String

  func respond(to request: Request, context: Context) async throws -> Response {
    let port = context.channel.localAddress?.port ?? 0
    var headers: [String: [String]] = [:]
    for field in request.headers { headers[field.name.canonicalName, default: []].append(field.value) }
    if let authority = request.head.authority { headers["host"] = [authority] }
    var question = Question(
      method: request.method.rawValue, target: request.head.path ?? "", headers: headers, body: [])
    if let refusal = Gatekeeper(port: port, hosts: hosts, token: token).answer(question) {
      return response(refusal, to: question)
    }
    if question.method == "POST" {
      do {
        let body = try await request.body.collect(upTo: LiveRoom.mostBytes)
        question.body = Array(body.readableBytesView)
      } catch {
        return response(
          .refusal(413, "An image may have up to \(LiveRoom.mostBytes >> 20) MB."), to: question)
      }
    }
    // What takes long ends where the page that asked is left.
    let asked = question
    let isLong = ["atlases", "controls", "epochs"].contains { question.path.contains("/\($0)/") }
    if request.method == .get, isLong {
      let answer = try await request.body.consumeWithCancellationOnInboundClose { _ in
        await current.explorer.answer(asked)
      }
      return response(answer, to: question)
    }
    return response(await current.explorer.answer(question), to: question)
  }

  private func response(_ answer: Answer, to question: Question) -> Response {
    var fields = HTTPFields()
    func add(_ name: String, _ value: String) {
      if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
    }
    for (name, value) in answer.commonHeaders + answer.headers { add(name, value) }
    add("Content-Type", answer.kind.rawValue)
    let isLive = question.path.contains("/api/live")
    var answer = answer
    if answer.status == 200, !isLive, question.method != "POST" {
      let tag = "\"\(answer.body.fingerprint)\""
      add("ETag", tag)
      let isLasting = question.query["v"].map(current.explorer.versions.contains) ?? false
      add("Cache-Control", isLasting ? "private, max-age=86400" : "private, no-cache")
      if question.header("if-none-match") == tag { (answer.status, answer.body) = (304, []) }
    } else {
      add("Cache-Control", "no-store")
    }
    let isEmpty = question.method == "HEAD" || answer.status == 304
    if question.method == "HEAD" { add("Content-Length", "\(answer.body.count)") }
    return Response(
      status: .init(code: answer.status), headers: fields,
      body: isEmpty ? .init() : .init(byteBuffer: ByteBuffer(bytes: answer.body)))
  }
}

extension [UInt8] {
  /// Tells these bytes from any others (FNV-1a, 64 bits, and their number).
  fileprivate var fingerprint: String {
    let hash = reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    return "\(String(hash, radix: 16))-\(count)"
  }
}
