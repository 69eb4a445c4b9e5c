internal import Figures
internal import Studies

/// A question of the game, and how well its layers were told so far.
struct GamePage {
  let view: RunView
  let layer: RunView.Layer
  let round: Int
  let shown: Game.Shown
  let rounds: [Notebook.Round]

  var page: Page { Page(title: "Which one? · \(view.title)", depth: 0, body: body) }

  private var body: HTML {
    let layers = view.layers.map { choice -> HTML in
      "<option value=\"\(choice.stem)\"\(choice.stem == layer.stem ? " selected" : "")>\(choice.name)</option>"
    }
    let ways = Game.Shown.allCases.map { way -> HTML in
      "<option\(way == shown ? " selected" : "")>\(way.rawValue)</option>"
    }
    return """
      <h1>Which one?</h1>
      <p>Above, what excites one unit most. One of the four images below excites it too; the others excite other units of the \
      layer. By chance one answer in four is right.</p>
      <form class="controls"><label>Layer <select name="layer">\(layers)</select></label>
      <label>Show its <select name="show">\(ways)</select></label><button>Ask</button></form>
      \(question)
      \(scores)
      """
  }

  private var question: HTML {
    let next: HTML =
      "game.html?layer=\(address: layer.stem)&amp;show=\(shown.rawValue)&amp;round=\(round + 1)"
    guard let game = Game(round, of: layer) else {
      return
        "<p>Too few units of \(layer.name) are active for a question of this number. Ask for another.</p>"
    }
    let folder: HTML = "game/\(address: layer.stem)/\(round)/\(shown.rawValue)"
    let choices = game.choices.indices.map { place -> HTML in
      """
      <button type="button" data-choice="\(place)"><img src="\(folder)/\(place).jpg\(view.stamp)" alt="choice \(place + 1)"></button>
      """
    }
    return """
      <section id="game" data-layer="\(layer.stem)" data-round="\(round)" data-show="\(shown.rawValue)">
      <p><img src="\(folder)/references.jpg\(view.stamp)" alt="\(game.references.count) \(shown.rawValue) of a unit of \(layer.name)"></p>
      <div class="choices">\(choices)</div><p id="told" role="status"></p>
      <noscript><p>Answering needs the page's script.</p></noscript>
      <p><a rel="next" href="\(next)" data-key="n">Next question</a></p></section>
      """
  }

  private var scores: HTML? {
    let rows = view.layers.flatMap { layer in
      Game.scores(of: rounds, layer: layer.name).map { shown, right, count -> HTML in
        """
        <tr><td>\(layer.name)</td><td>\(shown.rawValue)</td><td>\(right) of \(count)</td>\
        <td>\((Double(right) / Double(count)).asShare)</td></tr>
        """
      }
    }
    return rows.isEmpty
      ? nil
      : """
      <section><h2>So far</h2><table><thead><tr><th scope="col">layer</th><th scope="col">shown</th>\
      <th scope="col">right</th><th scope="col">share</th></tr></thead><tbody>\(rows)</tbody></table></section>
      """
  }
}
