internal import Foundation

/// Classes by what a person or a folder calls them.
///
/// The very name counts most. Then case counts for nothing and `_` and `-` are spaces, and a name is the whole name, or a
/// WordNet id that begins it (`n01440764 tench`), or one of its synonyms, between commas: the first of these that any class
/// has.
public struct ClassLookup: Sendable {
  private var exact: NameTable
  private var byName: [String: [Int]] = [:]
  private var byIdentifier: [String: [Int]] = [:]
  private var bySynonym: [String: [Int]] = [:]

  /// - Parameter classes: Names of the classes, each at its index.
  public init(_ classes: [String]) {
    exact = NameTable(classes)
    for (index, text) in classes.enumerated() {
      let name = Name(text)
      byName[name.whole, default: []].append(index)
      if let identifier = name.identifier { byIdentifier[identifier, default: []].append(index) }
      for synonym in Set(name.synonyms) { bySynonym[synonym, default: []].append(index) }
    }
  }

  /// The indices of the classes that a name may mean, ascending: one where it is clear, none where no class is called so.
  public func indices(of text: String) -> [Int] {
    let own = exact.exact(text)
    if !own.isEmpty { return own }
    let name = Name(text)
    return byName[name.whole] ?? name.identifier.flatMap { byIdentifier[$0] }
      ?? name.synonyms.lazy.compactMap { bySynonym[$0] }.first ?? []
  }

  /// A name taken apart.
  private struct Name {
    let whole: String
    let identifier: String?
    let synonyms: [String]

    init(_ text: String) {
      whole = text.lowercased().map { "_-".contains($0) ? " " : String($0) }.joined()
        .trimmingCharacters(in: .whitespaces)
      let words = whole.split(separator: " ", maxSplits: 1)
      let isIdentifier = words.first.map {
        $0.count == 9 && $0.first == "n" && $0.dropFirst().allSatisfy(\.isNumber)
      }
      identifier = isIdentifier == true ? String(words[0]) : nil
      let rest = identifier == nil ? whole[...] : words.count > 1 ? words[1] : ""
      synonyms = rest.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
        !$0.isEmpty
      }
    }
  }
}
