internal import Files
/// Kinds of data sets, by the word before the colon in `kind:path`.
enum DatasetKind: String, CaseIterable {
  case folder, imagenet
  case tinyImageNet = "tiny-imagenet"
  case caltech101, caltech256, voc2012, cifar10, cifar100, mnist, scenes
}

extension Dataset {
  /// The data set that a command's argument names: a path, or `kind:path`; or `scenes:` with its own settings
  /// (``Scenes/Settings``).
  ///
  /// After a path may come `,split=validation` for one split alone, and `,background=yes` for the class of no object
  /// that Caltech's have.
  ///
  /// - Parameter specification: The argument.
  /// - Returns: The data set, its names and labels read.
  /// - Throws: ``DatasetError``: an unknown kind, a path that leads nowhere, files that the kind needs and the folder
  ///   has not, or that are not what they should be.
  public static func parse(_ specification: String) throws(DatasetError) -> Dataset {
    var dataset = try parsed(specification)
    dataset.specification = specification
    return dataset
  }

  private static func parsed(_ specification: String) throws(DatasetError) -> Dataset {
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
    let (path, options) = try options(after: rest)
    let withBackground = options["background"] == "yes"
    let all = try read(kind, path, withBackground: withBackground)
    guard let split = options["split"].flatMap(Split.init(named:)) else { return all }
    guard all.splits.contains(split) else { throw .noSplit(name: path, split: split, present: all.splits) }
    return all.only(split)
  }

  private static func read(
    _ kind: DatasetKind, _ path: String, withBackground: Bool = false
  ) throws(DatasetError) -> Dataset {
    guard kind == .scenes || FileSystem.exists(path) else { throw .missing(path: path) }
    return switch kind {
    case .folder: Dataset(try PictureFolder(path))
    case .imagenet: try imageNet(at: path)
    case .tinyImageNet: try tinyImageNet(at: path)
    case .caltech101: try caltech101(at: path, withBackground: withBackground)
    case .caltech256: try caltech256(at: path, withBackground: withBackground)
    case .voc2012: try voc2012(at: path)
    case .cifar10: try cifar10(at: path)
    case .cifar100: try cifar100(at: path)
    case .mnist: try mnist(at: path)
    case .scenes: Dataset(try Scenes.Settings(path))
    }
  }

  /// Takes `,split=NAME` and `,background=yes` off the end of a path, which may hold commas itself.
  private static func options(
    after text: String
  ) throws(DatasetError) -> (path: String, options: [String: String]) {
    var fields = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    var options: [String: String] = [:]
    while fields.count > 1, let last = fields.last, let sign = last.firstIndex(of: "=") {
      let (key, value) = (String(last[..<sign]), String(last[last.index(after: sign)...]))
      guard ["split", "background"].contains(key) else { break }
      if key == "split", Split(named: value) == nil {
        throw .specification(text: text, reason: "a split is train, validation or test, not '\(value)'.")
      }
      if key == "background", !["yes", "no"].contains(value) {
        throw .specification(text: text, reason: "background is yes or no, not '\(value)'.")
      }
      options[key] = value
      fields.removeLast()
    }
    return (fields.joined(separator: ","), options)
  }
}

extension Dataset.Split {
  /// The split of this name; `val` is validation.
  init?(named name: String) {
    self.init(rawValue: name == "val" ? "validation" : name)
  }
}
