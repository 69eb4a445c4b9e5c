package import Figures
package import Images

/// The paper's figure 6: first-layer filters, second-layer projections, and what is found about them: models side by side,
/// or the grids of one.
package enum DiagnosisSheet {
  /// A model's part: its first-layer filters on one scale and each on its own, none where they are no colours, and some
  /// projections of its second layer, each with its unit.
  package typealias Column = (
    report: DiagnosisReport, common: [Picture], own: [Picture], projections: [(unit: Int, picture: Picture)]
  )

  private static let (margin, gap, gutter) = (24, 28, 28)

  /// A grid of pictures of units.
  private struct Grid {
    var caption: String
    var units: [Int]
    var picture: Picture?
    var layer: String?
    var isNumberedTileByTile: Bool
  }

  /// Three grids of one model stand beside each other; of several models they stand below each other, a column a model.
  private struct Layout {
    let isSingle: Bool
    let side: Int
    let columns: Int

    init(models: Int) {
      isSingle = models == 1
      side = isSingle ? 270 : 400
      columns = isSingle ? 960 : 2 * margin + models * (gutter + side) + (models - 1) * gap
    }

    /// Where a grid stands, from the model's own corner.
    func place(_ grid: Int, heights: [Int]) -> (top: Int, left: Int) {
      isSingle
        ? (0, grid * (gutter + side + 8))
        : (heights[..<grid].reduce(0) { $0 + $1 + 40 }, 0)
    }

    func height(_ heights: [Int]) -> Int {
      isSingle ? (heights.max() ?? 0) + 40 : heights.reduce(0) { $0 + $1 + 40 }
    }

    /// The width of a model's findings.
    var wide: Double { isSingle ? 440 : Double(gutter + side) }

    /// Where the glossary stands: right of one model's findings, below those of several.
    var glossary: (left: Int, width: Double) {
      isSingle ? (columns - margin - 440, 440) : (margin, Double(columns - 2 * margin))
    }
  }

  /// What the limits are, in a sentence or two.
  package static let limits =
    "The limits are Switchback's own: the paper names these faults and gives no numbers. A value beyond them is a fact about "
    + "the features, not an error in the file: trained AlexNets, too, are beyond the limits for frequencies, which is why "
    + "the paper's authors changed the first layer."

  /// The sheet, as wide as its models need.
  package static func drawing(title: String, columns: [Column]) throws(ImageError) -> Drawing {
    let layout = Layout(models: columns.count)
    var grids: [[Grid]] = []
    for column in columns { grids.append(try Self.grids(column, side: layout.side)) }
    let heights = (0..<3).map { row in grids.map { $0[row].picture?.rows ?? 0 }.max() ?? 0 }
    let blocks = columns.map { findings(of: $0.report, width: layout.wide) }
    let head = margin + 92
    let table = head + layout.height(heights) + 8
    let end = table + (blocks.map(\.rows).max() ?? 0)
    let notes = glossary(columns.map(\.report), width: layout.glossary.width)
    let below = layout.isSingle ? table : end + 12
    var drawing = Drawing(
      rows: max(end, below + notes.rows) + margin, columns: layout.columns, title: title,
      description: "First-layer filters, second-layer projections and findings of \(columns.count) models")
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    for (index, column) in columns.enumerated() {
      let left = margin + index * (gutter + layout.side + gap)
      drawing.text(
        Drawing.fitted(column.report.model, width: layout.wide, height: 15, bold: true), top: margin + 38,
        column: left, height: 15, bold: true)
      drawing.text(summary(column.report), top: margin + 60, column: left, height: 12, .soft)
      for (number, grid) in grids[index].enumerated() {
        let place = layout.place(number, heights: heights)
        draw(
          grid, column.report, side: layout.side, top: head + place.top, left: left + place.left,
          into: &drawing)
      }
      drawing.add(blocks[index], top: table, left: left)
    }
    drawing.add(notes, top: below, left: layout.glossary.left)
    return drawing
  }

  private static func summary(_ report: DiagnosisReport) -> String {
    let right = report.findings.count { $0.verdict == .ok }
    return
      "\(report.pictures.counted("images")); \(right) of \(report.findings.count) measures are within their limits"
  }

  // MARK: Grids

  private static func grids(_ column: Column, side: Int) throws(ImageError) -> [Grid] {
    let (first, second) = (column.report.layers.first?.layer, column.report.layers.dropFirst().first?.layer)
    func grid(
      _ caption: String, _ pictures: [Picture], _ units: [Int], _ layer: String?, tileByTile: Bool
    ) throws(ImageError) -> Grid {
      Grid(
        caption: Drawing.fitted(
          caption + (pictures.isEmpty ? ": none to show" : ""), width: Double(side + gutter)), units: units,
        picture: pictures.isEmpty ? nil : try FilterGrid.picture(of: pictures, side: side), layer: layer,
        isNumberedTileByTile: tileByTile)
    }
    let filters = "filters of \(first ?? "layer 1")"
    let all = second.flatMap { name in column.report.layers.first { $0.layer == name }?.units.count } ?? 0
    let shown = column.projections.count
    return [
      try grid(
        filters + ", one scale for all", column.common, Array(column.common.indices), first, tileByTile: false
      ),
      try grid(
        filters + ", each its own scale", column.own, Array(column.own.indices), first, tileByTile: false),
      try grid(
        "projections of \(second ?? "layer 2")" + (shown > 0 ? ", \(shown) of \(all) units" : ""),
        column.projections.map(\.picture), column.projections.map(\.unit), second, tileByTile: true),
    ]
  }

  private static func draw(
    _ grid: Grid, _ report: DiagnosisReport, side: Int, top: Int, left: Int, into drawing: inout Drawing
  ) {
    drawing.text(grid.caption, top: top, column: left, height: 12, .soft)
    guard let picture = grid.picture else { return }
    let (above, near) = (top + 20, left + gutter)
    let (across, tile) = FilterGrid.layout(of: grid.units.count, side: side)
    let step = tile + FilterGrid.gap
    // The last row only as far as it goes, so that the page shows where there are no units.
    let (full, rest) = (grid.units.count / across * step, grid.units.count % across * step)
    for box in [
      Box(top: 0, left: 0, bottom: max(0, full - FilterGrid.gap), right: across * step - FilterGrid.gap),
      Box(top: full, left: 0, bottom: picture.rows, right: max(0, rest - FilterGrid.gap)),
    ] where box.rows > 0 && box.columns > 0 {
      drawing.picture(picture.cropped(to: box), top: above + box.top, left: near)
    }
    let found = grid.layer.map(report.verdicts(ofLayer:)) ?? [:]
    for (place, unit) in grid.units.enumerated() {
      let corner = (row: above + place / across * step, column: near + place % across * step)
      if grid.isNumberedTileByTile {
        let label = "\(unit)"
        drawing.box(
          top: Double(corner.row), left: Double(corner.column), rows: 12,
          columns: Drawing.width(of: label, height: 9) + 4,
          fill: .paper)
        drawing.text(label, top: corner.row + 1, column: corner.column + 2, height: 9)
      } else if place % across == 0 {
        drawing.text(
          "\(unit)", top: corner.row + tile / 2 - 6, column: near - 5, height: 10, .soft, .end)
      }
      guard let verdict = found[unit] else { continue }
      let (high, low) = (Double(corner.row) + 1, Double(corner.row + tile) - 1)
      let (start, end) = (Double(corner.column) + 1, Double(corner.column + tile) - 1)
      drawing.line(
        [(high, start), (high, end), (low, end), (low, start), (high, start)], verdict.colour, width: 2)
    }
  }

  // MARK: Findings

  /// What is beyond a limit, the farthest first, each with its limits and units.
  private static func findings(of report: DiagnosisReport, width: Double) -> Drawing {
    var drawing = Drawing(
      rows: findingsHeight(report, width: width), columns: Int(width), title: "Findings", description: "")
    var top = 0.0
    for finding in report.wrong {
      let layer = Drawing.fitted(finding.layer, width: 110, bold: true)
      drawing.box(top: top + 1, left: 0, rows: 11, columns: 11, fill: finding.verdict.colour)
      drawing.text(layer, top: top, column: 18, height: 12, bold: true)
      drawing.text(
        finding.measure.title, top: top, column: 24 + Drawing.width(of: layer, bold: true), height: 12)
      drawing.text(
        finding.value.percent, top: top, column: width, height: 12, bold: true, .ink, .end)
      top = drawing.paragraph(detail(finding), top: top + 17, column: 18, width: width - 18) + 6
    }
    return drawing
  }

  private static func findingsHeight(_ report: DiagnosisReport, width: Double) -> Int {
    report.wrong.reduce(0) {
      $0 + 23 + Drawing.wrapped(detail($1), width: width - 18).count * Int(Drawing.leading(12))
    }
  }

  private static func detail(_ finding: DiagnosisReport.Finding) -> String {
    let named = finding.units.prefix(12).map(String.init).joined(separator: ", ")
    let more = finding.units.count > 12 ? " and \(finding.units.count - 12) more" : ""
    return "\(finding.verdict.title) (\(finding.measure.limits))"
      + (named.isEmpty ? "" : "; units \(named)\(more)")
  }

  /// A line for each measure that some model is beyond the limits of.
  private static func glossary(_ reports: [DiagnosisReport], width: Double) -> Drawing {
    let measures = Measure.allCases.filter { measure in
      reports.contains { $0.wrong.contains { $0.measure == measure } }
    }
    let texts =
      (measures.isEmpty
        ? ["All measures are within their limits."]
        : measures.map { $0.title.prefix(1).uppercased() + $0.title.dropFirst() + ": " + $0.meaning }) + [
        limits
      ]
    let lines = texts.map { Drawing.wrapped($0, width: width).count }
    var drawing = Drawing(
      rows: lines.reduce(0) { $0 + $1 * Int(Drawing.leading(12)) + 6 }, columns: Int(width),
      title: "Glossary", description: "")
    var top = 0.0
    for text in texts { top = drawing.paragraph(text, top: top, column: 0, width: width) + 6 }
    return drawing
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

extension DiagnosisReport {
  /// The worst verdict of each unit of a layer that a finding names.
  fileprivate func verdicts(ofLayer layer: String) -> [Int: Verdict] {
    var verdicts: [Int: Verdict] = [:]
    for finding in wrong.reversed() where finding.layer == layer {
      for unit in finding.units { verdicts[unit] = finding.verdict }
    }
    return verdicts
  }
}

extension Verdict {
  /// Green, amber, red, each darker than the one before.
  package var colour: Colour {
    switch self {
    case .ok: Colour(90, 170, 110)
    case .watch: Colour(235, 160, 30)
    case .trouble: Colour(190, 30, 45)
    }
  }
}
