internal import Activations
internal import Datasets
internal import Figures
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Projection
internal import RunStore
internal import Studies
internal import Synchronization
internal import Tensors

/// The stages of `features`, each of which finds what an interrupted attempt left and goes on from there.
struct FeaturesJob {
  let command: FeaturesCommand
  let network: Network
  let layers: [(name: String, value: String)]
  let source: Source
  let run: RunFolder

  private var quiet: Bool { command.common.quiet }

  func perform() throws {
    let peaks = try search()
    let table = try table(peaks)
    try run.write(json: table, to: "features.json")
    try run.write(json: source.skipped, to: "skipped.json")
    try run.writeIndex(table, pictures: source.dataset.items.map(\.path))
    if !command.searchOnly {
      for layer in layers { try draw(layer, peaks) }
      try writePage(table)
    }
    try report(table)
  }

  // MARK: Search

  private struct Progressed: Codable {
    var next: Int
    var skipped: [Skipped]
  }

  private var checkpoint: String { run.path(of: "search.safetensors") }

  private func search() throws -> PeakTable {
    let count = source.dataset.items.count
    let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
    let units = layers.map { ($0.value, shapes[$0.value]?.dimensions.last ?? 0) }
    var state = PeakSearch.State(peaks: PeakTable(units: units, keeping: command.top), next: 0)
    if FileManager.default.fileExists(atPath: checkpoint) {
      let saved = try SafeTensors(reading: checkpoint)
      guard let text = saved.metadata["progress"],
        let progress = try? JSONDecoder().decode(Progressed.self, from: Data(text.utf8))
      else { throw ActivationsError.checkpoint(path: checkpoint, reason: "it does not say how far it is") }
      try state.peaks.restore(saved, path: checkpoint)
      state.next = progress.next
      source.skip(progress.skipped)
    }
    guard state.next < count else { return state.peaks }
    let values = layers.map(\.value)
    let search = try PeakSearch(network, values: values, threads: command.common.workers)
    var progress = Progress("search", total: count, unit: "pictures", alreadyDone: state.next, quiet: quiet)
    var saved = ContinuousClock.now
    let source = source
    state = try search.run(from: state, count: count, input: { try source.tensor($0) }) { state in
      progress.show(state.next)
      if ContinuousClock.now - saved > .seconds(10) || Interrupts.shared.isRaised {
        try save(state)
        saved = ContinuousClock.now
      }
      return !Interrupts.shared.isRaised
    }
    try save(state)
    guard state.next == count else {
      throw Interruption(
        description: "stopped after \(state.next) of \(count) pictures; the same command goes on from there.")
    }
    progress.finish(count)
    guard source.skipped.count < count else {
      throw ArgumentError(
        "none of the \(count) pictures in \(command.pictures) could be read: \(source.skipped[0].reason)")
    }
    return state.peaks
  }

