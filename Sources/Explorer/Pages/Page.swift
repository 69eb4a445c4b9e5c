internal import Figures

/// What every page has around its own: the way home, the layers, a search.
struct Page {
  let title: String
  /// How many folders the page lies below the first.
  let depth: Int
  /// The pages before and after it, up, and others that keys lead to: `rel` and address each.
  var links: [(rel: String, address: String)] = []
  /// Style sheets beside the explorer's own, by address.
  var styles: [String] = []
  let body: HTML

  /// The way from a page to the explorer's own folder.
  static func up(_ depth: Int) -> String { String(repeating: "../", count: depth) }

  func html(of view: RunView, in scope: Scope) -> HTML {
    let up = Self.up(depth)
    let stamp = scope.isCopy ? HTML.none : view.stamp
    let links = links.map { link -> HTML in
      "<link rel=\"\(link.rel)\" href=\"\(address: link.address)\">"
    }
    let styles = (["\(up)explorer.css"] + styles).map { style -> HTML in
      "<link rel=\"stylesheet\" href=\"\(address: style)\(stamp)\">"
    }
    let layers = view.layers.filter(scope.has).map { layer -> HTML in
      "<a href=\"\(up)layers/\(address: layer.stem).html\">\(layer.name)</a>"
    }
    let served: HTML =
      scope.isCopy
      ? .none
      : """
      \(view.name == nil ? HTML.none : "<a href=\"\(up)../../index.html\">First run</a>")
      <a href="\(up)live.html">Your image</a> <a href="\(up)compare.html">Compare</a> <a href="\(up)game.html">Play</a>
      <form action="\(up)search.html" role="search"><input type="search" name="q" aria-label="Search units, layers and classes" \
      placeholder="conv5:17, a layer, a class"></form>
      """
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      \(styles)
      \(links)
      <link rel="icon" href="\(up)explorer.svg\(stamp)">
      <script src="\(up)explorer.js\(stamp)" defer></script>
      </head>
      <body>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="top"><a class="home" href="\(up)index.html">\(view.title)</a>
      <nav aria-label="Layers">\(layers)</nav>
      \(served)</header>
      \(Self.progress(of: view, up))
      <main id="main">
      \(body)
      </main>
      \(Self.keys(in: scope))
      </body>
      </html>

      """
  }
}

extension Page {
  /// The list of keys: a copy has fewer.
  private static func keys(in scope: Scope) -> HTML {
    let moving: [(String, String)] = [
      ("← →", "the unit before, the next"), ("u", "up: from a unit to its layer, from a layer home"),
      ("r", "any unit"), (", .", "the epoch before, the next"),
    ]
    let asking: [(String, String)] = [
      ("1 2 3", "rules: deconvnet, gradient, guided"),
      ("[ ] o", "your image: the layer before, the next; hide what is under the pointer"),
      ("p", "pin the unit"),
      ("c x", "compare with the unit pinned last; the sides in turn at one place"),
      ("n", "the next question"),
      ("/", "search"),
    ]
    let lines = (moving + (scope.isCopy ? [] : asking) + [("?", "this list")]).map { key, meaning -> HTML in
      "<dt>\(key)</dt><dd>\(meaning)</dd>"
    }
    return """
      <dialog id="keys" aria-label="Keys"><h2>Keys</h2><dl>\(lines)</dl><form method="dialog"><button>Close</button></form></dialog>
      """
  }

  /// How far the search of a run is that is under way.
  private static func progress(of view: RunView, _ up: String) -> HTML? {
    view.progress.map { done, all in
      """
      <p class="progress" id="progress" data-done="\(done)" data-run="\(up)api/run.json">Searched \(done) of \
      \(all.counted("images")) so far: what is shown is of these. <a href="">Look again</a> Where no search is under way, this goes on with it: \
      <code>\(view.command)</code></p>
      """
    }
  }
}

extension Double {
  /// A share as a reader takes it in.
  var asShare: String { "\((100 * self).significant)%" }
}
