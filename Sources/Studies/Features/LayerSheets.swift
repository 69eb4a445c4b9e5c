internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Tensors

/// One layer of a gallery on its way from peaks to files: projections, arrays, a picture a unit, sheets.
struct LayerSheets {
  let study: Features
  let layer: StudiedLayer
  /// Each unit's peaks that are shown, strongest first.
  let kept: [[Peak]]
  let pictures: PreparedPictures
  let work: Work

  private static let unitsOnSheet = 64
  /// How many units' projections share forward passes where no array is written.
  private static let unitsAtOnce = 256

  func drawn() throws -> Features.Sheets {
    let chosen = study.units.units(of: kept.count)
    let gallery = try Gallery(
      study.subject.network, value: layer.value, rule: study.rule, threads: work.threads)
    let geometry = try FieldGeometry(study.subject.network, value: layer.value, rule: study.rule)
    let maker = TileMaker(field: geometry.extents, preprocessing: study.subject.preprocessing)
    let missing = chosen.filter { !peaks(of: $0).isEmpty && !study.hasPictures(of: $0, layer, work.run) }
    try projectAll(chosen, missing, gallery, maker)
    return Features.Sheets(pages: try draw(chosen, geometry, maker, note: try controls()))
  }

  /// What is left of the layer's projections under controls, in a sentence; nil where they are not asked for.
  private func controls() throws -> String? {
    guard study.hasControls else { return nil }
    let trust = try Trust(study.subject, study.dataset, layers: layer.name, rule: study.rule)
    return "Controls (cosine with the projection): "
      + (try trust.described(layer, kept, pictures, work).sentence)
  }

  /// The peaks of a unit that are projected: one that was never active has no evidence of what it looks for.
  private func peaks(of unit: Int) -> [(rank: Int, peak: Peak)] {
    kept[unit].enumerated().filter { $0.element.value > 0 || study.readsBeforeRectifier }
      .map { ($0.offset, $0.element) }
  }

  /// Projects what is still to be drawn: all of it for an array, else by and by, so that a stopped job need not repeat what it
  /// has drawn.
  private func projectAll(
    _ chosen: [Int], _ missing: [Int], _ gallery: Gallery, _ maker: TileMaker
  ) throws {
    let units = study.writesArrays ? chosen : missing
    guard !units.isEmpty else { return }
    let size = study.writesArrays ? units.count : Self.unitsAtOnce
    var meter = work.meter(
      "project \(layer.name)", total: units.reduce(0) { $0 + peaks(of: $1).count }, unit: "projections")
    var done = 0
    for start in stride(from: 0, to: units.count, by: size) {
      let some = Array(units[start..<min(start + size, units.count)])
      try project(some, drawing: study.writesArrays ? missing : some, gallery, maker) {
        done += $0
        meter.show(done)
      }
    }
    meter.finish()
  }

  /// Projects peaks of the chosen units into the layer's array, where there is one, and draws those units that have no
  /// picture yet.
  private func project(
    _ chosen: [Int], drawing missing: [Int], _ gallery: Gallery, _ maker: TileMaker, count: (Int) -> Void
  ) throws {
    let (rows, columns) = gallery.extents
    let depth = study.top
    let preprocessing = study.subject.preprocessing
    let size = rows * columns * preprocessing.channels.count
    let arrays = study.writesArrays ? try writer(chosen, gallery) : nil
    let tiles = try Tiles(
      path: try work.run.preparedPath(of: "figures/\(layer.stem).tiles.partial"), maker: maker)
    let places = chosen.flatMap { unit in
      peaks(of: unit).map { (unit: unit, rank: $0.rank, peak: $0.peak) }
    }
    let positions = Dictionary(zip(chosen, chosen.indices), uniquingKeysWith: { one, _ in one })
    let isMissing = Set(missing)
    let pictures = pictures
    try gallery.project(
      places,
      input: { image in
        guard let seen = try pictures.seen(image) else { return nil }
        tiles.keep(seen, image)
        return seen.values(preprocessing)
      }
    ) { results in
      let small = try Pool.map(over: results.indices, threads: work.threads) { index in
        let (place, projection) = results[index]
        return isMissing.contains(place.unit) ? try tiles.tile(of: projection, image: place.peak.image) : nil
      }
      for ((place, projection), tile) in zip(results, small) {
        let number = (positions[place.unit] ?? 0) * depth + place.rank
        if let arrays {
          try arrays.write(projection.pixels, into: "projections", at: number * size)
          let box = [projection.top, projection.left, projection.top + rows, projection.left + columns]
          try arrays.write(Tensor([4], elements: box.map(Float.init)), into: "boxes", at: number * 4)
        }
        if let tile { try tiles.add(number, tile) }
      }
      tiles.forget()
      count(results.count)
      try work.cancellation.check()
    }
    try arrays?.finish()
    try write(missing.map { (unit: $0, first: (positions[$0] ?? 0) * depth) }, of: tiles, maker)
  }

