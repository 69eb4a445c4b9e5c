internal import Tensors

/// Places of names in a list: by a name's very bytes, else by what Unicode takes for the same where one name alone fits.
package struct NameTable: Sendable {
  private var places: [ExactName: [Int]] = [:]
  private var forms: [String: Set<ExactName>] = [:]

  /// - Parameter names: Each at its place; several may be the same.
  package init(_ names: some Sequence<String>) {
    for (place, name) in names.enumerated() {
      places[ExactName(name), default: []].append(place)
      forms[name, default: []].insert(ExactName(name))
    }
  }

  /// The places of a name, byte for byte.
  package func exact(_ name: String) -> [Int] { places[ExactName(name)] ?? [] }

  /// The places of a name, or of the one that is written otherwise and reads the same.
  package func places(of name: String) -> [Int] {
    if let exact = places[ExactName(name)] { return exact }
    guard let forms = forms[name], forms.count == 1, let form = forms.first else { return [] }
    return places[form] ?? []
  }
}
