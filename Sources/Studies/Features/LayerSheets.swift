internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Tensors

/// One layer of a gallery on its way from peaks to files: projections, arrays, sheets.
struct LayerSheets {
  let study: Features
  let layer: StudiedLayer
  /// Each unit's peaks, strongest first.
  let kept: [[Peak]]
  let pictures: PreparedPictures
  let work: Work

  private static let unitsOnSheet = 64

  func drawn() throws -> Features.Sheets {
    let chosen = study.units.units(of: kept.count)
    let gallery = try Gallery(
      study.subject.network, value: layer.value, rule: study.rule, threads: work.threads)
    let tiles = try Tiles(
      path: try work.run.preparedPath(of: "figures/\(layer.stem).tiles.partial"), field: gallery.extents,
      isCutAtGates: gallery.isCutAtGates, preprocessing: study.subject.preprocessing)
    try project(chosen, gallery, tiles)
    return Features.Sheets(pages: try draw(chosen, tiles))
  }

  /// Projects the chosen units' peaks into the layer's array, and gathers the tiles of its sheets.
  private func project(_ chosen: [Int], _ gallery: Gallery, _ tiles: Tiles) throws {
    let (rows, columns) = gallery.extents
    let depth = study.top
    let preprocessing = study.subject.preprocessing
    let channels = preprocessing.channels.count
    let writer = try SafeTensorsWriter(
      path: try work.run.preparedPath(of: "projections/\(layer.stem).safetensors"),
      arrays: [
        ("boxes", [chosen.count, depth, 4]),
        ("projections", [chosen.count, depth, rows, columns, channels]), ("units", [chosen.count]),
      ])
    try writer.write(Tensor([chosen.count], elements: chosen.map(Float.init)), into: "units", at: 0)
    // A unit that was never active has no evidence of what it looks for.
    let places = chosen.flatMap { unit in
      kept[unit].enumerated().filter { $0.element.value > 0 || study.readsBeforeRectifier }.map {
        (unit: unit, rank: $0.offset, peak: $0.element)
      }
    }
    let positions = Dictionary(zip(chosen, chosen.indices), uniquingKeysWith: { one, _ in one })
    var meter = work.meter("project \(layer.name)", total: places.count, unit: "projections")
    var done = 0
    let pictures = pictures
    try gallery.project(
      places,
      input: { image in
        guard let seen = try pictures.seen(image) else { return nil }
        tiles.keep(seen, image)
        return seen.values(preprocessing)
      }
    ) { results in
      for (place, projection) in results {
        let number = (positions[place.unit] ?? 0) * depth + place.rank
        try writer.write(projection.pixels, into: "projections", at: number * rows * columns * channels)
        let box = [projection.top, projection.left, projection.top + rows, projection.left + columns]
        try writer.write(Tensor([4], elements: box.map(Float.init)), into: "boxes", at: number * 4)
        try tiles.add(number, image: place.peak.image, projection)
      }
      tiles.forget()
      done += results.count
      meter.show(done)
      try work.cancellation.check()
    }
    try writer.finish()
    meter.finish()
  }

  private func draw(_ chosen: [Int], _ tiles: Tiles) throws -> [Features.Sheets.Page] {
    let depth = study.top
    let perPage = Self.unitsOnSheet
    var pages: [Features.Sheets.Page] = []
    for (number, start) in stride(from: 0, to: chosen.count, by: perPage).enumerated() {
      let units = try (start..<min(start + perPage, chosen.count)).map { position -> FeatureSheet.Unit in
        let unit = chosen[position]
        let strongest = kept[unit].first?.value ?? 0
        let shown = try (0..<depth).map { try tiles.tiles(position * depth + $0) }
        let isActive = strongest > 0 || study.readsBeforeRectifier
        let saturated = layer.upperBound.flatMap {
          strongest >= $0 ? ", saturated at \(Double($0).brief)" : nil
        }
        return (
          "\(unit) · \(isActive ? Double(strongest).brief + (saturated ?? "") : "never active")",
          shown.map { $0?.projection }, shown.map { $0?.patch }
        )
      }
      let sheet = try FeatureSheet.drawing(
        title: "\(study.subject.name) · \(layer.name)",
        subtitle:
          "\(tiles.field.rows) x \(tiles.field.columns) pixels of the input each; strongest \(depth) of "
          + "\(pictures.count) pictures; \(study.rule.rawValue) beside the pictures"
          + (tiles.isCutAtGates ? "; what reaches further, through gates, is not shown" : ""),
        field: tiles.field, units: units)
      let name = chosen.count <= perPage ? layer.stem : "\(layer.stem)-\(number + 1)"
      let (rows, columns) = try work.run.write(sheet, to: "figures/\(name)")
      pages.append(.init(name: name, rows: rows, columns: columns))
    }
    return pages
  }
}
