internal import Figures
internal import Images

extension CorrespondenceTable {
  /// A row a part and layer.
  var lines: ResultTable {
    func short(_ value: Double) -> String { "\(value.rounded(decimals: 4))" }
    return ResultTable(
      headings: [
        "part", "layer", "delta", "deviation", "random", "random deviation", "p", "difference, 95 %",
      ],
      rows: rows.map { row in
        [
          row.part, row.layer, short(row.delta), short(row.deviation), short(row.random),
          short(row.randomDeviation), short(row.p), row.interval.map(short).joined(separator: " to "),
        ]
      })
  }

  /// The paper's figure 8 and table 1: the pictures as the network sees them with a part masked, a row a part, and how alike
  /// the changes are.
  func drawing(
    title: String, parts: [(name: String, pictures: [Picture])]
  ) throws(ImageError) -> Drawing {
    let (tile, margin) = (120, 28)
    let across = min(parts.map(\.pictures.count).max() ?? 1, 10)
    let lines = lines
    let tops = margin + 56 + parts.count * (tile + 30)
    let widths = [150, 110, 80, 90, 80, 130, 70, 150]
    var drawing = Drawing(
      rows: tops + 40 + (lines.rows.count + 1) * 20,
      columns: max(2 * margin + across * (tile + 4), 2 * margin + widths.reduce(0, +)), title: title,
      description:
        "Pictures with each part masked, and the Hamming distances between the changes of their features")
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    for (index, part) in parts.enumerated() {
      let top = margin + 46 + index * (tile + 30)
      drawing.text(part.name, top: top, column: margin, height: 12, bold: true)
      for (place, picture) in part.pictures.prefix(across).enumerated() {
        drawing.picture(
          try picture.resized(rows: tile, columns: tile, by: .lanczos), top: top + 18,
          left: margin + place * (tile + 4))
      }
    }
    for (index, row) in ([lines.headings] + lines.rows).enumerated() {
      var column = margin
      for (cell, width) in zip(row, widths) {
        drawing.text(
          cell, top: tops + 10 + index * 20, column: column, height: 12, bold: index == 0,
          index == 0 ? .ink : .soft)
        column += width
      }
    }
    return drawing
  }
}
