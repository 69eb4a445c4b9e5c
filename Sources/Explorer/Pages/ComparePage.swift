internal import Datasets
internal import Figures
internal import Kernels
internal import Peaks
internal import Studies
internal import Tensors

/// Two sides beside each other: units, layers or whole runs, of one run or of two.
struct ComparePage {
  struct Side {
    enum What {
      case unit(RunView.Layer, Int, RectifierRule, epoch: Int?)
      case layer(RunView.Layer)
      case run
    }

    let view: RunView
    let what: What

    /// A side as the address says it; nil for one that is not there.
    ///
    /// `conv5:17` is a unit, `conv5:17:guided` the same by a rule, `conv5:17@3` at an epoch; `conv5` a layer and `/` the run.
    /// Behind another run's name and a slash the same of that run.
    init?(_ text: String, among views: [(name: String, view: RunView)]) {
      let other = views.dropFirst().first { text.hasPrefix($0.name + "/") }
      guard let view = other?.view ?? views.first?.view else { return nil }
      self.view = view
      let text = other.map { String(text.dropFirst($0.name.count + 1)) } ?? text
      if text == "/" || text.isEmpty && other != nil {
        what = .run
        return
      }
      if let layer = view.layers.first(where: { $0.name == text || $0.stem == text }) {
        what = .layer(layer)
        return
      }
      let moments = text.split(separator: "@", omittingEmptySubsequences: false)
      if moments.count > 1, let epoch = Int(moments[moments.count - 1]),
        let (layer, unit) = SearchPage.unit(moments.dropLast().joined(separator: "@"), in: view),
        let epochs = view.epochs, epochs.has(layer), epochs.numbers.contains(epoch)
      {
        what = .unit(layer, unit, view.run.rule, epoch: epoch)
        return
      }
      let parts = text.split(separator: ":")
      if let last = parts.last, let rule = RectifierRule(rawValue: String(last)),
        let (layer, unit) = SearchPage.unit(parts.dropLast().joined(separator: ":"), in: view)
      {
        what = .unit(layer, unit, rule, epoch: nil)
        return
      }
      guard let (layer, unit) = SearchPage.unit(text, in: view) else { return nil }
      what = .unit(layer, unit, view.run.rule, epoch: nil)
    }

    /// The way to its run's pages.
    var folder: HTML { view.name.map { "with/\(address: $0)/" } ?? .none }
  }

  let view: RunView
  /// What was asked for on each side, as it was typed.
  let asked: [String]
  let sides: [Side?]

  var page: Page { Page(title: "Compare · \(view.title)", depth: 0, body: body) }

  private var body: HTML {
    let panes = zip(asked, sides).map { asked, side -> HTML? in
      if let side { return pane(side) }
      return asked.isEmpty
        ? nil : "<section class=\"pane\"><p>There is no \u{201C}\(asked)\u{201D} here.</p></section>"
    }
    let first = view.layers[0].name
    let form: HTML = """
      <form class="controls"><label>One <input name="a" value="\(asked[0])" placeholder="\(first):17"></label>
      <label>Other <input name="b" value="\(asked[1])" placeholder="\(first):17:guided"></label><button>Compare</button></form>
      <p class="soft">A unit as <code>\(first):0</code>, by a rule as <code>\(first):0:guided</code>\(epochExample), a layer as \
      <code>\(first)</code>, the run as <code>/</code>\(runExamples). The key x shows the sides in turn at one place.</p>
      """
    return """
      <h1>Compare</h1>\(form)<div class="panes" id="panes">\(panes.compactMap(\.self))</div>\(common)
      \(figure)
      """
  }

  private var epochExample: HTML? {
    view.epochs.map { ", at an epoch as <code>\(view.layers[0].name):0@\($0.numbers[0])</code>" }
  }

  private var runExamples: HTML? {
    view.others.first.map { other in
      ", another run\u{2019}s as <code>\(other.name)/\(view.layers[0].name):0</code>"
    }
  }

