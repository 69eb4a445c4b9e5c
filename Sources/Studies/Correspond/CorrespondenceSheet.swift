package import Figures
package import Images

extension CorrespondenceTable {
  /// A row a part and layer.
  package var lines: ResultTable {
    func short(_ value: Double) -> String { value.fixed(decimals: 4) }
    return ResultTable(
      headings: [
        "part", "layer", "delta", "deviation", "random", "random deviation", "p", "difference, 95%",
      ],
      rows: rows.map { row in
        [
          row.part, row.layer, short(row.delta), short(row.deviation), short(row.random),
          short(row.randomDeviation), short(row.p), row.interval.map(short).joined(separator: " to "),
        ]
      })
  }

  /// A part's pictures, one below the other, each with the box that is masked in it.
  package typealias Masked = (name: String, pictures: [(picture: Picture, box: Box?)])

  private static let (width, margin, gap) = (960, 24, 6)
  /// Pictures and masks that are shown; more would be too small to see.
  private static let (shownPictures, shownMasks) = (5, 10)

  /// The paper's figure 8 and table 1: pictures with each part masked, then how alike the changes are.
  ///
  /// - Parameters:
  ///   - title: The figure's title.
  ///   - masked: The pictures as they are, with each part masked, and with random masks: a column each.
  ///   - names: What the layers are called.
  /// - Returns: The figure.
  /// - Throws: `ImageError` where a picture cannot be resized.
  package func drawing(
    title: String, masked: [Masked], names: [String: String]
  ) throws(ImageError) -> Drawing {
    let (margin, gap, width) = (Self.margin, Self.gap, Self.width - 2 * Self.margin)
    let shown =
      masked.count > Self.shownMasks ? masked.prefix(Self.shownMasks - 1) + masked.suffix(1) : masked[...]
    let down = min(shown.map(\.pictures.count).max() ?? 0, Self.shownPictures)
    let tile = min(152, (width - gap * (shown.count - 1)) / max(shown.count, 1))
    let plot = plot(names).drawing(columns: width, title: title)
    let head = margin + 44
    let middle = head + 20 + down * (tile + gap) + 16
    let note = reading(left: masked.count - shown.count)
    let says = Drawing.wrapped(note, width: Double(width))
    var drawing = Drawing(
      rows: middle + plot.rows + 12 + says.count * 16 + margin, columns: Self.width, title: title,
      description:
        "Images with each part masked, and the Hamming distances between the changes of their features")
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    for (column, masked) in shown.enumerated() {
      let left = margin + column * (tile + gap)
      drawing.text(
        Drawing.fitted(masked.name, width: Double(tile)), top: head, column: left, height: 12)
      for (place, (picture, box)) in masked.pictures.prefix(down).enumerated() {
        let top = head + 20 + place * (tile + gap)
        drawing.picture(
          try picture.resized(rows: tile, columns: tile, by: .lanczos), top: top, left: left)
        guard let box else { continue }
        let (high, wide) = (Double(tile) / Double(picture.rows), Double(tile) / Double(picture.columns))
        let (first, near) = (max(Double(box.top) * high, 0), max(Double(box.left) * wide, 0))
        let (rows, columns) = (
          min(Double(box.bottom) * high, Double(tile)) - first,
          min(Double(box.right) * wide, Double(tile)) - near
        )
        // A part may lie wholly outside what the network sees.
        guard rows > 0, columns > 0 else { continue }
        drawing.box(
          top: Double(top) + first, left: Double(left) + near, rows: rows, columns: columns, stroke: .mark)
      }
    }
    drawing.add(plot, top: middle, left: margin)
    drawing.paragraph(
      note, top: Double(middle + plot.rows + 12), column: Double(margin),
      width: Double(width))
    return drawing
  }

  /// A group a layer, a line a part.
  private func plot(_ names: [String: String]) -> DotPlot {
    var layers: [String] = []
    for row in rows where !layers.contains(row.layer) { layers.append(row.layer) }
    func number(_ mean: Double, _ deviation: Double) -> String {
      "\(mean.fixed(decimals: 3)) ± \(deviation.fixed(decimals: 3))"
    }
    return DotPlot(
      groups: layers.map { layer in
        (
          title: "layer \(names[layer] ?? layer)",
          rows: rows.filter { $0.layer == layer }.map { row in
            let chance = 2 * row.randomDeviation
            return DotPlot.Row(
              label: row.part,
              dots: [
                DotPlot.Dot(
                  row.delta,
                  interval: row.interval.count == 2 && row.interval[0] <= row.interval[1]
                    ? row.random + row.interval[0]...row.random + row.interval[1] : nil)
              ], chance: (row.random - chance...row.random + chance, row.random),
              cells: [
                number(row.delta, row.deviation), number(row.random, row.randomDeviation),
                row.p.fixed(decimals: 3),
              ])
          }
        )
      }, kinds: ["part"],
      axis: "delta: share of features that change in different directions (left: more alike)",
      headings: ["delta", "random masks", "p"], bounds: 0...1)
  }

  private func reading(left: Int) -> String {
    "Square: delta of the part, the mean over pairs of images; line: where 95% of such means lie when images are drawn "
      + "with replacement. Grey band: delta of random masks as large, mean ± 2 standard deviations over \(draws) sets. A "
      + "square left of its band: the network treats this part alike in all images. p (one-sided): the share of sets of "
      + "random masks with a delta as low or lower, so p near 1 means that masking the part changes the features less "
      + "alike than random masks do."
      + (left > 0 ? " \(left) more parts are in the plot, but not among the images." : "")
  }
}
