import Foundation
import Glibc

/// Bytes sent to a server on this machine as they are, which no client library would send.
package struct RawHTTP {
  /// What came back: all of it as text, and what its first lines say.
  package struct Reply {
    package let text: String

    /// 0 where the connection was closed without an answer.
    package var status: Int { Int(text.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    package func header(_ name: String) -> String? {
      text.components(separatedBy: "\r\n\r\n")[0].components(separatedBy: "\r\n").dropFirst().first {
        $0.lowercased().hasPrefix(name.lowercased() + ":")
      }.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    package var body: String {
      text.range(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
    }
  }

  package let port: Int

  package init(port: Int) { self.port = port }

  /// Sends bytes, and reads until the server closes or has said nothing for so many seconds.
  package func send(_ pieces: [[UInt8]], pause: Double = 0, patience: Double = 10) throws -> Reply {
    Reply(text: String(decoding: try bytes(pieces, pause: pause, patience: patience), as: UTF8.self))
  }

  /// The same, as it came.
  package func bytes(_ pieces: [[UInt8]], pause: Double = 0, patience: Double = 10) throws -> [UInt8] {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw CocoaError(.fileReadUnknown) }
    defer { close(descriptor) }
    var wait = timeval(tv_sec: Int(patience), tv_usec: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = (127 << 24 | 1 as UInt32).bigEndian
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw CocoaError(.fileReadNoSuchFile) }
    for piece in pieces {
      // A server that has refused already may have closed: what is written then goes nowhere.
      _ = unsafe Glibc.send(descriptor, piece, piece.count, Int32(MSG_NOSIGNAL))
      if pause > 0 { usleep(UInt32(pause * 1e6)) }
    }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      received += buffer[..<count]
    }
    return received
  }

  /// A request whose connection ends with it.
  package func request(
    _ method: String = "GET", _ target: String, headers: [String] = [], host: String? = nil,
    body: [UInt8] = []
  ) throws -> Reply {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"]
    lines += headers
    if !body.isEmpty { lines.append("Content-Length: \(body.count)") }
    return try send([Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body])
  }
}
