internal import Datasets
internal import Figures
internal import Files
internal import Images
internal import Kernels
internal import Peaks
internal import Studies
internal import Tensors

/// A unit: its strongest images and their projections, how it is active over all images, and what is like it.
struct UnitPage {
  let view: RunView
  let layer: RunView.Layer
  let unit: RunView.Unit
  let rule: RectifierRule
  /// Extents of the whole pictures that the unit's activations are from, by id.
  let extents: [Int: (rows: Int, columns: Int)]
  /// What a person wrote about it.
  let note: Notebook.Note?
  var scope = Scope.served
  /// The epoch that is chosen on the page.
  var epoch: Int?

  private static let up = "../../"
  private var stamp: HTML { scope.isCopy ? .none : view.stamp }

  var page: Page {
    let ending = rule == view.run.rule ? ".html" : ".\(rule.rawValue).html"
    var links = [("up", "\(Self.up)layers/\(layer.stem).html")]
    if let before { links.append(("prev", "\(before)\(ending)")) }
    if let after { links.append(("next", "\(after)\(ending)")) }
    return Page(
      title: "\(layer.name) unit \(unit.number) · \(view.title)", depth: 2, links: links, body: body)
  }

  /// The units before and after it that have pages.
  private var before: Int? { (0..<unit.number).last { scope.has($0, of: layer) } }
  private var after: Int? { (unit.number + 1..<layer.units.count).first { scope.has($0, of: layer) } }

  /// The page of the same unit by a rule.
  private func file(_ rule: RectifierRule) -> String {
    rule == view.run.rule ? "\(unit.number).html" : "\(unit.number).\(rule.rawValue).html"
  }

  private var body: HTML {
    let place = layer.units.count
    let rules: HTML? =
      scope.isCopy
      ? nil
      : """
      <nav class="rules" aria-label="Rules">\(RectifierRule.inOrder.enumerated().map { index, choice -> HTML in
        choice == rule
          ? "<b aria-current=\"page\">\(choice.rawValue)</b>"
          : "<a href=\"\(file(choice))\" data-key=\"\(index + 1)\">\(choice.rawValue)</a>"
      })</nav>
      """
    let name = (view.name.map { $0 + "/" } ?? "") + "\(layer.stem):\(unit.number)"
    let isPinned = note?.isPinned == true
    let pin: HTML? =
      scope.isCopy
      ? nil
      : """
      <button type="button" id="pin" hidden aria-pressed="\(isPinned ? "true" : "false")" data-unit="\(name)" \
      data-compare="\(Self.up)\(view.name == nil ? "" : "../../")compare.html">\(isPinned ? "Pinned" : "Pin")</button>
      """
    return """
      <h1><a href="\(Self.up)layers/\(address: layer.stem).html#u\(unit.number)">\(layer.name)</a> unit \(unit.number) \
      <small>of \(place)</small></h1>
      <p class="steps">\(before.map { step("prev", $0, "← before") })
      \(after.map { step("next", $0, "next →") }) \(pin)</p>
      <p>\(facts)</p>
      \(classes)
      \(rules)
      \(noted)
      \(unit.isDead ? "<p>No image\(view.progress == nil ? " of this run" : ", of those searched so far,") makes it active: there is nothing to project.</p>" : nine)
      \(controls)
      \(film)
      \(spread)
      \(alike)
      \(wired)
      \(spoken)
      \(taking)
      """
  }

  private var film: HTML? {
    guard let epochs = view.epochs, epochs.has(layer) else { return nil }
    return Film(epochs: epochs, layer: layer, unit: unit.number, stamp: stamp).section(
      chosen: epoch, folder: "\(Self.up)")
  }

  /// A person's note, to be written where it can be kept.
  private var noted: HTML? {
    if scope.isCopy {
      return note.flatMap {
        $0.text.isEmpty ? nil : "<section><h2>Note</h2><p class=\"note\">\($0.text)</p></section>"
      }
    }
    return """
      <details\(note?.text.isEmpty == false ? " open" : "")><summary>Note</summary><form id="note" data-layer="\(layer.stem)" \
      data-unit="\(unit.number)"><label>What it seems to look for <textarea name="text" rows="2" \
      maxlength="\(Notebook.mostCharacters)">\(note?.text ?? "")</textarea></label> <button hidden>Keep</button> \
      <output></output><noscript>Notes are kept by the page\u{2019}s script.</noscript></form></details>
      """
  }

