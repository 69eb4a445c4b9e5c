internal import Datasets
internal import Networks

/// Which of a network's classes each class folder stands for: by name, by number, or in order.
struct FolderClasses {
  /// A class for each folder, in the folders' order; nil where none is meant.
  let indices: [Int?]
  /// What was made of the folders, for a person to check; nil where their names say it all.
  let note: String?

  /// - Parameters:
  ///   - folders: Names of the class folders, in order.
  ///   - names: The network's class names, where the model gives them.
  ///   - count: How many classes it has.
  init(_ folders: [String], names: [String]?, count: Int) {
    let lookup = ClassLookup(names ?? [])
    let named = folders.map { lookup.index(of: $0).flatMap { $0 < count ? $0 : nil } }
    let numbered = folders.map { Int($0).flatMap { (0..<count).contains($0) ? $0 : nil } }
    if named.contains(where: { $0 != nil }) {
      indices = named
      let strangers = zip(folders, named).filter { $0.1 == nil }.map(\.0)
      note =
        strangers.isEmpty
        ? nil
        : "note: \(strangers.count) of \(folders.count) folders are named as none of the network's classes and "
          + "left out of the accuracy: \(strangers.prefix(5).joined(separator: ", "))"
          + (strangers.count > 5 ? ", ..." : ".")
    } else if numbered.allSatisfy({ $0 != nil }) {
      indices = numbered
      note = "note: folders are named by number, taken for the network's classes."
    } else if folders.count == count {
      indices = folders.indices.map { $0 }
      note =
        "note: the \(count) folders, in order of their names, are taken for the network's \(count) classes."
    } else {
      indices = folders.map { _ in nil }
      note =
        "note: no accuracy: none of the \(folders.count) folders is named as one of the network's \(count) classes. "
        + "Give --labels."
    }
  }
}

extension Dataset {
  /// A network's true classes by picture id: from a list, or from class folders.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - model: Its file.
  ///   - count: How many classes it has.
  ///   - list: A list of labels; class folders where there is none.
  ///   - isQuiet: Whether what was made of the folders is not said.
  /// - Returns: The classes that are known.
  /// - Throws: `DatasetError` for a list that is none, or ``ArgumentError`` where a class is beyond the network's.
  func trueClasses(
    of network: Network, model: String, count: Int, labels list: String?, quiet isQuiet: Bool
  ) throws -> [Int: Int] {
    if let list {
      let truth = try labels(from: list)
      if let (image, label) = truth.filter({ $0.value >= count }).min(by: { $0.key < $1.key }) {
        throw ArgumentError(
          "\(list): \(items[image].path) is of class \(label), but \(model) has \(count) classes, 0 to \(count - 1)."
        )
      }
      return truth
    }
    guard let classNames else { return [:] }
    let classes = FolderClasses(classNames, names: network.classes, count: count)
    if let note = classes.note, !isQuiet { Terminal.say(note) }
    return items.reduce(into: [:]) { truth, item in
      truth[item.id] = item.label.flatMap { classes.indices[$0] }
    }
  }
}
