internal import Files
internal import Foundation

extension Dataset {
  /// True classes by picture id, from a list: a line each of file name, tab and class, by its index or its name; further
  /// columns are ignored.
  ///
  /// A header line, empty lines and pictures that are not in the data set are passed over. A name may stand in quotation
  /// marks, as a JSON string, and after `./`.
  ///
  /// - Parameters:
  ///   - list: The list's path.
  ///   - classes: The classes by name.
  /// - Returns: A class for each picture that the list names, by its path or the last part of it.
  /// - Throws: ``DatasetError/list(file:of:reason:)`` where a line has no class, or no line names a picture.
  public func labels(
    from list: String, classes: ClassLookup = ClassLookup([])
  ) throws(DatasetError) -> [Int: Int] {
    guard let bytes = FileSystem.contents(of: list) else {
      throw .list(file: list, of: "labels", reason: "it cannot be read, or is no plain file.")
    }
    let (byPath, byName) = (idsByPath, NameTable(items.lazy.map { $0.path.pathParts.last ?? "" }))
    var labels: [Int: Int] = [:]
    let lines = Listing.text(bytes).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      if line.allSatisfy(\.isWhitespace) { continue }
      let word = fields.count > 1 ? fields[1].trimmingCharacters(in: .whitespaces) : ""
      let meant = Int(word).map { [$0] } ?? classes.indices(of: word)
      let name = Listing.unquoted(String(fields[0]))
      let ids = byPath.places(of: name) + byName.places(of: name)
      guard let label = meant.first, meant.count == 1, label >= 0 else {
        if number == 0, meant.isEmpty, ids.isEmpty { continue }
        throw .list(
          file: list, of: "labels",
          reason: meant.count > 1
            ? "line \(number + 1) may mean several classes, \(meant.prefix(8).map(String.init).joined(separator: " or ")): "
              + "'\(line.prefix(60))'. Give one of these, by its index."
            : "line \(number + 1) has no class after a tab, by its index or its name: '\(line.prefix(60))'.")
      }
      for id in ids { labels[id] = label }
    }
    guard !labels.isEmpty else {
      throw .list(file: list, of: "labels", reason: "it names none of the images in \(name).")
    }
    return labels
  }
}
