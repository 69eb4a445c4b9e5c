internal import Figures
internal import Kernels
internal import Studies

/// All units of a layer in a grid, sorted and filtered.
struct LayerPage {
  /// What units are sorted by, as the address says it.
  enum Order: String, CaseIterable, Sendable {
    case selectivity, number, strongest, active, purity

    var title: String {
      switch self {
      case .selectivity: "selectivity"
      case .number: "number"
      case .strongest: "largest activation"
      case .active: "share of images"
      case .purity: "class purity"
      }
    }

    /// Larger comes first.
    func key(_ unit: RunView.Unit) -> Double {
      switch self {
      case .selectivity: unit.isDead ? -1 : Double(unit.entries.count) + (unit.selectivity ?? 0)
      case .number: -Double(unit.number)
      case .strongest: Double(unit.strongest)
      case .active: unit.active
      case .purity: unit.purest?.share ?? -1
      }
    }
  }

  let view: RunView
  let layer: RunView.Layer
  var order = Order.selectivity
  var filter = ""
  var scope = Scope.served

  var page: Page {
    let layers = view.layers.filter(scope.has)
    let place = layers.firstIndex { $0.stem == layer.stem } ?? 0
    var links = [("up", "../index.html")]
    if place > 0 { links.append(("prev", layers[place - 1].stem + ".html")) }
    if place + 1 < layers.count { links.append(("next", layers[place + 1].stem + ".html")) }
    return Page(
      title: "\(layer.name) · \(view.title)", depth: 1, links: links, styles: ["\(layer.stem).css"],
      body: body)
  }

  private var units: [RunView.Unit] {
    layer.units.filter { scope.has($0.number, of: layer) }.sorted {
      ((order.key($1), $0.number)) < ((order.key($0), $1.number))
    }
  }

  /// What a filter looks in, in small letters.
  private static func words(_ unit: RunView.Unit) -> String {
    ([String(unit.number)] + unit.classes.map(\.name) + Set(unit.entries.compactMap(\.label)).sorted())
      .joined(
        separator: "\n"
      ).lowercased()
  }

  private var body: HTML {
    let asked = filter.lowercased()
    let cards = units.map { unit -> HTML in
      let words = Self.words(unit)
      let isNumber = asked.utf8.allSatisfy { (48...57).contains($0) }
      let isShown = asked.isEmpty || (isNumber ? String(unit.number) == asked : words.contains(asked))
      let (atlas, place) = layer.places[unit.number].quotientAndRemainder(dividingBy: Atlas.most)
      let numbers = Order.allCases.map { order -> HTML in
        " data-\(order.rawValue)=\"\(order.key(unit).fixed(decimals: 5))\""
      }
      let picture: HTML =
        unit.isDead
        ? "<span class=\"none\">never active</span>"
        : """
        <img class="p\(place)" loading="lazy" \
        src="../atlases/\(view.run.rule.rawValue)/\(address: layer.stem)/\(atlas).jpg" alt="">
        """
      return """
        <a class="card" id="u\(unit.number)" href="../units/\(address: layer.stem)/\(unit.number).html" \
        data-words="\(words)"\(numbers)\(isShown ? "" : " hidden")>\(picture)<b>\(unit.number)</b> \
        <small>\(Self.facts(of: unit))</small></a>
        """
    }
    let orders = Order.allCases.map { choice -> HTML in
      "<option value=\"\(choice.rawValue)\"\(choice == order ? " selected" : "")>\(choice.title)</option>"
    }
    return """
      <h1>\(layer.name)</h1>
      <p>\(layer.units.count.counted("units")); each sees \(layer.field.rows) x \(layer.field.columns) pixels of the input. Of each \
      unit: the patch that excites it most, and that activation projected back to pixels.</p>
      <form class="controls" id="sorting"><label>Sort by <select name="sort">\(orders)</select></label>
      <label>Show those with <input type="search" name="q" value="\(filter)" placeholder="a number or a class"></label>
      <button>Apply</button><output></output></form>
      <div class="grid">\(cards)</div>
      \(filters)
      """
  }

  /// Pixels along an edge of the picture of a layer's filters.
  static let filterSide = 480

  private var filters: HTML? {
    guard view.wiring.filters(of: layer.name) != nil else { return nil }
    return """
      <section><h2>Its filters</h2><p class="soft">Unit by unit, row by row, each with its own scale: grey is zero.</p>
      <img loading="lazy" src="../filters/\(address: layer.stem).png" width="\(Self.filterSide)" alt="The filters of \(layer.name)"></section>
      """
  }

  static func facts(of unit: RunView.Unit) -> String {
    guard !unit.isDead else { return "" }
    let purest = unit.purest.map { $0.share >= 0.5 ? " · \($0.name)" : "" } ?? ""
    return "\(Double(unit.strongest).significant) · \(unit.active.asShare)\(purest)"
  }

  /// Where each of an atlas' units lies on it, as a style sheet.
  static func style(of layer: RunView.Layer) -> String {
    guard let atlas = Atlas.numbered(0, of: layer) else { return "" }
    let size = "width:\(2 * atlas.tile.columns)px;height:\(atlas.tile.rows)px"
    return
      ".card img{\(size)}.card{contain-intrinsic-size:\(2 * atlas.tile.columns + 18)px \(atlas.tile.rows + 48)px;"
      + "max-width:\(max(2 * atlas.tile.columns, 72) + 18)px}\n"
      + atlas.units.indices.map { place in
        ".p\(place){object-position:-\(atlas.corner(place).column)px -\(atlas.corner(place).row)px}"
      }.joined(separator: "\n") + "\n"
  }
}