  /// What other studies say of it.
  private var spoken: HTML? {
    let lines = view.studies.flatMap { study in
      study.mentions.filter { $0.layer == layer.name && $0.units.contains(unit.number) }.map {
        mention -> HTML in
        "<li><a href=\"\(Self.up)runs/\(address: study.name).html\">\(study.title)</a>: \(mention.text)</li>"
      }
    }
    return lines.isEmpty ? nil : "<section><h2>In other studies</h2><ul>\(lines)</ul></section>"
  }

  private func step(_ rel: String, _ number: Int, _ text: String) -> HTML {
    let ending = rule == view.run.rule ? "" : ".\(rule.rawValue)"
    return "<a rel=\"\(rel)\" href=\"\(number)\(ending).html\">\(text)</a>"
  }

  private var facts: String {
    guard !unit.isDead else { return "never active" }
    return [
      "largest activation \(Double(unit.strongest).significant)", "mean \(unit.mean.significant)",
      "active in \(unit.active.asShare) of \(view.searched.counted("images"))",
      unit.selectivity.map { "selectivity \($0.fixed(decimals: 2))" },
    ].compactMap(\.self).joined(separator: " · ")
  }

  private var classes: HTML? {
    guard !unit.classes.isEmpty else { return nil }
    let rows = unit.classes.map { share -> HTML in
      "<li>\(share.name): \(share.count) of its \(share.strongest) strongest images, \(share.lift.significant) times as often as in all</li>"
    }
    return "<ul class=\"fires\">\(rows)</ul>"
  }

  // MARK: The strongest

  private var nine: HTML {
    let figures = unit.entries.enumerated().map { rank, entry -> HTML in
      """
      <figure>\(tiles(rank, entry)) \(extents[entry.image].map { whole(entry, $0) })
      <figcaption>\(rank + 1). \(Double(entry.value).significant) at row \(entry.row), column \(entry.column) · \
      \(entry.path)\(entry.label.map { " · \($0)" } ?? "")\
      \(extents[entry.image] == nil ? ": this image can no longer be read" : "")</figcaption></figure>
      """
    }
    return """
      <section><h2>The \(unit.entries.count) images that excite it most</h2>
      <p class="soft">Each: the activation projected back by the rule \(rule.rawValue), the patch that it sees,\
      \(scope.isCopy ? "" : " the same dark where the projection is nearly zero,") and the whole image. Grey is zero; each \
      projection has its own scale.</p>
      <div class="nine">\(figures)</div></section>
      """
  }

  /// What is shown of each activation: a file of the unit's tiles, and which of its grids.
  private var panels: [(file: UnitPicture.File, grid: Int)] {
    [(.projections, 0), (.patches, 0)] + (scope.isCopy ? [] : [(.views, 1)])
  }

  /// An activation's tiles beside each other, without what lies outside the picture.
  private func tiles(_ rank: Int, _ entry: RunView.Entry) -> HTML {
    guard extents[entry.image] != nil else { return "<span class=\"none\">no image</span>" }
    guard let inside = entry.inside else { return "<span class=\"none\">outside the image</span>" }
    let drawing = layer.grid
    let (rows, columns) = drawing.tile
    let (gap, count) = (2, panels.count)
    // Small tiles are squares of whole pixels, large ones fill their place.
    let longest = max(rows, columns, 1)
    let scale = longest <= 64 ? Double(128 / longest) : 128 / Double(longest)
    let shown = panels.enumerated().map { place, panel -> HTML in
      let all = drawing.extents(grids: panel.file == .views ? 2 : 1)
      let left =
        panel.grid * (drawing.extents(grids: 1).columns + UnitPicture.gutter)
        + rank % drawing.side * (columns + UnitPicture.gap) + inside.left
      let top = rank / drawing.side * (rows + UnitPicture.gap) + inside.top
      let start = place * (columns + gap)
      return """
        <rect x="\(start)" width="\(columns)" height="\(rows)"/><svg x="\(start + inside.left)" y="\(inside.top)" \
        width="\(inside.columns)" height="\(inside.rows)" viewBox="\(left) \(top) \(inside.columns) \(inside.rows)">\
        <image href="\(Self.up)tiles/\(rule.rawValue)/\(address: layer.stem)/\(unit.number)\(panel.file.rawValue)\(stamp)" \
        width="\(all.columns)" height="\(all.rows)"/></svg>
        """
    }
    let wide = count * (columns + gap) - gap
    return """
      <svg class="\(max(rows, columns) <= 16 ? "tile pixels" : "tile")" \
      width="\((scale * Double(wide)).fixed(decimals: 0))" height="\((scale * Double(rows)).fixed(decimals: 0))" \
      viewBox="0 0 \(wide) \(rows)" role="img" aria-label="rank \(rank + 1): projection and patch">\(shown)</svg>
      """
  }

