/// The page of a run: one file that a browser opens from the disk, with no server and nothing from elsewhere.
public struct RunPage: Sendable {
  /// A part of the page.
  public struct Section: Sendable {
    /// What it shows.
    public enum Body: Sendable {
      /// Figures of the run's folder, `FILE.svg` by relative path, each with a size and a description.
      case figures([(file: String, columns: Int, rows: Int, description: String)])
      /// The units of a layer as cards.
      case gallery(UnitGallery)
      /// Rows of cells under a heading each; folded until opened.
      case table(headings: [String], rows: [[String]])
      case text(String)
      /// A line that makes it, as it is typed.
      case command(String)
      /// Another page by relative path.
      case link(text: String, page: String)
    }

    public var title: String
    public var bodies: [Body]

    /// A titled part of the page.
    public init(title: String, bodies: [Body]) {
      self.title = title
      self.bodies = bodies
    }
  }

  public var title: String
  /// Facts of the run: a name and a value each.
  public var facts: [(String, String)]
  public var sections: [Section]

  /// A page: its title, facts of the run as names and values, and its sections in order.
  public init(title: String, facts: [(String, String)], sections: [Section]) {
    self.title = title
    self.facts = facts
    self.sections = sections
  }

  /// The page as one HTML file that needs no other but the figures it names.
  public func html() -> String {
    let links = sections.enumerated().map { index, section in
      "<a href=\"#s\(index)\">\(section.title.escapedForMarkup)</a>"
    }
    let facts = facts.map { "<dt>\($0.0.escapedForMarkup)</dt><dd>\($0.1.escapedForMarkup)</dd>" }
    let sections = sections.enumerated().map { index, section in
      "<section id=\"s\(index)\"><h2>\(section.title.escapedForMarkup)</h2>\n"
        + section.bodies.map(Self.html).joined(separator: "\n") + "\n</section>"
    }
    let hasGallery = self.sections.contains { section in
      section.bodies.contains { if case .gallery = $0 { true } else { false } }
    }
    return Self.document(
      title: title, style: Self.style + (hasGallery ? "\n" + UnitGallery.style : ""),
      body: """
        <header><h1>\(title.escapedForMarkup)</h1><dl>\(facts.joined())</dl></header>
        <nav aria-label="Sections">\(links.joined(separator: " "))</nav>
        <main>
        \(sections.joined(separator: "\n"))
        </main>
        <script>\(Self.script)\(hasGallery ? "\n" + UnitGallery.script : "")</script>
        """)
  }

  /// A whole HTML file, given its title as text, and its style and body as they are.
  static func document(title: String, style: String, body: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(title.escapedForMarkup)</title>
    <style>\(style)</style>
    </head>
    <body>
    \(body)
    </body>
    </html>

    """
  }

  private static func html(_ body: Section.Body) -> String {
    switch body {
    case .figures(let figures): return figures.map(html).joined(separator: "\n")
    case .gallery(let gallery): return gallery.placeholder()
    case .table(let headings, let rows):
      let head = headings.map { "<th scope=\"col\">\($0.escapedForMarkup)</th>" }.joined()
      let lines = rows.map { row in
        "<tr>" + row.map { "<td>\($0.escapedForMarkup)</td>" }.joined() + "</tr>"
      }
      return "<details><summary>Table, \(rows.count.counted("rows"))</summary><label>Filter "
        + "<input type=\"search\" class=\"filter\"></label><div class=\"wide\"><table><thead><tr>\(head)</tr></thead>"
        + "<tbody>\(lines.joined(separator: "\n"))</tbody></table></div></details>"
    case .text(let text): return "<p>\(text.escapedForMarkup)</p>"
    case .command(let line): return "<pre>\(line.escapedForMarkup)</pre>"
    case .link(let text, let page):
      return "<p><a href=\"\(page.escapedForAddress)\">\(text.escapedForMarkup)</a></p>"
    }
  }

  /// A figure that leads to its file alone.
  private static func html(
    _ figure: (file: String, columns: Int, rows: Int, description: String)
  ) -> String {
    let file = figure.file.escapedForAddress + ".svg"
    return
      "<a href=\"\(file)\"><img loading=\"lazy\" src=\"\(file)\" width=\"\(figure.columns)\" "
      + "height=\"\(figure.rows)\" alt=\"\(figure.description.escapedForMarkup)\"></a>"
  }

  package static let style = """
    :root{color-scheme:light dark;--ink:#1d1f21;--soft:#5c6166;--line:#d9dce0;--page:#fff;--band:#f5f6f7;--link:#0b57a4}
    @media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a7adb4;--line:#3a3f45;--page:#17191b;--band:#202327;--link:#8ab8f0}}
    body{margin:0 auto;max-width:76rem;padding:0 1.25rem 4rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page)}
    h1{margin:2rem 0 .5rem;font-size:1.7rem;line-height:1.2}h2{margin:2.5rem 0 .75rem;font-size:1.25rem}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0;color:var(--soft)}dd{margin:0;color:var(--ink);overflow-wrap:anywhere}
    nav{position:sticky;top:0;display:flex;gap:.25rem 1rem;overflow-x:auto;padding:.6rem 0;margin-top:1rem;background:var(--page);border-bottom:1px solid var(--line)}
    a{color:var(--link)}img{max-width:100%;height:auto;border:1px solid var(--line);border-radius:6px}
    details{margin-top:.75rem}summary{cursor:pointer;color:var(--soft)}.wide{overflow-x:auto}
    table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}th,td{padding:.25rem .75rem .25rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
    label{display:block;margin:.5rem 0;color:var(--soft)}input{font:inherit;padding:.2rem .5rem;border:1px solid var(--line);border-radius:4px;background:var(--band);color:var(--ink)}
    p{max-width:46rem;color:var(--soft)}pre{margin:.75rem 0;padding:.5rem .75rem;overflow-x:auto;font-size:.85rem;border:1px solid var(--line);border-radius:4px;background:var(--band)}
    """

  private static let script = """
    document.querySelectorAll('.filter').forEach(function(f){f.addEventListener('input',function(){
    var q=f.value.toLowerCase();f.closest('details').querySelectorAll('tbody tr').forEach(function(r){
    r.hidden=r.textContent.toLowerCase().indexOf(q)<0})})});
    """
}

extension String {
  /// The path as the address of a link.
  package var escapedForAddress: String {
    utf8.map { byte in
      let character = Character(UnicodeScalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber || "-._/".contains(character))
        ? String(character) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }
}
