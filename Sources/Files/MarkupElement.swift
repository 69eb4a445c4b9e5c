internal import CExpat
package import Foundation

/// An element of an XML file with what it holds.
package struct MarkupElement: Sendable {
  package let name: String
  /// Its own text, without the white space around it.
  package fileprivate(set) var text = ""
  package fileprivate(set) var children: [MarkupElement] = []

  fileprivate init(name: String) { self.name = name }

  /// The first child of a name.
  package subscript(_ child: String) -> MarkupElement? { children.first { $0.name == child } }

  /// The outermost element of a file.
  ///
  /// - Parameter bytes: The whole file, in an encoding that it names, or UTF-8.
  /// - Throws: ``MarkupError`` where the bytes are no XML, or elements lie more than 16 deep.
  package init(parsing bytes: Data) throws(MarkupError) {
    let reader = MarkupReader()
    guard let parser = unsafe XML_ParserCreate(nil) else {
      throw MarkupError(line: 0, reason: "there is not enough memory.")
    }
    defer { unsafe XML_ParserFree(parser) }
    unsafe XML_SetUserData(parser, Unmanaged.passUnretained(reader).toOpaque())
    unsafe XML_SetElementHandler(
      parser,
      { reader, name, _ in
        if let name = unsafe name { unsafe MarkupReader.of(reader)?.begin(String(cString: name)) }
      },
      { reader, _ in unsafe MarkupReader.of(reader)?.end() })
    unsafe XML_SetCharacterDataHandler(parser) { reader, text, count in
      let letters = unsafe UnsafeBufferPointer(start: text, count: Int(count)).map { UInt8(bitPattern: $0) }
      unsafe MarkupReader.of(reader)?.add(String(decoding: letters, as: UTF8.self))
    }
    let status = unsafe bytes.withUnsafeBytes { bytes in
      unsafe XML_Parse(parser, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count), 1)
    }
    guard status == XML_STATUS_OK, !reader.isTooDeep, let root = reader.root else {
      let line = unsafe Int(XML_GetCurrentLineNumber(parser))
      let reason =
        reader.isTooDeep
        ? "elements lie more than \(MarkupReader.mostOpen) deep"
        : unsafe String(cString: XML_ErrorString(XML_GetErrorCode(parser)))
      throw MarkupError(line: line, reason: reason)
    }
    self = root
  }
}

/// Why bytes are no XML.
package struct MarkupError: Error, Hashable, Sendable {
  package let line: Int
  package let reason: String
}

/// Builds elements as the parser meets them; a class because the parser hands back a pointer to it.
private final class MarkupReader {
  static let mostOpen = 16

  private(set) var root: MarkupElement?
  private(set) var isTooDeep = false
  private var open: [MarkupElement] = []
  private var depth = 0

  static func of(_ pointer: UnsafeMutableRawPointer?) -> MarkupReader? {
    unsafe pointer.map { unsafe Unmanaged<MarkupReader>.fromOpaque($0).takeUnretainedValue() }
  }

  func begin(_ name: String) {
    depth += 1
    if depth > Self.mostOpen { isTooDeep = true } else { open.append(MarkupElement(name: name)) }
  }

  func add(_ text: String) {
    guard !open.isEmpty, depth <= Self.mostOpen else { return }
    open[open.count - 1].text += text
  }

  func end() {
    depth -= 1
    guard depth < Self.mostOpen, var done = open.popLast() else { return }
    done.text = done.text.trimmingCharacters(in: .whitespacesAndNewlines)
    if open.isEmpty { root = done } else { open[open.count - 1].children.append(done) }
  }
}
