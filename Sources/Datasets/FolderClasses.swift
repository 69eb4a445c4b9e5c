/// Which of a network's classes each class folder stands for: by name, by number, or in order.
public struct FolderClasses: Sendable {
  /// A class for each folder, in the folders' order; nil where none is meant.
  public let indices: [Int?]
  /// What was made of the folders, for a person to check; nil where their names say it all.
  public let note: String?

  /// - Parameters:
  ///   - folders: Names of the class folders, in order.
  ///   - names: The network's class names, where the model gives them.
  ///   - count: How many classes it has.
  public init(_ folders: [String], names: [String]?, count: Int) {
    let lookup = ClassLookup(names ?? [])
    let named = folders.map { lookup.index(of: $0).flatMap { $0 < count ? $0 : nil } }
    let numbered = folders.map { Int($0).flatMap { (0..<count).contains($0) ? $0 : nil } }
    if named.contains(where: { $0 != nil }) {
      indices = named
      let strangers = zip(folders, named).filter { $0.1 == nil }.map(\.0)
      note =
        strangers.isEmpty
        ? nil
        : "\(strangers.count) of \(folders.count) folders are named as none of the network's classes and "
          + "left out of the accuracy: \(strangers.prefix(5).joined(separator: ", "))"
          + (strangers.count > 5 ? ", ..." : ".")
    } else if numbered.allSatisfy({ $0 != nil }) {
      indices = numbered
      note = "folders are named by number, taken for the network's classes."
    } else if folders.count == count {
      indices = folders.indices.map { $0 }
      note = "the \(count) folders, in order of their names, are taken for the network's \(count) classes."
    } else {
      indices = folders.map { _ in nil }
      note =
        "no accuracy: none of the \(folders.count) folders is named as one of the network's \(count) classes. "
        + "Give --labels."
    }
  }
}

extension Dataset {
  /// A network's true classes by picture id: from a list, or from class folders.
  ///
  /// - Parameters:
  ///   - names: The network's class names, where the model gives them.
  ///   - count: How many classes it has.
  ///   - model: What a message calls the network: its file.
  ///   - list: A list of labels; nil for the class folders.
  /// - Returns: The classes that are known, and what was made of the folders (``FolderClasses/note``).
  /// - Throws: ``DatasetError/labels(file:reason:)`` for a list that is none, or
  ///   ``DatasetError/strangeClass(file:image:label:model:count:)`` where a class is beyond the network's.
  public func trueClasses(
    names: [String]?, count: Int, model: String, labels list: String?
  ) throws(DatasetError) -> (classes: [Int: Int], note: String?) {
    if let list {
      let truth = try labels(from: list)
      if let (id, label) = truth.filter({ $0.value >= count }).min(by: { $0.key < $1.key }) {
        throw .strangeClass(file: list, image: items[id].path, label: label, model: model, count: count)
      }
      return (truth, nil)
    }
    guard let classNames else { return ([:], nil) }
    let folders = FolderClasses(classNames, names: names, count: count)
    let truth = items.reduce(into: [Int: Int]()) { truth, item in
      truth[item.id] = item.label.flatMap { folders.indices[$0] }
    }
    return (truth, folders.note)
  }
}
