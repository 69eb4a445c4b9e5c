internal import Files
internal import Foundation

/// Pictures that a data set is used without, as a list that a person may read and change.
///
/// The file: a picture's path a line, as the data set has it. Empty lines and lines that begin with `#` are passed
/// over; a path that begins so is written after `./`. A path that a line cannot hold as it is, with blanks at its ends or
/// with a line's end in it, is written as a JSON string, in quotation marks.
public struct Exclusions: Hashable, Sendable {
  /// Each once, in the order of their bytes.
  public let paths: [String]

  /// - Parameter paths: In any order; a path named twice counts once.
  public init(_ paths: some Sequence<String>) {
    self.paths = Set(paths).sortedByBytes()
  }

  /// Reads a list.
  ///
  /// - Throws: ``DatasetError/list(file:of:reason:)`` where it cannot be read or names nothing.
  public init(reading file: String) throws(DatasetError) {
    guard let lines = Listing.lines(of: file) else {
      throw .list(file: file, of: "pictures to leave out", reason: "it is not there, or cannot be read.")
    }
    let paths = lines.map(\.text).filter { !$0.hasPrefix("#") }
    guard paths.allSatisfy({ !$0.contains("\0") && !$0.contains("\u{FFFD}") }) else {
      throw .list(file: file, of: "pictures to leave out", reason: "it is no text.")
    }
    self.init(paths.map(Self.unquoted))
  }

  private static func unquoted(_ line: String) -> String {
    if line.hasPrefix("./") { return String(line.dropFirst(2)) }
    guard line.hasPrefix("\"") else { return line }
    return (try? JSONDecoder().decode(String.self, from: Data(line.utf8))) ?? line
  }

  private static func quoted(_ path: String) -> String {
    if path.hasPrefix("#") { return "./" + path }
    let isPlain = !path.hasPrefix("\"") && !path.contains(where: \.isNewline)
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
    let named = Set(exclusions.paths)
    let found = items.filter { named.contains($0.path) }
    let strangers = named.subtracting(found.map(\.path))
    guard strangers.isEmpty else {
      throw .strangers(
        name: name, paths: exclusions.paths.filter(strangers.contains), example: items.first?.path ?? "")
    }
    return Set(found.map(\.id))
  }
}
