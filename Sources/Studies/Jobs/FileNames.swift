internal import Datasets
internal import Foundation

/// Names of files, one for each of some layers' names, that no two share, whatever a file system makes of capitals.
///
/// What a path cannot hold becomes a dash, and what is too long is cut; of names that come to the same file, the first
/// keeps it. The same name twice has the same file.
func fileNames(forLayers names: [String]) -> [String] {
  distinct(names) { name in
    String(
      name.prefix(60).map { $0.isASCII && ($0.isLetter || $0.isNumber) || "._-".contains($0) ? $0 : "-" })
  }
}

extension Dataset {
  /// Names of files for results, one a picture, that no two share: the pictures' paths with dashes for slashes, without
  /// endings where those stay apart, cut to what a file system holds.
  var resultNames: [String] {
    let paths = items.map(\.path)
    let stems = paths.map { path -> String in
      let scalars = path.unicodeScalars
      guard let dot = scalars.lastIndex(of: "."), !scalars[dot...].contains("/"), dot > scalars.startIndex,
        scalars[scalars.index(before: dot)] != "/"
      else { return path }
      return String(scalars[..<dot])
    }
    func flat(_ path: String) -> String {
      // By scalars: a slash and an accent that begins a name are one character.
      var name = String(String.UnicodeScalarView(path.unicodeScalars.map { $0 == "/" ? "-" : $0 }))
      // 255 bytes are usual; endings and sizes come behind.
      while name.utf8.count > 200 { name.removeLast() }
      return name
    }
    let areApart = Set(stems.map { Data(flat($0).utf8) }).count == stems.count
    return distinct(areApart ? stems : paths, flat)
  }
}

/// A file's name for each name: names are told apart by their bytes, files as a file system without capitals would.
private func distinct(_ names: [String], _ plain: (String) -> String) -> [String] {
  var taken = Set<String>()
  var files: [Data: String] = [:]
  for name in names where files[Data(name.utf8)] == nil {
    let first = plain(name)
    var file = first
    var number = 2
    while !taken.insert(file.lowercased()).inserted {
      file = "\(first)~\(number)"
      number += 1
    }
    files[Data(name.utf8)] = file
  }
  return names.map { files[Data($0.utf8)] ?? $0 }
}