  private func save(_ state: PeakSearch.State) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let progress = try encoder.encode(Progressed(next: state.next, skipped: source.skipped))
    try state.peaks.safeTensors(metadata: ["progress": String(decoding: progress, as: UTF8.self)])
      .write(to: checkpoint)
  }

  // MARK: Table

  /// The peaks with paths and boxes; framings come from the pictures' headers, read once each.
  private func table(_ peaks: PeakTable) throws -> FeatureTable {
    let input = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    var framings: [Int: Framing] = [:]
    func framing(of image: Int) throws -> Framing {
      if let known = framings[image] { return known }
      let (rows, columns) = try source.dataset.extents(of: image)
      let framing = try Framing(rows: rows, columns: columns, source.preprocessing)
      framings[image] = framing
      return framing
    }
    let described = try layers.map { layer in
      let field = network.fields(below: layer.value, shapes: shapes)[network.inputs[0].name] ?? .whole
      let units = try (peaks.layers[layer.value]?.units ?? []).enumerated().map { unit, kept in
        FeatureTable.Unit(
          unit: unit,
          top: try kept.map { peak in
            let box = network.receptiveField(field, row: peak.row, column: peak.column, input: input)
            return FeatureTable.Entry(
              image: source.dataset.items[peak.image].path, value: peak.value, row: peak.row,
              column: peak.column,
              box: try framing(of: peak.image).original(box))
          })
      }
      return FeatureTable.Layer(layer: layer.name, units: units)
    }
    return FeatureTable(model: (command.model as NSString).lastPathComponent, layers: described)
  }

  // MARK: Projections and figures

  /// A layer's projections, its arrays and its sheets; done already if its last file is there.
  private func draw(_ layer: (name: String, value: String), _ peaks: PeakTable) throws {
    let stem = layer.name.fileName
    let marker = "figures/\(stem).json"
    if run.contains(marker) { return }
    let kept = peaks.layers[layer.value]?.units ?? []
    let chosen = try UnitChoice(command.units).units(of: kept.count)
    let gallery = try Gallery(
      network, value: layer.value, rule: command.rule.rule, threads: command.common.workers)
    let (rows, columns) = gallery.extents
    let depth = command.top
    let writer = try SafeTensorsWriter(
      path: try run.preparedPath(of: "projections/\(stem).safetensors"),
      arrays: [
        ("boxes", [chosen.count, depth, 4]), ("projections", [chosen.count, depth, rows, columns, 3]),
        ("units", [chosen.count]),
      ])
    try writer.write(Tensor([chosen.count], elements: chosen.map(Float.init)), into: "units", at: 0)
    let tiles = Tiles(rows: rows, columns: columns, isBGR: source.preprocessing.channels == .bgr)
    // A unit that was never active has no evidence of what it looks for.
    let places = chosen.flatMap { unit in
      kept[unit].enumerated().filter { $0.element.value > 0 || command.preActivation }.map {
        Gallery.Place(unit: unit, rank: $0.offset, peak: $0.element)
      }
    }
    let positions = Dictionary(
      chosen.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { one, _ in one })
    var progress = Progress("project \(layer.name)", total: places.count, unit: "projections", quiet: quiet)
    var done = 0
    let source = source
    let finished = try gallery.project(
      places,
      input: { image in
        guard let (picture, tensor, framing) = try source.prepared(image) else { return nil }
        tiles.keep(picture, framing, image)
        return tensor
      }
    ) { results in
      for (place, projection) in results {
        let base = (positions[place.unit] ?? 0) * depth + place.rank
        try writer.write(projection.pixels, into: "projections", at: base * rows * columns * 3)
        let box = [projection.top, projection.left, projection.top + rows, projection.left + columns]
        try writer.write(Tensor([4], elements: box.map(Float.init)), into: "boxes", at: base * 4)
        try tiles.add(place, projection)
      }
      tiles.forget()
      done += results.count
      progress.show(done)
      return !Interrupts.shared.isRaised
    }
    guard finished else {
      throw Interruption(
        description: "stopped while projecting \(layer.name); the same command goes on from there.")
    }
    try writer.finish()
    try drawSheets(layer, chosen, kept, tiles)
    progress.finish(done)
  }

  /// The sheets of a layer, whose record is written last: it says that the layer is done.
  private struct Sheets: Codable {
    struct Page: Codable {
      var name: String
      var rows: Int
      var columns: Int
    }
    var pages: [Page]
  }

  private func drawSheets(
    _ layer: (name: String, value: String), _ chosen: [Int], _ kept: [[Peak]], _ tiles: Tiles
  ) throws {
    let stem = layer.name.fileName
    let perPage = 64
    var pages: [Sheets.Page] = []
    for (number, start) in stride(from: 0, to: chosen.count, by: perPage).enumerated() {
      let units = chosen[start..<min(start + perPage, chosen.count)].map { unit in
        let strongest = kept[unit].first?.value ?? 0
        return FeatureSheet.Unit(
          caption: strongest > 0 || command.preActivation
            ? "\(unit) · \(strongest.short)" : "\(unit) · never active",
          projections: (0..<command.top).map { tiles.projection(unit: unit, rank: $0) },
          patches: (0..<command.top).map { tiles.patch(unit: unit, rank: $0) })
      }
      let sheet = FeatureSheet(
        title: "\((command.model as NSString).lastPathComponent) · \(layer.name)",
        subtitle: "\(tiles.rows) x \(tiles.columns) pixels of the input each; strongest \(command.top) of "
          + "\(source.dataset.items.count) pictures; \(command.rule.rawValue) beside the pictures",
        units: units)
      let name = chosen.count <= perPage ? stem : "\(stem)-\(number + 1)"
      try run.write(bytes: Data(try sheet.svg().utf8), to: "figures/\(name).svg")
      let picture = try sheet.picture()
      try run.write(bytes: Data(try picture.encodedPNG()), to: "figures/\(name).png")
      pages.append(Sheets.Page(name: name, rows: picture.rows, columns: picture.columns))
    }
    try run.write(json: Sheets(pages: pages), to: "figures/\(stem).json")
  }

  /// The run's page: facts, each layer's sheets, and every unit's strongest pictures as a table.
  private func writePage(_ table: FeatureTable) throws {
    let skipped = source.skipped
    var sections = try zip(layers, table.layers).map { layer, described in
      let sheets = try run.read(Sheets.self, from: "figures/\(layer.name.fileName).json")
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

  private struct Report: Encodable {
    var run: String
    var layers: [String]
    var pictures: Int
    var skipped: [Skipped]
  }

  private func report(_ table: FeatureTable) throws {
    let skipped = source.skipped
    if common.json {
      return try Terminal.print(
        json: Report(
          run: command.out, layers: table.layers.map(\.layer),
          pictures: source.dataset.items.count - skipped.count,
          skipped: skipped))
    }
    guard !quiet else { return }
    if !skipped.isEmpty {
      Terminal.say("\(skipped.count) pictures could not be read: see \(run.path(of: "skipped.json"))")
    }
    Terminal.print(command.searchOnly ? run.path(of: "features.json") : run.path(of: "index.html"))
  }

  private var common: CommonOptions { command.common }
}

extension String {
  /// A layer's name as a file's: what a path cannot hold becomes a dash.
  fileprivate var fileName: String {
    String(map { $0.isLetter || $0.isNumber || "._-".contains($0) ? $0 : "-" })
  }
}

extension Float {
  /// Three significant digits or so.
  fileprivate var short: String {
    let value = Double(self)
    return abs(value) >= 100 ? "\(Int(value.rounded()))" : "\((value * 10).rounded() / 10)"
  }
}
