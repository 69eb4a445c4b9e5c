internal import Datasets
internal import Figures
internal import Kernels
internal import Studies
internal import Tensors

/// Two units side by side, or one unit by two rules.
struct ComparePage {
  typealias Side = (layer: RunView.Layer, unit: Int, rule: RectifierRule)

  let view: RunView
  let sides: [Side]

  /// A side as an address says it: `conv5:17`, with a rule after a second colon or without.
  static func side(_ text: String, in view: RunView) -> Side? {
    let parts = text.split(separator: ":")
    if let last = parts.last, let rule = RectifierRule(rawValue: String(last)) {
      guard let found = SearchPage.unit(parts.dropLast().joined(separator: ":"), in: view) else { return nil }
      return (found.layer, found.unit, rule)
    }
    return SearchPage.unit(text, in: view).map { ($0.layer, $0.unit, view.run.rule) }
  }

  var page: Page { Page(title: "Compare · \(view.title)", depth: 0, body: body) }

  private var body: HTML {
    let panes = sides.map { layer, number, rule -> HTML in
      let unit = layer.units[number]
      let drawing = layer.grid
      let scale = max(1, 72 / max(drawing.tile.rows, drawing.tile.columns, 1))
      let size = drawing.extents(grids: 1)
      let file: HTML = "tiles/\(rule.rawValue)/\(address: layer.stem)/\(number)"
      let pictures: HTML =
        unit.isDead
        ? "<p>never active</p>"
        : """
        <img src="\(file).jpg" width="\(scale * size.columns)" height="\(scale * size.rows)" alt="projections">
        <img src="\(file).webp" width="\(scale * size.columns)" height="\(scale * size.rows)" alt="patches">
        """
      let address: HTML =
        "units/\(address: layer.stem)/\(number)\(rule == view.run.rule ? "" : "." + rule.rawValue).html"
      return """
        <section class="pane"><h2><a href="\(address)">\(layer.name) unit \(number)</a></h2><p>\(rule.rawValue) · \
        \(LayerPage.facts(of: unit))</p><div class="pictures">\(pictures)</div></section>
        """
    }
    let shared = sides.count == 2 ? common(sides[0], sides[1]) : nil
    let form: HTML = """
      <form class="controls"><label>One <input name="a" value="\(text(0))" placeholder="conv5:17"></label>
      <label>Other <input name="b" value="\(text(1))" placeholder="conv5:17:guided"></label><button>Compare</button></form>
      """
    return "<h1>Compare</h1>\(form)<div class=\"panes\" id=\"panes\">\(panes)</div>\(shared)"
  }

  private func text(_ place: Int) -> String {
    guard sides.indices.contains(place) else { return "" }
    let (layer, unit, rule) = sides[place]
    return "\(layer.stem):\(unit)" + (rule == view.run.rule ? "" : ":\(rule.rawValue)")
  }

  private func common(_ one: Side, _ other: Side) -> HTML {
    let images = [one, other].map { side in Set(side.layer.units[side.unit].entries.map(\.image)) }
    let both = images[0].intersection(images[1]).count
    return "<p>\(both) of their \(images[0].union(images[1]).count.counted("images")) excite both.</p>"
  }
}
