package import Figures

/// The paper's table 3 for any variants: as rows, and drawn.
extension AblationTable {
  /// A row a variant, errors in percent.
  package var lines: ResultTable {
    let hasPublished = rows.contains { $0.published != nil }
    let columns = Column.allCases
    let headings =
      ["variant", "architecture"] + columns.map { "\($0.title) error %" }
      + (hasPublished ? ["published"] : []) + ["parameters", "MACs", "seeds", "training"]
    let lines = rows.map { row in
      let errors = columns.map { column in
        column.value(of: row.mean).fixed(decimals: 1)
          + (row.deviation.map { " ± " + column.value(of: $0).fixed(decimals: 1) } ?? "")
      }
      let published = row.published.map { errors in
        columns.map { $0.value(of: errors).fixed(decimals: 1) }.joined(separator: " / ")
      }
      return [row.name, row.base] + errors + (hasPublished ? [published ?? ""] : [])
        + [
          Self.millions(row.cost.parameters), Self.millions(row.cost.multiplyAccumulates),
          "\(row.outcomes.count)",
          Listener.Progress.time(row.seconds),
        ]
    }
    return ResultTable(headings: headings, rows: lines)
  }

  /// A row an error: how far the variants stand in the published order.
  package var agreementLines: ResultTable {
    ResultTable(
      headings: ["error", "pairs in the published order", "rank correlation", "the other way round"],
      rows: agreement.map { agreement in
        [
          agreement.column.title, "\(agreement.inOrder) of \(agreement.pairs)",
          agreement.rankCorrelation.map { "\($0.rounded(decimals: 2))" } ?? "",
          agreement.swaps.map { swap in
            "\(swap.better) < \(swap.worse)"
              + (swap.isWithinSpread == true ? " (within the seeds' spread)" : "")
          }.joined(separator: "; "),
        ]
      })
  }

  private static func millions(_ count: Int) -> String {
    count < 1_000_000
      ? "\((Double(count) / 1e3).fixed(decimals: 1)) k" : "\((Double(count) / 1e6).fixed(decimals: 1)) M"
  }

  /// The errors as bars, a group a variant, with their deviations; the published ones as marks beside them.
  package func drawing(title: String) -> Drawing {
    let columns = Column.allCases
    let (margin, left, wide, group) = (24.0, 230.0, 500.0, 62.0)
    let (top, high) = (margin + 76, group * Double(rows.count))
    let hasPublished = rows.contains { $0.published != nil }
    let seeds = rows.map(\.outcomes.count).max() ?? 0
    let numbers = left + wide + 120
    var drawing = Drawing(
      rows: Int(top + high + 76), columns: 960, title: title,
      description: "Errors of \(rows.count) variants in percent, with deviations over seeds")
    drawing.text(title, top: margin, column: margin, height: 18, bold: true)
    let values = rows.flatMap { row in
      columns.flatMap { column in
        [row.mean, row.published].compactMap { $0.map(column.value) }
          + [column.value(of: row.mean) + (row.deviation.map(column.value) ?? 0)]
      }
    }
    let axis = Axis([0, max(values.max() ?? 0, 1)], within: nil)
    func place(_ value: Double) -> Double { left + wide * axis.share(value) }
    for tick in axis.ticks {
      drawing.line([(top, place(tick)), (top + high, place(tick))], .line)
      drawing.text(axis.label(tick), top: top + high + 6, column: place(tick), height: 11, .soft, .middle)
    }
    drawing.text("error, %", top: top + high + 24, column: left + wide / 2, height: 11, .soft, .middle)
    for (index, column) in columns.enumerated() {
      let start = left + Double(index) * 120
      drawing.box(top: margin + 34, left: start, rows: 10, columns: 10, fill: .kind(index))
      drawing.text(column.title, top: margin + 33, column: start + 16, height: 11)
    }
    drawing.text("error, %", top: top - 16, column: numbers, height: 11, .soft, .end)
    if hasPublished {
      drawing.box(top: margin + 34, left: left + 360, rows: 10, columns: 10, fill: .paper, stroke: .ink)
      drawing.text("published", top: margin + 33, column: left + 376, height: 11)
      drawing.text("published", top: top - 16, column: numbers + 76, height: 11, .soft, .end)
    }
    drawing.text(
      seeds > 1
        ? "Error bars: one standard deviation over \(seeds) seeds." : "One seed: the spread is not known.",
      top: top + high + 44, column: left, height: 12, .soft)
    for (number, row) in rows.enumerated() {
      let start = top + group * Double(number) + 6
      drawing.text(row.name, top: start + 8, column: left - 12, height: 13, bold: true, .ink, .end)
      drawing.text(row.base, top: start + 26, column: left - 12, height: 11, .soft, .end)
      for (index, column) in columns.enumerated() {
        let (line, value) = (start + Double(index) * 17, column.value(of: row.mean))
        drawing.box(top: line, left: left, rows: 13, columns: place(value) - left, fill: .kind(index))
        var text = value.fixed(decimals: 1)
        if let deviation = row.deviation.map(column.value) {
          let (low, far) = (place(max(value - deviation, 0)), place(value + deviation))
          drawing.line([(line + 6.5, low), (line + 6.5, far)], .ink, width: 1.5)
          for edge in [low, far] { drawing.line([(line + 3, edge), (line + 10, edge)], .ink, width: 1.5) }
          text += " ± " + deviation.fixed(decimals: 1)
        }
        drawing.text(text, top: line + 1, column: numbers, height: 11, .ink, .end)
        if let published = row.published.map(column.value) {
          drawing.box(
            top: line + 2.5, left: place(published) - 4, rows: 8, columns: 8, fill: .paper, stroke: .ink)
          drawing.text(
            published.fixed(decimals: 1), top: line + 1, column: numbers + 76, height: 11, .soft, .end)
        }
      }
    }
    return drawing
  }
}
