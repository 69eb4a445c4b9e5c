internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Peaks
internal import Studies
internal import Tensors

/// The sheets of a layer, whose record is written last: it says that the layer is done.
struct LayerSheets: Codable {
  struct Page: Codable {
    var name: String
    var rows: Int
    var columns: Int
  }
  var pages: [Page]

  static func file(of layer: SearchedLayer) -> String { "figures/\(layer.stem).json" }
}

extension FeaturesJob {
  /// A layer's projections, its arrays and its sheets; done already if its last file is there.
  func draw(_ layer: SearchedLayer, _ peaks: PeakTable) throws {
    if run.contains(LayerSheets.file(of: layer)) { return }
    let kept = peaks.layers[layer.value]?.units ?? []
    let chosen = try UnitChoice(command.units).units(of: kept.count)
    let pages = try sheets(layer, chosen, kept)
    try run.write(json: LayerSheets(pages: pages), to: LayerSheets.file(of: layer))
  }

  private func sheets(
    _ layer: SearchedLayer, _ chosen: [Int], _ kept: [[Peak]]
  ) throws -> [LayerSheets.Page] {
    let gallery = try Gallery(
      network, value: layer.value, rule: command.rule.rule, threads: command.common.workers)
    let tiles = try Tiles(
      path: try run.preparedPath(of: "figures/\(layer.stem).tiles.partial"), field: gallery.extents,
      isBGR: source.preprocessing.channels == .bgr)
    var progress = Progress("project \(layer.name)", total: 0, unit: "projections", quiet: isQuiet)
    try Interrupts.heeded {
      do {
        try project(layer, chosen, kept, gallery, tiles, &progress)
      } catch is Interruption {
        throw Interruption(
          description: "stopped while projecting \(layer.name); the same command goes on from there.")
      }
    }
    let pages = try drawSheets(layer, chosen, kept, tiles)
    progress.finish(progress.total)
    return pages
  }

  /// Projects the chosen units' peaks into the layer's array, and gathers the tiles of its sheets.
  private func project(
    _ layer: SearchedLayer, _ chosen: [Int], _ kept: [[Peak]], _ gallery: Gallery, _ tiles: Tiles,
    _ progress: inout Progress
  ) throws {
    let (rows, columns) = gallery.extents
    let depth = command.top
    let channels = source.preprocessing.channels.count
    let writer = try SafeTensorsWriter(
      path: try run.preparedPath(of: "projections/\(layer.stem).safetensors"),
      arrays: [
        ("boxes", [chosen.count, depth, 4]),
        ("projections", [chosen.count, depth, rows, columns, channels]), ("units", [chosen.count]),
      ])
    try writer.write(Tensor([chosen.count], elements: chosen.map(Float.init)), into: "units", at: 0)
    // A unit that was never active has no evidence of what it looks for.
    let places = chosen.flatMap { unit in
      kept[unit].enumerated().filter { $0.element.value > 0 || command.preActivation }.map {
        Gallery.Place(unit: unit, rank: $0.offset, peak: $0.element)
      }
    }
    let positions = Dictionary(
      chosen.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { one, _ in one })
    progress.total = places.count
    var done = 0
    let source = source
    let finished = try gallery.project(
      places,
      input: { image in
        guard let seen = try source.seen(image) else { return nil }
        tiles.keep(seen, image)
        return seen.values(source.preprocessing)
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
      progress.show(done)
      return !Interrupts.isRaised
    }
    guard finished else { throw Interruption(description: "stopped.") }
    try writer.finish()
  }

  private func drawSheets(
    _ layer: SearchedLayer, _ chosen: [Int], _ kept: [[Peak]], _ tiles: Tiles
  ) throws -> [LayerSheets.Page] {
    let perPage = 64
    let depth = command.top
    var pages: [LayerSheets.Page] = []
    for (number, start) in stride(from: 0, to: chosen.count, by: perPage).enumerated() {
      let range = start..<min(start + perPage, chosen.count)
      let units = try range.map { position in
        let unit = chosen[position]
        let strongest = kept[unit].first?.value ?? 0
        let numbers = (0..<depth).map { position * depth + $0 }
        return FeatureSheet.Unit(
          caption: strongest > 0 || command.preActivation
            ? "\(unit) · \(Double(strongest).brief)" : "\(unit) · never active",
          projections: try numbers.map { try tiles.tile($0, .projection) },
          patches: try numbers.map { try tiles.tile($0, .patch) })
      }
      let sheet = FeatureSheet(
        title: "\((command.model as NSString).lastPathComponent) · \(layer.name)",
        subtitle:
          "\(tiles.field.rows) x \(tiles.field.columns) pixels of the input each; strongest \(depth) of "
          + "\(source.dataset.items.count) pictures; \(command.rule.rawValue) beside the pictures",
        field: tiles.field, units: units)
      let name = chosen.count <= perPage ? layer.stem : "\(layer.stem)-\(number + 1)"
      let drawing = try sheet.drawing()
      try run.write(bytes: Data(try drawing.svg().utf8), to: "figures/\(name).svg")
      let picture = try drawing.picture()
      try run.write(bytes: Data(try picture.encodedPNG()), to: "figures/\(name).png")
      pages.append(LayerSheets.Page(name: name, rows: picture.rows, columns: picture.columns))
    }
    return pages
  }
}
