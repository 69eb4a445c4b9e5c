package import Figures
package import Images

/// The paper's figure 6: models side by side, first-layer filters above, second-layer projections below, and what is
/// found wrong.
package enum DiagnosisSheet {
  /// A model's column: its first-layer filters on one scale and each on its own, none where they are no colours, and its
  /// second layer's projections.
  package typealias Column = (
    report: DiagnosisReport, common: [Picture], own: [Picture], projections: [Picture]
  )

  private static let (side, margin, gap) = (400, 28, 36)

  /// The sheet, as wide as its models need.
  package static func drawing(title: String, columns: [Column]) throws(ImageError) -> Drawing {
    let captions = ["layer 1, one scale for all", "layer 1, each on its own scale", "layer 2, projections"]
    let tiles = columns.map { [$0.common, $0.own, $0.projections] }
    var pictures: [[Picture]] = []
    for tiles in tiles {
      pictures.append(
        try tiles.map { tiles throws(ImageError) in try FilterGrid.picture(of: tiles, side: side) })
    }
    let heights = captions.indices.map { row in pictures.map { $0[row].rows }.max() ?? 0 }
    let lines = columns.map { Self.lines(of: $0.report) }
    let tableTop = margin + 96 + heights.reduce(0) { $0 + $1 + 34 }
    var drawing = Drawing(
      rows: tableTop + (lines.map(\.count).max() ?? 0) * 18 + margin + 24,
      columns: max(2 * margin + columns.count * side + (columns.count - 1) * gap, 640), title: title,
      description: "first-layer filters, second-layer projections and findings of \(columns.count) models")
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    for (index, column) in columns.enumerated() {
      let left = margin + index * (side + gap)
      drawing.text(column.report.model, top: margin + 38, column: left, height: 15, bold: true)
      drawing.text(summary(column.report), top: margin + 60, column: left, height: 11, .soft)
      var top = margin + 84
      for (row, caption) in captions.enumerated() {
        let isShown = !tiles[index][row].isEmpty
        drawing.text(caption + (isShown ? "" : ": none to show"), top: top, column: left, height: 12, .soft)
        if isShown { drawing.picture(pictures[index][row], top: top + 18, left: left) }
        top += heights[row] + 34
      }
      draw(lines[index], top: tableTop, left: left, into: &drawing)
    }
    return drawing
  }

  private static func summary(_ report: DiagnosisReport) -> String {
    var parts = ["\(report.pictures) pictures"]
    if let first = report.first { parts.append("layer 1 folds \(first.aboveLimit.rounded(decimals: 2))") }
    if let second = report.second { parts.append("aliasing \(second.aboveLimit.rounded(decimals: 2))") }
    return parts.joined(separator: " · ")
  }

  private static func draw(
    _ lines: [(verdict: Verdict, layer: String, text: String, value: String)], top: Int, left: Int,
    into drawing: inout Drawing
  ) {
    for (index, line) in lines.enumerated() {
      let row = top + index * 18
      drawing.box(top: Double(row + 1), left: Double(left), rows: 10, columns: 10, fill: line.verdict.colour)
      drawing.text(line.layer, top: row, column: left + 18, height: 11, bold: true)
      drawing.text(line.text, top: row, column: left + 84, height: 11)
      drawing.text(line.value, top: row, column: left + side, height: 11, .ink, .end)
    }
  }

  /// What is wrong, the worst first, and one line for all that is right.
  private static func lines(
    of report: DiagnosisReport
  ) -> [(verdict: Verdict, layer: String, text: String, value: String)] {
    let right = report.findings.count { $0.verdict == .ok }
    return report.wrong.map {
      (verdict: $0.verdict, layer: $0.layer, text: $0.measure.title, value: $0.value.percent)
    } + [(.ok, "", "\(right) of \(report.findings.count) measures are ok", "")]
  }

  /// Every finding of every model, as a table.
  package static func table(of reports: [DiagnosisReport]) -> ResultTable {
    ResultTable(
      headings: [
        "model", "layer", "measure", "value", "verdict", "watch", "trouble", "what was found", "remedy",
        "units",
      ],
      rows: reports.flatMap { report in
        report.findings.map { finding in
          let thresholds = finding.measure.thresholds
          let sign = finding.measure.isBadWhenLow ? "below " : "above "
          return [
            report.model, finding.layer, finding.measure.title, finding.value.percent,
            finding.verdict.rawValue, sign + thresholds.watch.percent, sign + thresholds.trouble.percent,
            finding.text, finding.remedy ?? "",
            finding.units.prefix(24).map(String.init).joined(separator: " "),
          ]
        }
      })
  }
}

extension Verdict {
  /// Green, amber, red, each darker than the one before.
  fileprivate var colour: Colour {
    switch self {
    case .ok: Colour(90, 170, 110)
    case .watch: Colour(235, 160, 30)
    case .trouble: Colour(190, 30, 45)
    }
  }
}
