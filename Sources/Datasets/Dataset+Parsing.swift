internal import Foundation

/// Kinds of data sets, by the word before the colon in `kind:path`.
enum DatasetKind: String, CaseIterable {
  case folder, scenes
}

extension Dataset {
  /// The data set that a command's argument names: a path, or `kind:path`, with `,split=validation` after it for one
  /// split alone; or `scenes:` with its own settings (``Scenes/Settings``).
  ///
  /// - Parameter specification: The argument.
  /// - Returns: The data set, its names and labels read.
  /// - Throws: ``DatasetError``: an unknown kind, a path that leads nowhere, files that the kind needs and the folder
  ///   has not, or that are not what they should be.
  public static func parse(_ specification: String) throws(DatasetError) -> Dataset {
    guard let colon = specification.firstIndex(of: ":") else {
      return Dataset(try PictureFolder(specification))
    }
    let word = String(specification[..<colon])
    guard let kind = DatasetKind(rawValue: word) else {
      // A path may hold a colon; a mistyped kind leads nowhere.
      do {
        return Dataset(try PictureFolder(specification))
      } catch {
        if case .missing = error, !word.contains("/") { throw .unknownKind(kind: word) }
        throw error
      }
    }
    let rest = String(specification[specification.index(after: colon)...])
    if kind == .scenes { return try read(kind, rest) }
    let (path, split) = try splitNamed(at: rest)
    let all = try read(kind, path)
    guard let split else { return all }
    guard all.splits.contains(split) else { throw .noSplit(name: path, split: split, present: all.splits) }
    return all.only(split)
  }

  private static func read(_ kind: DatasetKind, _ path: String) throws(DatasetError) -> Dataset {
    switch kind {
    case .folder: Dataset(try PictureFolder(path))
    case .scenes: Dataset(try Scenes.Settings(path))
    }
  }

  /// Takes `,split=NAME` off the end of a path.
  private static func splitNamed(at text: String) throws(DatasetError) -> (path: String, split: Split?) {
    guard let mark = text.range(of: ",split=") else { return (text, nil) }
    let name = String(text[mark.upperBound...])
    guard let split = Split(named: name) else {
      throw .specification(text: text, reason: "a split is train, validation or test, not '\(name)'.")
    }
    return (String(text[..<mark.lowerBound]), split)
  }
}

extension Dataset.Split {
  /// The split of this name; `val` is validation.
  init?(named name: String) {
    self.init(rawValue: name == "val" ? "validation" : name)
  }
}
