internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Studies

extension FeaturesJob {
  /// The run's page: facts, each layer's sheets, and every unit's strongest pictures as a table.
  func writePage(_ table: FeatureTable) throws {
    let skipped = source.skipped()
    var sections = try zip(layers, table.layers).map { layer, described in
      try section(layer, described)
    }
    if !skipped.isEmpty {
      sections.append(
        RunPage.Section(
          title: "Skipped pictures",
          bodies: [.table(headings: ["picture", "reason"], rows: skipped.map { [$0.image, $0.reason] })]))
    }
    sections.append(
      RunPage.Section(
        title: "How to read this",
        bodies: [
          .text(
            "Each unit has two grids. On the right are the pictures that excite it most, cut to what the unit can see. "
              + "On the left, each of those activations is carried back to pixels by the rule '\(command.rule.rawValue)': "
              + "grey is zero, and each projection has a scale of its own. A number beside a unit is its largest value."
          )
        ]))
    let page = RunPage(
      title: "What \(table.model) looks for",
      facts: [
        ("model", command.model),
        ("pictures", "\(source.dataset.items.count - skipped.count) of \(command.pictures)"),
        ("rule", command.rule.rawValue), ("preparation", "\(source.preprocessing)"),
      ], sections: sections)
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
  }

  private func section(_ layer: SearchedLayer, _ described: FeatureTable.Layer) throws -> RunPage.Section {
    let sheets = try run.read(LayerSheets.self, from: LayerSheets.file(of: layer))
    let figures = sheets.pages.map {
      (
        file: "figures/\($0.name)", columns: $0.columns, rows: $0.rows,
        description: "\(layer.name): projections beside pictures, unit by unit"
      )
    }
    let rows = described.units.flatMap { unit in
      unit.top.enumerated().map { rank, entry in
        [
          "\(unit.unit)", "\(rank + 1)", "\(entry.value)", entry.image, "\(entry.row), \(entry.column)",
          "\(entry.box)",
        ]
      }
    }
    return RunPage.Section(
      title: layer.name,
      bodies: [
        .figures(figures),
        .table(
          headings: ["unit", "rank", "value", "picture", "row, column", "box in the picture"], rows: rows),
      ])
  }
}
