internal import Files
internal import Kernels
internal import Studies

/// A place for an image of one's own: what it excites, and what each activation saw of it.
struct LivePage {
  let view: RunView

  var page: Page { Page(title: "Your image · \(view.title)", depth: 0, body: body) }

  private var body: HTML {
    let layers = view.layers.map { layer -> HTML in
      "<option value=\"\(layer.stem)\" data-typed=\"\(layer.name.quotedForShell)\">\(layer.name)</option>"
    }
    return """
      <h1>Your image</h1>
      <div id="live" data-rule="\(view.run.rule.rawValue)" data-model="\(view.study.subject.model.quotedForShell)">
      <div class="well" id="well"><label>Drop an image here, paste one, or choose a file: \
      <input type="file" id="file" accept="image/*"></label> <button type="button" id="webcam">Camera</button></div>
      <noscript><p>This page needs its script; the others do not.</p></noscript>
      <p id="said" role="status"></p>
      <div class="live" id="shown" hidden>
      <div><div class="stage" id="stage" tabindex="0" role="group" aria-label="The image: arrow keys choose where the unit\u{2019}s activation is carried back"><img id="seen" alt="what the network sees of the image">\
      <img id="map" alt="" hidden><div id="field"></div><div id="square" hidden></div></div>
      <p class="soft">What the network sees. Hover a unit for its map; press one to carry its strongest activation back; then press \
      the image, or use the arrow keys on it, to carry back the activation there.</p>
      <label><input type="checkbox" id="hiding"> hide the part under the pointer (o)</label></div>
      <div><div class="stage"><img id="projection" alt="the projection" hidden></div><p id="what"></p>
      <p id="array"></p><pre id="typed" hidden></pre></div>
      <div><h2>Classes</h2><div id="classes"></div></div>
      <div class="excited"><h2><label>Units of <select id="layer">\(layers)</select></label></h2>
      <p class="soft">By their activation as a share of the largest that any image of the run gave them.</p>
      <ol id="excited"></ol></div>
      </div></div>
      """
  }
}
