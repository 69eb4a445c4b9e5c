internal import Files
internal import Foundation

extension Dataset {
  /// True classes by picture id, from a list: a line each of file name, tab and class, by its index or its name.
  ///
  /// Further columns are ignored. In a line without a tab a comma stands for it.
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
      if line.allSatisfy(\.isWhitespace) { continue }
      func ids(of name: Substring) -> [Int] {
        let name = Listing.unquoted(String(name))
        return byPath.places(of: name) + byName.places(of: name)
      }
      var fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      let commas = fields.count == 1 ? line.indices.filter { line[$0] == "," } : []
      // Names and classes may have commas too.
      if let comma = commas.first(where: { !ids(of: line[..<$0]).isEmpty }) ?? commas.last {
        fields = [line[..<comma], line[line.index(after: comma)...]]
      }
      let ids = ids(of: fields[0])
      let word = fields.count > 1 ? Listing.unquoted(fields[1].trimmingCharacters(in: .whitespaces)) : ""
      let meant = Int(word).map { [$0] } ?? classes.indices(of: word)
      guard let label = meant.first, meant.count == 1, label >= 0 else {
        if number == 0, meant.isEmpty, ids.isEmpty { continue }
        throw .list(
          file: list, of: "labels",
          reason: meant.count > 1
            ? "line \(number + 1) may mean several classes, \(meant.prefix(8).map(String.init).joined(separator: " or ")): "
              + "'\(line.prefix(60))'. Give one of these, by its index."
            : "line \(number + 1) has no class after a tab or a comma, by its index or its name: '\(line.prefix(60))'."
        )
      }
      for id in ids { labels[id] = label }
    }
    guard !labels.isEmpty else {
      throw .list(file: list, of: "labels", reason: "it names none of the images in \(name).")
    }
    return labels
  }
}
