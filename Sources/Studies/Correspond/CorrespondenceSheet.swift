internal import Figures
internal import Images

/// The paper's figure 8 and table 1: pictures with a part masked, a row a part, and how alike the changes are.
struct CorrespondenceSheet: Sendable {
  /// A part's row.
  struct Part: Sendable {
    var name: String
    /// The pictures as the network sees them, the part masked.
    var pictures: [Picture]
  }

  var title: String
  var parts: [Part]
  var table: CorrespondenceTable

  /// The table with a row a part and layer.
  static func table(_ table: CorrespondenceTable) -> ResultTable {
    func short(_ value: Double) -> String { "\(value.rounded(decimals: 4))" }
    return ResultTable(
      headings: [
        "part", "layer", "delta", "deviation", "random", "random deviation", "p", "difference, 95 %",
      ],
      rows: table.rows.map { row in
        [
          row.part, row.layer, short(row.delta), short(row.deviation), short(row.random),
          short(row.randomDeviation), short(row.p), row.interval.map(short).joined(separator: " to "),
        ]
      })
  }

  /// The sheet, as large as its rows need.
  func drawing() throws(ImageError) -> Drawing {
    let (tile, margin) = (120, 28)
    let across = min(parts.map(\.pictures.count).max() ?? 1, 10)
    let lines = Self.table(table)
    let tops = margin + 56 + parts.count * (tile + 30)
    let widths = [150, 110, 80, 90, 80, 130, 70, 150]
    var drawing = Drawing(
      rows: tops + 40 + (lines.rows.count + 1) * 20,
      columns: max(2 * margin + across * (tile + 4), 2 * margin + widths.reduce(0, +)), title: title,
      description:
        "Pictures with each part masked, and the Hamming distances between the changes of their features")
    drawing.text(title, top: Double(margin), column: Double(margin), height: 20, bold: true)
    for (index, part) in parts.enumerated() {
      let top = margin + 46 + index * (tile + 30)
      drawing.text(part.name, top: Double(top), column: Double(margin), height: 12, bold: true)
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
          cell, top: Double(tops + 10 + index * 20), column: Double(column), height: 12, bold: index == 0,
          index == 0 ? .ink : .soft)
        column += width
      }
    }
    return drawing
  }
}
