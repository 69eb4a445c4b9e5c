internal import Datasets
internal import Figures
internal import Kernels
internal import Studies
internal import Tensors

/// The network as its layers in order, each with a strip of its most telling units.
struct HomePage {
  let view: RunView
  let notes: [Notebook.Note]
  var scope = Scope.served

  private var stamp: HTML { scope.isCopy ? .none : view.stamp }

  var page: Page { Page(title: "\(view.title) · units", depth: 0, body: body) }

  private var body: HTML {
    let input = view.study.subject.input
    let longest = Double(max(input.rows, input.columns, 1))
    let layers = view.layers.filter(scope.has).map { layer -> HTML in
      // The field beside the whole input, both to scale.
      let side = 48.0
      let (rows, columns) = (
        side * min(Double(layer.field.rows), longest) / longest,
        side * min(Double(layer.field.columns), longest) / longest
      )
      let link: HTML = "layers/\(address: layer.stem).html"
      let strip = Atlas.strip(of: layer, in: scope).map { strip -> HTML in
        let units = strip.units.enumerated().map { place, unit -> HTML in
          """
          <a href="units/\(address: layer.stem)/\(unit).html"><rect x="\(strip.corner(place).column)" y="0" \
          width="\(2 * strip.tile.columns)" height="\(strip.tile.rows)"><title>\(layer.name), unit \(unit)</title></rect></a>
          """
        }
        return """
          <div class="strip"><img loading="lazy" \
          src="atlases/\(view.run.rule.rawValue)/\(address: layer.stem)/strip.jpg\(stamp)" width="\(strip.columns)" \
          height="\(strip.rows)" alt="Units \(strip.units.map(String.init).joined(separator: ", ")): each its strongest \
          patch and beside it the projection"><svg width="\(strip.columns)" height="\(strip.rows)">\(units)</svg></div>
          """
      }
      return """
        <section class="layer"><h2><a href="\(link)">\(layer.name)</a></h2>
        <p><svg class="field" width="50" height="50" viewBox="-1 -1 50 50" role="img" aria-label="Receptive field \
        \(layer.field.rows) x \(layer.field.columns) of the input's \(input.rows) x \(input.columns)">\
        <rect width="48" height="48"/><rect class="seen" width="\(columns.fixed(decimals: 1))" \
        height="\(rows.fixed(decimals: 1))"/></svg>
        <span>\(layer.units.count.counted("units")) of \(layer.map.rows) x \(layer.map.columns), each seeing \(layer.field.rows) x \
        \(layer.field.columns) pixels\(layer.dead > 0 ? "; \(layer.dead) never active" : "")</span></p>
        \(strip)</section>
        """
    }
    let classes = view.run.pictures.dataset.classNames ?? []
    let found: HTML? =
      classes.isEmpty || scope.isCopy
      ? nil
      : """
      <section><h2>Classes</h2><p class="classes">\(classes.prefix(200).map { name -> HTML in
        "<a href=\"search.html?q=\(address: name)\">\(name)</a>"
      })\(classes.count > 200 ? " and \(classes.count - 200) more: search for them" : "")</p></section>
      """
    let live: HTML? =
      scope.isCopy
      ? nil
      : """
      <p class="well"><a href="live.html">Drop an image of yours</a>: which units it excites, where, and what each of them saw.</p>
      """
    return """
      <h1>\(view.title)</h1>
      <p>\(view.layers.reduce(0) { $0 + $1.units.count }.counted("units")) in \(view.layers.count.counted("layers")), searched over \
      \(view.searched.counted("images")) of \(view.run.pictures.dataset.title). A strip shows a layer's most selective units: of each \
      the patch that excites it most, and that activation projected back to pixels by the rule \(view.run.rule.rawValue).</p>
      \(live)
      \(layers)
      \(found)
      \(pinned)
      \(beside)
      <section><h2>Again</h2><pre>\(view.command)</pre></section>
      """
  }

  /// Units that were pinned or written about.
  private var pinned: HTML? {
    let lines = notes.compactMap { note -> HTML? in
      let layer = view.layers.first { $0.name == note.layer }
      return layer.map { scope.has(note.unit, of: $0) } == true ? note.line(in: view) : nil
    }
    return lines.isEmpty ? nil : "<section><h2>Pinned and noted</h2><ul>\(lines)</ul></section>"
  }

  /// Other runs.
  private var beside: HTML? {
    let studies = view.studies.map { study -> HTML in
      "<li><a href=\"runs/\(address: study.name).html\">\(study.title)</a> <small>\(study.name)</small></li>"
    }
    let others =
      scope.isCopy
      ? []
      : view.others.map { other -> HTML in
        """
        <li><a href="with/\(address: other.name)/index.html">Units of \(other.title)</a> <small>\(other.name)</small> · \
        <a href="compare.html?a=/&amp;b=\(address: other.name)/">compare</a></li>
        """
      }
    guard !studies.isEmpty || !others.isEmpty else { return nil }
    return "<section><h2>Other runs</h2><ul>\(others + studies)</ul></section>"
  }
}