  private func pane(_ side: Side) -> HTML {
    let run: HTML? = side.view.name.map { "<p class=\"soft\">\(side.view.title), run \($0)</p>" }
    switch side.what {
    case .run:
      let rows = side.view.layers.map { layer -> HTML in
        """
        <tr><td><a href="\(side.folder)layers/\(address: layer.stem).html">\(layer.name)</a></td>\(Self.numbers(layer))</tr>
        """
      }
      return """
        <section class="pane"><h2><a href="\(side.folder)index.html">\(side.view.title)</a></h2>\(run)
        <p>\(side.view.searched.counted("images")) of \(side.view.run.pictures.dataset.title)</p>
        <div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead><tr><th scope="col">layer</th><th scope="col">units</th><th scope="col">never active</th>\
        <th scope="col">sees</th><th scope="col">median selectivity</th></tr></thead><tbody>\(rows)</tbody></table></div></section>
        """
    case .layer(let layer):
      let strip = Atlas.strip(of: layer).map { strip -> HTML in
        """
        <img src="\(side.folder)atlases/\(side.view.run.rule.rawValue)/\(address: layer.stem)/strip.jpg\(side.view.stamp)" \
        width="\(strip.columns)" height="\(strip.rows)" alt="its most selective units">
        """
      }
      return """
        <section class="pane"><h2><a href="\(side.folder)layers/\(address: layer.stem).html">\(layer.name)</a></h2>\(run)
        <div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead><tr><th scope="col">units</th><th scope="col">never active</th><th scope="col">sees</th>\
        <th scope="col">median selectivity</th></tr></thead><tbody><tr>\(Self.numbers(layer))</tr></tbody></table></div>
        <div class="strip" tabindex="0" role="group" aria-label="\(layer.name)\u{2019}s most selective units">\(strip)</div></section>
        """
    case .unit(let layer, let number, let rule, let epoch):
      let unit = layer.units[number]
      let query = epoch.map { "?epoch=\($0)" } ?? ""
      let ending = (rule == side.view.run.rule ? "" : "." + rule.rawValue) + ".html"
      let address: HTML = "\(side.folder)units/\(address: layer.stem)/\(number)\(ending)\(query)"
      return """
        <section class="pane"><h2><a href="\(address)">\(layer.name) unit \(number)</a></h2>\(run)
        <p>\(rule.rawValue) · \(epoch.map { Self.facts(of: number, in: layer, at: $0, side.view) } ?? LayerPage.facts(of: unit))</p>
        <div class="pictures">\(pictures(of: unit, in: layer, rule, epoch, side))</div></section>
        """
    }
  }

  private static func facts(of unit: Int, in layer: RunView.Layer, at epoch: Int, _ view: RunView) -> String {
    let moment = view.epochs?.moments(of: unit, in: layer).first { $0.epoch == epoch }
    let value = moment?.peak.map { Double($0.value).significant }
    return "epoch \(epoch): " + (value.map { "\($0) in \(moment?.path ?? "")" } ?? "inactive")
  }

  private func pictures(
    of unit: RunView.Unit, in layer: RunView.Layer, _ rule: RectifierRule, _ epoch: Int?, _ side: Side
  ) -> HTML {
    if let epoch, let epochs = side.view.epochs, let frame = epochs.numbers.firstIndex(of: epoch) {
      return Film(epochs: epochs, layer: layer, unit: unit.number, stamp: side.view.stamp).frame(
        frame, folder: side.folder, side: 160)
    }
    guard !unit.isDead else { return "<p>never active</p>" }
    let drawing = layer.grid
    let scale = max(1, 72 / max(drawing.tile.rows, drawing.tile.columns, 1))
    let size = drawing.extents(grids: 1)
    let file: HTML = "\(side.folder)tiles/\(rule.rawValue)/\(address: layer.stem)/\(unit.number)"
    return """
      <img src="\(file).jpg\(side.view.stamp)" width="\(scale * size.columns)" height="\(scale * size.rows)" alt="projections">
      <img src="\(file).webp\(side.view.stamp)" width="\(scale * size.columns)" height="\(scale * size.rows)" alt="patches">
      """
  }

  /// A layer's numbers as cells.
  private static func numbers(_ layer: RunView.Layer) -> HTML {
    let selectivities = layer.units.compactMap(\.selectivity).sorted()
    let median = selectivities.isEmpty ? "" : selectivities[selectivities.count / 2].fixed(decimals: 2)
    return """
      <td>\(layer.units.count)</td><td>\(layer.dead)</td><td>\(layer.field.rows) x \(layer.field.columns)</td><td>\(median)</td>
      """
  }

  /// The units on both sides, where both are units of this run as it is.
  private var own: [(layer: RunView.Layer, unit: Int, rule: RectifierRule)]? {
    let units = sides.compactMap { side -> (layer: RunView.Layer, unit: Int, rule: RectifierRule)? in
      guard let side, side.view.name == nil, case .unit(let layer, let unit, let rule, nil) = side.what else {
        return nil
      }
      return (layer, unit, rule)
    }
    return units.count == 2 ? units : nil
  }

  private var common: HTML? {
    guard let own else { return nil }
    let images = own.map { Set($0.layer.units[$0.unit].entries.map(\.image)) }
    let both = images[0].intersection(images[1]).count
    return "<p>\(both) of their \(images[0].union(images[1]).count.counted("images")) excite both.</p>"
  }

  /// The two as one figure for paper, where one rule drew both.
  private var figure: HTML? {
    guard view.progress == nil, let own, own[0].rule == own[1].rule else { return nil }
    return UnitPage.figures(
      of: view, units: own.map { "\($0.layer.name):\($0.unit)" }, rule: own[0].rule, up: "")
  }
}
