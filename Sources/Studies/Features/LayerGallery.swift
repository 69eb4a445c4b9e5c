internal import Datasets
internal import Figures
internal import Files
internal import Images
internal import Networks
internal import Tensors

/// The sections of a run's page: for each layer its units as cards, the most telling first.
struct LayerGallery {
  let study: Features
  let work: Work

  func sections(_ table: FeatureTable) throws -> [Report.Section] {
    let ids = study.dataset.idsByPath
    var extents: [Int: (rows: Int, columns: Int)] = [:]
    return try zip(study.layers, table.layers).map { layer, described in
      let sheets = try work.run.read(Features.Sheets.self, from: "figures/\(layer.stem).json")
      let geometry = try FieldGeometry(study.subject.network, value: layer.value, rule: study.rule)
      let maker = TileMaker(field: geometry.extents, preprocessing: study.subject.preprocessing)
      let chosen = study.units.units(of: layer.units)
      var images: [UnitGallery.Image] = []
      var places: [Int: Int] = [:]
      func place(of path: String) throws -> Int? {
        guard let id = ids.exact(path).first else { return nil }
        if let known = places[id] { return known }
        let size = try extents[id] ?? study.dataset.extents(of: id)
        (extents[id], places[id]) = (size, images.count)
        images.append(
          .init(path: path, file: Thumbnails.file(id), rows: size.rows, columns: size.columns))
        return images.count - 1
      }
      let units = try chosen.map { described.units[$0] }.sorted(by: precedes).map { unit in
        UnitGallery.Unit(
          unit: unit.unit, caption: caption(of: unit, layer), file: study.shownPicture(of: unit, layer),
          strongest: Double(unit.top.first?.value ?? 0), active: unit.active ?? 0,
          selectivity: unit.selectivity ?? 0, words: (unit.classes ?? []).map(\.name),
          entries: try shown(unit).compactMap { entry in
            try place(of: entry.image).map { image in
              .init(
                image: image, value: Double(entry.value).significant, row: entry.row, column: entry.column,
                box: edges(entry.box),
                inside: edges(
                  study.box(ofRow: entry.row, column: entry.column, geometry, maker)
                    ?? Box(top: 0, left: 0, bottom: 0, right: 0)))
            }
          })
      }
      let drawing = UnitPicture(depth: study.top, tile: maker.tile)
      return Report.Section(
        layer.name,
        .gallery(
          UnitGallery(
            layer: layer.name, file: "gallery/\(layer.stem)",
            note:
              "\(chosen.count) of \(layer.units.counted("units")). Each sees \(maker.field.rows) x \(maker.field.columns) "
              + "pixels of the network's input."
              + (geometry.isCutAtGates ? " What reaches further, through gates, is not shown." : ""),
            sheets: sheets.pages.map { "figures/\($0.name).svg" },
            layout: .init(
              side: drawing.side, tile: drawing.tile, gap: UnitPicture.gap, gutter: UnitPicture.gutter),
            images: images, units: units)))
    }
  }

  private func edges(_ box: Box) -> [Int] { [box.top, box.left, box.bottom, box.right] }

  /// A unit's activations that are shown.
  private func shown(_ unit: FeatureTable.Unit) -> [FeatureTable.Entry] {
    unit.top.filter { $0.value > 0 || study.readsBeforeRectifier }
  }

  /// Whether a unit comes before another: those that too few pictures excite are last, the selective are first.
  private func precedes(_ one: FeatureTable.Unit, _ other: FeatureTable.Unit) -> Bool {
    let counts = [one, other].map { shown($0).count }
    if counts[0] != counts[1] { return counts[0] > counts[1] }
    let (selectivity, others) = (one.selectivity ?? 0, other.selectivity ?? 0)
    return selectivity == others ? one.unit < other.unit : selectivity > others
  }

  private func caption(of unit: FeatureTable.Unit, _ layer: StudiedLayer) -> String {
    guard let strongest = shown(unit).first?.value else { return "never active" }
    let classes = (unit.classes ?? []).prefix(3).map { share in
      "'\(share.name)' \(share.lift.significant)x (\(share.count) of \(share.strongest))"
    }
    return
      ([
        study.largest(strongest, layer),
        "active in \((100 * (unit.active ?? 0)).significant)% of images",
        unit.selectivity.map { "selectivity \($0.fixed(decimals: 2))" },
      ].compactMap(\.self) + classes).joined(separator: " · ")
  }
}

extension Features {
  /// A unit's largest activation, in words.
  func largest(_ value: Float, _ layer: StudiedLayer) -> String {
    // Beyond the bound the network does not tell activations apart.
    "max \(Double(value).significant)"
      + (layer.upperBound.flatMap { value >= $0 ? ", saturated at \(Double($0).significant)" : nil } ?? "")
  }
}
