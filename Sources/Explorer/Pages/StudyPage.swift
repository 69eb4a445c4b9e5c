internal import Figures
internal import Studies

/// What another study found: its figures, the units of which it speaks, and its tables.
struct StudyPage {
  let view: RunView
  let study: StudyRun
  var scope = Scope.served

  var page: Page {
    Page(
      title: "\(study.title) · \(view.title)", depth: 1, links: [("up", "../index.html")], body: body)
  }

  private var body: HTML {
    let figures = study.figures.map { figure -> HTML in
      let file: HTML = "\(address: study.name)/\(address: figure.name).svg"
      return """
        <figure><a href="\(file)"><img src="\(file)" loading="lazy" width="\(figure.columns)" height="\(figure.rows)" \
        alt="\(figure.name)"></a></figure>
        """
    }
    let tables = study.tables.map { name, table -> HTML in
      let layers = table.headings.firstIndex(of: "layer")
      let headings = table.headings.map { heading -> HTML in "<th scope=\"col\">\(heading)</th>" }
      let rows = table.rows.map { row -> HTML in
        let cells = row.enumerated().map { column, text -> HTML in
          column == layers ? "<td>\(linked(layer: text))</td>" : "<td>\(text)</td>"
        }
        return "<tr>\(cells)</tr>"
      }
      return """
        <section><h2>\(name)</h2><div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead><tr>\(headings)</tr></thead><tbody>\(rows)</tbody></table></div>\
        </section>
        """
    }
    return """
      <h1>\(study.title)</h1><p class="soft">\(study.folder)</p>
      \(figures)
      \(mentions)
      \(tables)
      """
  }

  private var mentions: HTML? {
    let lines = study.mentions.compactMap { mention -> HTML? in
      guard let layer = view.layers.first(where: { $0.name == mention.layer }), scope.has(layer) else {
        return nil
      }
      let units = mention.units.filter { layer.units.indices.contains($0) && scope.has($0, of: layer) }
      let links = units.map { unit -> HTML in
        "<a href=\"../units/\(address: layer.stem)/\(unit).html\">\(layer.name) unit \(unit)</a>"
      }
      return "<li>\(links.isEmpty ? [linked(layer: layer.name)] : links) \(mention.text)</li>"
    }
    return lines.isEmpty
      ? nil : "<section><h2>Units of which it speaks</h2><ul class=\"columns\">\(lines)</ul></section>"
  }

  private func linked(layer name: String) -> HTML {
    guard let layer = view.layers.first(where: { $0.name == name }), scope.has(layer) else {
      return "\(name)"
    }
    return "<a href=\"../layers/\(address: layer.stem).html\">\(name)</a>"
  }
}
