internal import Foundation

extension Dataset {
  /// True classes by picture id, from a list: a line each of file name, tab and class index; further columns
  /// are ignored.
  ///
  /// A header line, empty lines and pictures that are not in the data set are passed over. A name may stand in quotation
  /// marks, as a JSON string, and after `./`.
  ///
  /// - Parameter list: The list's path.
  /// - Returns: A class for each picture that the list names, by its path or the last part of it.
  /// - Throws: ``DatasetError/list(file:of:reason:)`` where a line has no index, or no line names a picture.
  public func labels(from list: String) throws(DatasetError) -> [Int: Int] {
    guard let bytes = FileManager.default.contents(atPath: list) else {
      throw .list(file: list, of: "labels", reason: "it cannot be read.")
    }
    let (byPath, byName) = (idsByPath, NameTable(items.lazy.map { $0.path.pathParts.last ?? "" }))
    var labels: [Int: Int] = [:]
    let lines = Listing.text(bytes).split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      if line.allSatisfy(\.isWhitespace) { continue }
      guard fields.count > 1, let label = Int(fields[1].trimmingCharacters(in: .whitespaces)), label >= 0
      else {
        if number == 0 { continue }
        throw .list(
          file: list, of: "labels",
          reason: "line \(number + 1) has no class index after a tab: '\(line.prefix(60))'.")
      }
      let name = Listing.unquoted(String(fields[0]))
      for id in byPath.places(of: name) + byName.places(of: name) { labels[id] = label }
    }
    guard !labels.isEmpty else {
      throw .list(file: list, of: "labels", reason: "it names none of the pictures in \(name).")
    }
    return labels
  }
}
