internal import Datasets
internal import Figures
internal import Studies

/// What a search finds: a unit by `layer:number`, layers by name, and units whose images are mostly of a class.
struct SearchPage {
  let view: RunView
  let asked: String
  let notes: [Notebook.Note]

  private static let mostUnits = 60

  /// Units whose shown images are of a class, the purest first: of each how large their share is.
  static func units(of name: String, in view: RunView) -> [(
    layer: RunView.Layer, unit: RunView.Unit, share: Double
  )] {
    let asked = name.lowercased()
    guard !asked.isEmpty else { return [] }
    return view.layers.flatMap { layer in
      layer.units.compactMap { unit -> (layer: RunView.Layer, unit: RunView.Unit, share: Double)? in
        let labels = unit.entries.compactMap(\.label)
        let count = labels.count { $0.lowercased().contains(asked) }
        guard count >= 2 else { return nil }
        return (layer, unit, Double(count) / Double(labels.count))
      }
    }.sorted { ($1.share, Double($1.unit.selectivity ?? 0)) < ($0.share, Double($0.unit.selectivity ?? 0)) }
  }

  /// The very unit that is asked for, as `conv5:17`; nil where none is.
  static func unit(_ text: String, in view: RunView) -> (layer: RunView.Layer, unit: Int)? {
    let parts = text.split(separator: ":")
    guard parts.count > 1, let unit = Int(parts[parts.count - 1].filter { $0 != " " }) else { return nil }
    let name = parts.dropLast().joined(separator: ":")
    guard let layer = view.layers.first(where: { $0.name == name || $0.stem == name }),
      layer.units.indices.contains(unit)
    else { return nil }
    return (layer, unit)
  }

  var page: Page { Page(title: "\(asked) · \(view.title)", depth: 0, body: body) }

  private var body: HTML {
    let text = asked.lowercased()
    let layers = text.isEmpty ? [] : view.layers.filter { $0.name.lowercased().contains(text) }
    let units = Self.units(of: asked, in: view)
    let named = layers.map { layer -> HTML in
      "<li><a href=\"layers/\(address: layer.stem).html\">\(layer.name)</a> \(layer.units.count.counted("units"))</li>"
    }
    let mostly = units.filter { $0.share >= 0.5 }
    let some = units.filter { $0.share < 0.5 }
    let noted = text.isEmpty ? [] : notes.filter { $0.text.lowercased().contains(text) }
    let written = noted.compactMap { $0.line(in: view) }
    let nothing: HTML? =
      layers.isEmpty && units.isEmpty && written.isEmpty
      ? """
      <p>Nothing is called \u{201C}\(asked)\u{201D}. Give a layer's name, a unit as <code>\(view.layers[0].name):0</code>, or a class\
      \(view.run.pictures.dataset.classNames == nil ? "; but the images of this run have no classes: put them in a folder for each" : "").</p>
      """ : nil
    let parts: [HTML?] = [
      layers.isEmpty ? nil : "<section><h2>Layers</h2><ul>\(named)</ul></section>",
      list("Units whose images are mostly of this class", mostly),
      list("Units some of whose images are: by chance, where they are few", some),
      written.isEmpty ? nil : "<section><h2>Notes</h2><ul>\(written)</ul></section>",
      nothing,
    ]
    return "<h1>\u{201C}\(asked)\u{201D}</h1>\(parts.compactMap(\.self))"
  }
}

extension SearchPage {
  private func list(
    _ title: String, _ units: [(layer: RunView.Layer, unit: RunView.Unit, share: Double)]
  ) -> HTML? {
    let lines = units.prefix(Self.mostUnits).map { layer, unit, share -> HTML in
      """
      <li><a href="units/\(address: layer.stem)/\(unit.number).html">\(layer.name) unit \(unit.number)</a> \
      \(share.asShare) of its images</li>
      """
    }
    guard !lines.isEmpty else { return nil }
    let more = units.count > Self.mostUnits ? ", the first \(Self.mostUnits) of them" : ""
    return """
      <section><h2>\(title)</h2><p class="soft">\(units.count.counted("units"))\(more).</p><ul class="columns">\(lines)</ul></section>
      """
  }
}

extension Notebook.Note {
  /// A line of a list, which leads to the unit; nil where the run has no such unit.
  func line(in view: RunView) -> HTML? {
    guard let layer = view.layers.first(where: { $0.name == self.layer }), layer.units.indices.contains(unit)
    else { return nil }
    return
      "<li><a href=\"units/\(address: layer.stem)/\(unit).html\">\(layer.name) unit \(unit)</a> \(text)</li>"
  }
}
