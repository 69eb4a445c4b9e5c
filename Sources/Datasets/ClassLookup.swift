internal import Foundation

/// Classes by what a person or a folder calls them.
///
/// The whole name counts most, then a WordNet id that begins it (`n01440764 tench`), then one of its synonyms, between
/// commas. Case counts for nothing, `_` and `-` are spaces, and of two classes of one name the first is taken.
public struct ClassLookup: Sendable {
  private var byName: [String: Int] = [:]
  private var byIdentifier: [String: Int] = [:]
  private var bySynonym: [String: Int] = [:]

  /// - Parameter classes: Names of the classes, each at its index.
  public init(_ classes: [String]) {
    for (index, text) in classes.enumerated() {
      let name = Name(text)
      byName[name.whole] = byName[name.whole] ?? index
      if let identifier = name.identifier { byIdentifier[identifier] = byIdentifier[identifier] ?? index }
      for synonym in name.synonyms { bySynonym[synonym] = bySynonym[synonym] ?? index }
    }
  }

  /// The index of the class of this name; nil where there is none.
  public func index(of text: String) -> Int? {
    let name = Name(text)
    return byName[name.whole] ?? name.identifier.flatMap { byIdentifier[$0] }
      ?? name.synonyms.lazy.compactMap { bySynonym[$0] }.first
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