  private func writer(_ chosen: [Int], _ gallery: Gallery) throws -> SafeTensorsWriter {
    let (rows, columns) = gallery.extents
    let channels = study.subject.preprocessing.channels.count
    let writer = try SafeTensorsWriter(
      path: try work.run.preparedPath(of: "projections/\(layer.stem).safetensors"),
      arrays: [
        ("boxes", [chosen.count, study.top, 4]),
        ("projections", [chosen.count, study.top, rows, columns, channels]), ("units", [chosen.count]),
      ], metadata: ["layer": layer.name])
    try writer.write(Tensor([chosen.count], elements: chosen.map(Float.init)), into: "units", at: 0)
    return writer
  }

  /// Writes each unit's pictures from its tiles, the first of which has the number given.
  private func write(_ units: [(unit: Int, first: Int)], of tiles: Tiles, _ maker: TileMaker) throws {
    let drawing = UnitPicture(depth: study.top, tile: maker.tile)
    let group = 64
    for start in stride(from: 0, to: units.count, by: group) {
      let some = Array(units[start..<min(start + group, units.count)])
      let shown = try some.map { unit in try (0..<study.top).map { try tiles.tile(unit.first + $0) } }
      let (run, files) = (work.run, some.map { study.pictures(of: $0.unit, layer) })
      _ = try Pool.map(over: some.indices, threads: work.threads, cancellation: work.cancellation) { index in
        for file in UnitPicture.File.allCases {
          try run.write(
            bytes: Data(try drawing.encoded(file, shown[index])), to: files[index] + file.rawValue)
        }
      }
    }
  }

  private func draw(
    _ chosen: [Int], _ geometry: FieldGeometry, _ maker: TileMaker, note: String?
  ) throws -> [Features.Sheets.Page] {
    let perPage = Self.unitsOnSheet
    var pages: [Features.Sheets.Page] = []
    for (number, start) in stride(from: 0, to: chosen.count, by: perPage).enumerated() {
      let some = chosen[start..<min(start + perPage, chosen.count)]
      let units = try some.map { unit -> FeatureSheet.Unit in
        ("unit \(unit) · \(caption(of: unit))", try picture(of: unit, geometry, maker))
      }
      let sheet = try FeatureSheet.drawing(
        title: "\(study.subject.name) · \(layer.name)",
        subtitle:
          "\(some.count) of \(kept.count) units; \(maker.field.rows) x \(maker.field.columns) pixels of the input each; "
          + "strongest \(study.top) of \(study.dataset.count(without: work.skipped)) images; \(study.rule.rawValue) beside the images"
          + (geometry.isCutAtGates ? "; what reaches further, through gates, is not shown" : ""),
        note: note,
        grids: UnitPicture(depth: study.top, tile: maker.tile), units: units)
      let name = chosen.count <= perPage ? layer.stem : "\(layer.stem)~sheet\(number + 1)"
      try work.run.write(bytes: Data(try sheet.svg().utf8), to: "figures/\(name).svg")
      pages.append(.init(name: name, rows: sheet.rows, columns: sheet.columns))
    }
    return pages
  }

  /// A unit's projections and patches from its files, so that a sheet is the same whenever these were drawn.
  private func picture(of unit: Int, _ geometry: FieldGeometry, _ maker: TileMaker) throws -> Picture? {
    let shown = peaks(of: unit)
    guard !shown.isEmpty else { return nil }
    func decoded(_ file: UnitPicture.File) throws -> Picture {
      try Picture(decoding: work.run.path(of: study.pictures(of: unit, layer) + file.rawValue))
    }
    return UnitPicture(depth: study.top, tile: maker.tile).joined(
      try decoded(.projections), try decoded(.patches),
      shown.map { study.box(ofRow: $0.peak.row, column: $0.peak.column, geometry, maker) })
  }

  /// What a unit's largest activation is.
  private func caption(of unit: Int) -> String {
    let strongest = kept[unit].first?.value ?? 0
    guard strongest > 0 || study.readsBeforeRectifier else { return "never active" }
    return study.largest(strongest, layer)
  }
}