  private func whole(_ entry: RunView.Entry, _ extents: (rows: Int, columns: Int)) -> HTML {
    let height = 128
    let width = max(1, min(200, height * extents.columns / max(extents.rows, 1)))
    let box = entry.box
    return """
      <svg class="whole" width="\(width)" height="\(height)" viewBox="0 0 \(extents.columns) \(extents.rows)" role="img" \
      aria-label="the whole image; the field is rows \(box.top) to \(box.bottom), columns \(box.left) to \(box.right)">\
      <image href="\(Self.up)images/\(entry.image).webp\(stamp)" width="\(extents.columns)" height="\(extents.rows)"/>\
      <rect x="\(box.left)" y="\(box.top)" width="\(box.columns)" height="\(box.rows)"/></svg>
      """
  }

  // MARK: All images

  /// How its largest activations are spread over all images, with images that stand for each octave.
  private var spread: HTML? {
    guard !unit.isDead, let distribution = view.peaks.distributions[layer.value] else { return nil }
    let counts = Array(distribution.ledger.counts(of: unit.number))
    guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 })
    else { return nil }
    let most = Double(counts.max() ?? 1)
    let (wide, high) = (Double(last - first + 1), 100.0)
    let bars = (first...last).filter { counts[$0] > 0 }.map { bin in
      "M\(bin - first) 100V\((high * (1 - Double(counts[bin]) / most)).fixed(decimals: 1))h.9V100z"
    }.joined()
    let bands = distribution.samples(unit: unit.number).reversed().map { band -> HTML in
      "<dt>\(band.from.significant) to \((2 * band.from).significant)</dt><dd>\(images(band.images))</dd>"
    }
    let least = distribution.leastActive(unit: unit.number).map(\.image)
    let inactive = view.searched - distribution.ledger.active(unit: unit.number)
    return """
      <section><h2>All images</h2>
      <svg class="histogram" viewBox="0 0 \(wide.fixed(decimals: 0)) 100" preserveAspectRatio="none" role="img" \
      aria-label="Histogram of the largest activation in each image"><path d="\(bars)"/></svg>
      <p class="soft">How many images have each largest activation, from \(Self.edge(first)) to \(Self.edge(last + 1)), each bar a \
      sixteenth of an octave; \(inactive.counted("images")) do not make it active. Below, images drawn at random from each octave.</p>
      <dl class="bands">\(bands)<dt>least active</dt><dd>\(images(least))</dd></dl></section>
      """
  }

  /// The lower edge of a bin of the ledger.
  private static func edge(_ bin: Int) -> String { PeakLedger.edge(ofBin: bin).significant }

  private func images(_ ids: [Int]) -> HTML {
    let shown = ids.map { id -> HTML in
      """
      <img loading="lazy" height="72" src="\(Self.up)images/\(id).webp\(stamp)" alt="\(view.run.pictures.dataset.items[id].path)">
      """
    }
    return "\(shown)"
  }

  // MARK: Others

  private var alike: HTML? {
    let neighbours = view.neighbours(of: unit, in: layer).filter { scope.has($0.unit.number, of: layer) }
    guard !neighbours.isEmpty else { return nil }
    let links = neighbours.map { other, share -> HTML in
      "<li><a href=\"\(other.number).html\">unit \(other.number)</a> \(share.asShare) of their images in common</li>"
    }
    return "<section><h2>Excited by the same images</h2><ul>\(links)</ul></section>"
  }

  /// What it reads, what reads it, and whose filters are like its own.
  private var wired: HTML? {
    let wiring = view.wiring
    let lists = [
      ("Reads", wiring.read(by: unit.number, of: layer.name), "of its filter's energy"),
      ("Is read by", wiring.reading(unit.number, of: layer.name), "of that filter's energy"),
      ("Has a filter like that of", wiring.similar(to: unit.number, of: layer.name), "cosine"),
    ].compactMap { title, links, what -> HTML? in
      let shown = links.compactMap { link -> HTML? in
        guard let other = view.layers.first(where: { $0.name == link.layer }), scope.has(link.unit, of: other)
        else { return nil }
        let share = what == "cosine" ? link.share.fixed(decimals: 2) : link.share.asShare
        return """
          <li><a href="../\(address: other.stem)/\(link.unit).html">\(link.layer) unit \(link.unit)</a> \(share)</li>
          """
      }
      return shown.isEmpty
        ? nil : "<div><h3>\(title)</h3><p class=\"soft\">\(what)</p><ul>\(shown)</ul></div>"
    }
    guard !lists.isEmpty else { return nil }
    return """
      <section><h2>Wiring</h2><p class="soft">A filter's energy is the sum of its squared weights; a share below zero says that these \
      weights sum to less than zero, so that the other unit holds it down.</p><div class="panes">\(lists)</div></section>
      """
  }

  private var controls: HTML? {
    guard !scope.isCopy, !unit.isDead else { return nil }
    return """
      <p><a href="\(Self.up)controls/\(address: layer.stem)/\(file(rule))">Controls</a>: what the projections would be with another \
      image's switches, for another unit, or with shuffled weights.</p>
      """
  }

  private var taking: HTML {
    let name = "\(layer.name):\(unit.number)"
    guard !scope.isCopy else {
      return "<section><h2>Take it away</h2><pre>\(Self.command(of: view, [name], rule))</pre></section>"
    }
    let data: HTML = """
      <p><a href="\(Self.up)api/layers/\(address: layer.stem)/units/\(unit.number).json">JSON</a> · \
      <a href="\(Self.up)tiles/\(rule.rawValue)/\(address: layer.stem)/\(unit.number).jpg">projections</a> · \
      <a href="\(Self.up)tiles/\(rule.rawValue)/\(address: layer.stem)/\(unit.number).webp">patches</a> · \
      <a href="\(Self.up)arrays/\(rule.rawValue)/\(address: layer.stem)/\(unit.number).safetensors">arrays</a></p>
      """
    guard !unit.isDead, view.progress == nil else { return "<section><h2>Take it away</h2>\(data)</section>" }
    return Self.figures(of: view, units: [name], rule: rule, up: Self.up, beside: data)
  }

  /// Units as a figure for paper, in each of its formats, and the line that draws it.
  static func figures(
    of view: RunView, units: [String], rule: RectifierRule, up: String, beside data: HTML? = nil
  ) -> HTML {
    let query: HTML = "units=\(address: units.joined(separator: " "))&amp;rule=\(rule.rawValue)"
    let links = ["svg", "png", "pdf"].map { ending -> HTML in
      "<a href=\"\(up)figures/units.\(ending)?\(query)\">\(ending.uppercased())</a>"
    }
    return """
      <section><h2>Take it away</h2>\(data)<p>As a figure: \(links)</p><pre>\(command(of: view, units, rule))</pre></section>
      """
  }

  private static func command(of view: RunView, _ units: [String], _ rule: RectifierRule) -> String {
    let words = ["switchback", "figure", view.run.folder, "--units"] + units
    return words.map(\.quotedForShell).joined(separator: " ")
      + (rule == view.run.rule ? "" : " --rule \(rule.rawValue)") + " --width 170mm --out units.pdf"
  }
}

extension RectifierRule {
  /// In the order of the keys that lead to them.
  fileprivate static let inOrder: [Self] = [.deconvnet, .gradient, .guided]
}
