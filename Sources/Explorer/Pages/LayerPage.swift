internal import Datasets
internal import Figures
internal import Kernels
internal import Studies

/// All units of a layer in a grid, sorted and filtered.
struct LayerPage {
  /// What units are sorted by, as the address says it.
  enum Order: String, CaseIterable, Sendable {
    case selectivity, number, strongest, active, purity, steady

    var title: String {
      switch self {
      case .selectivity: "selectivity"
      case .number: "number"
      case .strongest: "largest activation"
      case .active: "share of images"
      case .purity: "class purity"
      case .steady: "how early it came to its image"
      }
    }

    /// Larger comes first.
    func key(_ unit: RunView.Unit, of layer: RunView.Layer, _ epochs: Epochs?) -> Double {
      switch self {
      case .selectivity: unit.isDead ? -1 : Double(unit.entries.count) + (unit.selectivity ?? 0)
      case .number: -Double(unit.number)
      case .strongest: Double(unit.strongest)
      case .active: unit.active
      case .purity: unit.purest?.share ?? -1
      case .steady: epochs?.steady(unit.number, in: layer).map { -Double($0) } ?? -1e9
      }
    }
  }

  let view: RunView
  let layer: RunView.Layer
  var order = Order.selectivity
  var filter = ""
  /// The epoch at which units are shown; nil for as they are in the run.
  var epoch: Int?
  var scope = Scope.served

  /// The epochs that the run's layer was searched at.
  private var epochs: Epochs? { view.epochs.flatMap { $0.has(layer) && !scope.isCopy ? $0 : nil } }

  private var stamp: HTML { scope.isCopy ? .none : view.stamp }

  private var orders: [Order] { Order.allCases.filter { $0 != .steady || epochs != nil } }

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
    let keyed = layer.units.filter { scope.has($0.number, of: layer) }.map {
      (unit: $0, key: order.key($0, of: layer, epochs))
    }
    return keyed.sorted { ($1.key, $0.unit.number) < ($0.key, $1.unit.number) }.map(\.unit)
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
      let numbers = orders.map { order -> HTML in
        " data-\(order.rawValue)=\"\(order.key(unit, of: layer, epochs).fixed(decimals: 5))\""
      }
      let picture: HTML =
        unit.isDead
        ? "<span class=\"none\">never active</span>"
        : """
        <img class="p\(place)" loading="lazy" \
        src="../\(atlases)/\(atlas).jpg\(stamp)" alt="">
        """
      return """
        <a class="card" id="u\(unit.number)" href="../units/\(address: layer.stem)/\(unit.number).html" \
        data-words="\(words)"\(numbers)\(isShown ? "" : " hidden")>\(picture)<b>\(unit.number)</b> \
        <small>\(Self.facts(of: unit))</small></a>
        """
    }
    let choices = orders.map { choice -> HTML in
      "<option value=\"\(choice.rawValue)\"\(choice == order ? " selected" : "")>\(choice.title)</option>"
    }
    return """
      <h1>\(layer.name)</h1>
      <p>\(layer.units.count.counted("units")); each sees \(layer.field.rows) x \(layer.field.columns) pixels of the input. Of each \
      unit: the patch that excites it most, and that activation projected back to pixels.</p>
      <form class="controls" id="sorting"><label>Sort by <select name="sort">\(choices)</select></label>
      <label>Show those with <input type="search" name="q" value="\(filter)" placeholder="a number or a class"></label>
      <button>Apply</button><output></output></form>
      \(slider)
      <div class="grid">\(cards)</div>
      \(filters)
      \(taking)
      """
  }

  /// Where overviews of the layer are.
  private var atlases: HTML {
    if let epoch, epochs?.numbers.contains(epoch) == true { return "epochs/\(address: layer.stem)/\(epoch)" }
    return "atlases/\(view.run.rule.rawValue)/\(address: layer.stem)"
  }

  private var slider: HTML? {
    guard let epochs else { return nil }
    let place = epoch.flatMap { epochs.numbers.firstIndex(of: $0) }
    let links = epochs.numbers.map { number -> HTML in "<a href=\"?epoch=\(number)\">\(number)</a>" }
    return """
      <div id="epochs" data-layer="\(layer.stem)" data-rule="\(view.run.rule.rawValue)">
      <p class="soft">Through training: <a href="?">as in the run</a>, or at epoch \(links), each unit with the image of \
      \(epochs.run.pictures.dataset.title) that excited it most then; the numbers below are the run\u{2019}s.</p>
      \(EpochSlider(epochs: epochs, place: place ?? epochs.numbers.count - 1).control)</div>
      """
  }

  /// The units shown first, for paper.
  private var taking: HTML? {
    let shown = units.filter { !$0.isDead }.prefix(9).map(\.number)
    guard !scope.isCopy, view.progress == nil, !shown.isEmpty else { return nil }
    return UnitPage.figures(
      of: view, units: ["\(layer.name):\(shown.map(String.init).joined(separator: ","))"],
      rule: view.run.rule,
      up: "../")
  }

  /// Pixels along an edge of the picture of a layer's filters.
  static let filterSide = 480

  private var filters: HTML? {
    guard view.wiring.filters(of: layer.name) != nil else { return nil }
    return """
      <section><h2>Its filters</h2><p class="soft">Unit by unit, row by row, each with its own scale: grey is zero.</p>
      <img loading="lazy" src="../filters/\(address: layer.stem).png\(stamp)" width="\(Self.filterSide)" alt="The filters of \(layer.name)"></section>
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
