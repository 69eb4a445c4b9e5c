internal import Figures
internal import Kernels
internal import Studies

/// A unit's projections beside what they would be if they told nothing of it.
struct ControlsPage {
  let view: RunView
  let layer: RunView.Layer
  let unit: RunView.Unit
  let rule: RectifierRule
  let controls: Controls

  var page: Page {
    Page(
      title: "\(layer.name) unit \(unit.number), controls · \(view.title)", depth: 2,
      links: [("up", "../../units/\(layer.stem)/\(unit.number).html")], body: body)
  }

  private var body: HTML {
    let rows = controls.rows.map { row -> HTML in
      let alike = row.cosine.map { ": cosine \($0.fixed(decimals: 2)) with the projections" } ?? ""
      return """
        <section><h2>\(row.kind.title)\(alike)</h2><p class="soft">\(row.kind.meaning)</p>
        <img src="../\(rule.rawValue)/\(address: layer.stem)/\(unit.number)-\(row.kind.rawValue).jpg\(view.stamp)" \
        alt="\(row.kind.title), image by image"></section>
        """
    }
    return """
      <h1><a href="../../units/\(address: layer.stem)/\(unit.number).html">\(layer.name) unit \(unit.number)</a> under controls</h1>
      <p>A projection shows its unit only as far as it differs from these. Each has its own scale; the rule is \(rule.rawValue). A cosine \
      near 1 says that the switches, the place or the architecture alone make the picture.</p>
      \(rows)
      """
  }
}
