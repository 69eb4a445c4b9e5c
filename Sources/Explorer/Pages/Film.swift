internal import Datasets
internal import Figures
internal import Peaks
internal import Studies

/// A unit at the epochs of training: frames of its film on a page.
struct Film {
  let epochs: Epochs
  let layer: RunView.Layer
  let unit: Int
  /// What stands behind its pictures' addresses.
  let stamp: HTML

  /// A frame: the patch that excited it most at an epoch, and beside that its projection.
  ///
  /// - Parameters:
  ///   - place: The epoch's place among those searched.
  ///   - folder: The way to the run's pages.
  ///   - side: How long the longer side of a tile is shown.
  /// - Returns: A picture that is a part of the film.
  func frame(_ place: Int, folder: HTML, side: Int) -> HTML {
    let atlas = Atlas.film(of: layer, frames: epochs.numbers.count)
    let corner = atlas.corner(place)
    let (rows, columns) = (atlas.tile.rows, 2 * atlas.tile.columns)
    let scale = Double(side) / Double(max(rows, columns / 2))
    return """
      <svg width="\((scale * Double(columns)).fixed(decimals: 0))" height="\((scale * Double(rows)).fixed(decimals: 0))" \
      viewBox="\(corner.column) \(corner.row) \(columns) \(rows)" role="img" \
      aria-label="epoch \(epochs.numbers[place]): patch and projection"><image \
      href="\(folder)epochs/\(address: layer.stem)/\(unit).jpg\(stamp)" width="\(atlas.columns)" height="\(atlas.rows)"/></svg>
      """
  }

  /// Every epoch in order, one of them chosen.
  func section(chosen epoch: Int?, folder: HTML) -> HTML {
    let moments = epochs.moments(of: unit, in: layer)
    let place = epoch.flatMap { epochs.numbers.firstIndex(of: $0) } ?? epochs.numbers.count - 1
    let now: HTML = " class=\"now\""
    let frames = moments.enumerated().map { index, moment -> HTML in
      let isNew = index > 0 && moment.path != moments[index - 1].path && moment.path != nil
      let said: HTML =
        moment.peak.map { peak in
          "\(Double(peak.value).significant)\(isNew ? " · another image" : "")<br>\(moment.path ?? "")"
        } ?? "inactive"
      return """
        <figure id="e\(moment.epoch)"\(index == place ? now : .none)>\(frame(index, folder: folder, side: 96))
        <figcaption><a href="?epoch=\(moment.epoch)">epoch \(moment.epoch)</a> \(said)</figcaption></figure>
        """
    }
    let steady = epochs.steady(unit, in: layer).map { "The same image excites it most since epoch \($0)." }
    return """
      <section id="epochs"><h2>Through training</h2>
      <p class="soft">At each saved epoch: the image of \(epochs.run.pictures.dataset.title) that excited it most, and that \
      activation projected back. \(steady ?? "It is inactive in the end.")</p>
      \(EpochSlider(epochs: epochs, place: place).control)
      <div class="film">\(frames)</div></section>
      """
  }
}

/// The slider of a page that is shown at an epoch.
struct EpochSlider {
  let epochs: Epochs
  let place: Int

  /// Hidden until the script is there, without which links lead to each epoch.
  var control: HTML {
    let ticks = epochs.numbers.indices.map { index -> HTML in
      "<option value=\"\(index)\" label=\"\(epochs.numbers[index])\"></option>"
    }
    return """
      <p class="controls" id="slider" hidden data-epochs="\(epochs.numbers.map(String.init).joined(separator: " "))">
      <label>Epoch <input type="range" min="0" max="\(epochs.numbers.count - 1)" step="1" value="\(place)" list="ticks"></label>
      <output>\(epochs.numbers[place])</output><datalist id="ticks">\(ticks)</datalist></p>
      """
  }
}
