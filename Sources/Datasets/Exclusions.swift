internal import Files
internal import Foundation
internal import Tensors

/// Pictures that a data set is used without, as a list that a person may read and change.
///
/// The file: a picture's path a line, as the data set has it. Empty lines and lines that begin with `#` are passed
/// over; a path that begins so is written after `./`. A path that a line cannot hold as it is, with blanks at its ends or
/// with a line's end in it, is written as a JSON string, in quotation marks. Blanks at the ends of a line belong to its
/// path where the data set has such a picture, and else count for nothing.
public struct Exclusions: Hashable, Sendable {
  /// Each once, in the order of their bytes.
  public let paths: [String]

  /// - Parameter paths: In any order; a path named twice counts once.
  public init(_ paths: some Sequence<String>) {
    self.paths = paths.distinctByBytes
  }

  /// Reads a list.
  ///
  /// - Throws: ``DatasetError/list(file:of:reason:)`` where it cannot be read or names nothing.
  public init(reading file: String) throws(DatasetError) {
    guard let bytes = FileSystem.contents(of: file) else {
      throw .list(file: file, of: "images to leave out", reason: "it is not there, or cannot be read.")
    }
    let lines = Listing.text(bytes).split(whereSeparator: \.isNewline).map(String.init).filter {
      let plain = $0.trimmingCharacters(in: .whitespaces)
      return !plain.isEmpty && plain.utf8.first != UInt8(ascii: "#")
    }
    guard lines.allSatisfy({ !$0.contains("\0") && !$0.contains("\u{FFFD}") }) else {
      throw .list(file: file, of: "images to leave out", reason: "it is no text.")
    }
    self.init(lines.map(Listing.unquoted))
  }

  private static func quoted(_ path: String) -> String {
    if path.utf8.first == UInt8(ascii: "#") || path.utf8.starts(with: "./".utf8) { return "./" + path }
    let isPlain =
      path.utf8.first != UInt8(ascii: "\"") && !path.unicodeScalars.contains { Character($0).isNewline }
    if isPlain, path.trimmingCharacters(in: .whitespaces) == path { return path }
    return path.quotedAsJSON
  }

  /// The list as its file holds it, below a note.
  public func text(note: String) -> String {
    (note.split(separator: "\n").map { "# " + $0 } + paths.map(Self.quoted))
      .map { $0 + "\n" }.joined()
  }
}

extension Dataset {
  /// The data set without some of its pictures, the others numbered anew in the same order.
  ///
  /// - Parameter exclusions: Paths of pictures that it has.
  /// - Returns: The others.
  /// - Throws: ``DatasetError/strangers(name:paths:example:)`` where some are not in the data set, or
  ///   ``DatasetError/allExcluded(name:)`` where nothing would be left.
  public func excluding(_ exclusions: Exclusions) throws(DatasetError) -> Dataset {
    let excluded = try ids(of: exclusions)
    if excluded.isEmpty { return self }
    let left = items.map(\.id).filter { !excluded.contains($0) }
    guard !left.isEmpty else { throw .allExcluded(name: name) }
    return selecting(left)
  }

  /// The pictures that a list names.
  ///
  /// - Parameter exclusions: Paths of pictures that the data set has.
  /// - Returns: Their ids.
  /// - Throws: ``DatasetError/strangers(name:paths:example:)`` where some are not in the data set.
  public func ids(of exclusions: Exclusions) throws(DatasetError) -> Set<Int> {
    let ids = idsByPath
    func places(_ path: String) -> [Int] {
      let exact = ids.places(of: path)
      return exact.isEmpty
        ? ids.places(of: Listing.unquoted(path.trimmingCharacters(in: .whitespaces))) : exact
    }
    let strangers = exclusions.paths.filter { places($0).isEmpty }
    guard strangers.isEmpty else {
      throw .strangers(name: name, paths: strangers, example: items.first?.path ?? "")
    }
    return Set(exclusions.paths.flatMap(places))
  }
}
