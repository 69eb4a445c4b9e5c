/// Which of a network's classes each class folder stands for: by name, by number, or in order.
package struct FolderClasses {
  /// A class for each folder, in the folders' order; nil where none is meant.
  package let indices: [Int?]
  /// What was made of the folders, for a person to check; nil where their names say it all.
  package let note: String?

  /// Of class folders in order, held against a network's class names, where it gives them, and their number.
  package init(_ folders: [String], names: [String]?, count: Int) {
    let lookup = ClassLookup(names ?? [])
    let meant = folders.map { lookup.indices(of: $0).filter { $0 < count } }
    let named = meant.map { $0.count == 1 ? $0[0] : nil }
    let numbered = folders.map { Int($0).flatMap { (0..<count).contains($0) ? $0 : nil } }
    if meant.contains(where: { !$0.isEmpty }) {
      indices = named
      func note(_ what: String, _ which: [String]) -> String? {
        which.isEmpty
          ? nil
          : "note: \(which.count) of \(folders.count) folders are named as \(what) of the network's classes and "
            + "left out of the accuracy: \(which.prefix(5).joined(separator: ", "))"
            + (which.count > 5 ? ", ..." : ".")
      }
      let pairs = zip(folders, meant)
      let notes = [
        note("none", pairs.filter { $1.isEmpty }.map(\.0)),
        note(
          "several",
          pairs.filter { $1.count > 1 }.map { "\($0) (\($1.map(String.init).joined(separator: " or ")))" }),
      ].compactMap(\.self)
      self.note = notes.isEmpty ? nil : notes.joined(separator: "\n")
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
  ///   - names: The network's class names, where the model gives them.
  ///   - count: How many classes the network has.
  ///   - list: A list of labels; class folders where there is none.
  /// - Returns: The classes that are known, and what was made of the folders' names, where that should be said.
  /// - Throws: ``DatasetError`` for a list that is none, or names a class beyond the network's.
  public func trueClasses(
    names: [String]?, count: Int, labels list: String? = nil
  ) throws(DatasetError) -> (truth: [Int: Int], note: String?) {
    if let list {
      let truth = try labels(from: list, classes: ClassLookup(names ?? []))
      if let (image, label) = truth.filter({ $0.value >= count }).min(by: { $0.key < $1.key }) {
        throw .classBeyond(list: list, picture: items[image].path, label: label, classes: count)
      }
      return (truth, nil)
    }
    guard let classNames else { return ([:], nil) }
    let classes = FolderClasses(classNames, names: names, count: count)
    let labels = items.map { ($0.id, $0.label.flatMap { classes.indices[$0] }) }
    return (Dictionary(uniqueKeysWithValues: labels).compactMapValues(\.self), classes.note)
  }
}
