internal import Attribution
internal import Datasets
internal import Execution
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Synchronization
internal import Tensors

/// Makes the pictures that pages show, when they are asked for.
///
/// One piece of work at a time, and none for a page that was left meanwhile; what the run has drawn already, or is kept
/// from before, waits for nothing.
actor Darkroom {
  private let view: RunView
  private let threads: Int
  private let cache: PictureCache
  /// Galleries hold a network's prepared weights: the last few are kept, and those of a layer at all epochs.
  private var galleries: [(key: String, gallery: Gallery)] = []
  private let mostGalleries: Int
  private var controlled: [(key: String, controls: Controls)] = []

  init(_ view: RunView, threads: Int, cache: PictureCache) {
    (self.view, self.threads, self.cache) = (view, threads, cache)
    mostGalleries = 4 + min(view.epochs?.numbers.count ?? 0, 16)
  }

  // MARK: Pictures of units

  /// The path of a unit's file in the run, and its name in the cache.
  private nonisolated func path(
    _ unit: Int, _ layer: RunView.Layer, _ rule: RectifierRule, _ file: UnitPicture.File
  ) -> String {
    "gallery/\(rule.rawValue)/\(layer.stem)/\(unit)\(file.rawValue)"
  }

  /// A file of a unit's tiles.
  nonisolated func unit(
    _ unit: Int, of layer: RunView.Layer, rule: RectifierRule, _ file: UnitPicture.File
  ) async throws -> [UInt8] {
    let path = path(unit, layer, rule, file)
    if let known = cache[path] { return known }
    if isDrawn(path, layer, file), let drawn = FileSystem.contents(of: view.run.folder + "/" + path) {
      return [UInt8](drawn)
    }
    return try await drawn(unit, layer, rule)[file] ?? []
  }

  /// Whether the run has drawn a file of tiles: one of another size, or none of a picture, is not the run's, whatever it is
  /// called, and may be a link to something that is nobody's business.
  private nonisolated func isDrawn(
    _ path: String, _ layer: RunView.Layer, _ file: UnitPicture.File
  ) -> Bool {
    let extents = try? Picture.extents(of: view.run.folder + "/" + path)
    return extents.map { $0 == layer.grid.extents(grids: file == .views ? 2 : 1) } ?? false
  }

  private func drawn(
    _ unit: Int, _ layer: RunView.Layer, _ rule: RectifierRule
  ) throws -> [UnitPicture.File: [UInt8]] {
    try draw([unit], of: layer, rule: rule)
    return UnitPicture.File.allCases.reduce(into: [:]) { $0[$1] = cache[path(unit, layer, rule, $1)] }
  }

  /// Draws units that neither the run nor an earlier page has drawn, together.
  func draw(_ units: [Int], of layer: RunView.Layer, rule: RectifierRule) throws {
    let missing = units.filter { unit in
      !UnitPicture.File.allCases.allSatisfy { file in
        let path = path(unit, layer, rule, file)
        return cache[path] != nil || isDrawn(path, layer, file)
      }
    }
    guard !missing.isEmpty else { return }
    try Task.checkCancellation()
    let tiles = try tiles(of: missing, in: layer, ranks: nil, rule: rule)
    let depth = view.study.top
    let jobs = missing.flatMap { unit in UnitPicture.File.allCases.map { (unit, $0) } }
    let files = try Pool.map(over: jobs.indices, threads: threads) { index -> [UInt8] in
      let (unit, file) = jobs[index]
      let shown = tiles[unit] ?? []
      return try layer.grid.encoded(file, (0..<depth).map { $0 < shown.count ? shown[$0] : nil })
    }
    for ((unit, file), bytes) in zip(jobs, files) { cache[path(unit, layer, rule, file)] = bytes }
  }

  /// Tiles of units' strongest activations, by unit in the order of their ranks: of each so many, or all.
  private func tiles(
    of units: [Int], in layer: RunView.Layer, ranks: Int?, rule: RectifierRule
  ) throws -> [Int: [PeakTile?]] {
    let places = units.flatMap { layer.units[$0].places.prefix(ranks ?? .max) }
    let found = try tiles(
      at: places, by: try gallery(layer.value, rule), field: layer.field, of: view.run.pictures)
    return Dictionary(grouping: places, by: \.unit).mapValues { places in
      places.map { found[$0.unit]?[$0.rank] }
    }
  }

  /// Tiles of activations, by unit and rank.
  private func tiles(
    at places: [Gallery.Place], by gallery: Gallery, field: (rows: Int, columns: Int),
    of pictures: PreparedPictures
  ) throws -> [Int: [Int: PeakTile]] {
    let preprocessing = pictures.preprocessing
    let maker = TileMaker(field: field, preprocessing: preprocessing, side: view.side)
    var found: [Int: [Int: PeakTile]] = [:]
    let held = Mutex([Int: Picture]())
    try gallery.project(
      places,
      input: { image in
        guard let seen = try pictures.seen(image) else { return nil }
        held.withLock { $0[image] = seen }
        return seen.values(preprocessing)
      }
    ) { results in
      let seen = held.withLock { $0 }
      let tiles = try Pool.map(over: results.indices, threads: threads) { index -> PeakTile? in
        let (place, projection) = results[index]
        return try seen[place.peak.image].flatMap {
          try maker.tile(of: projection.pixels, top: projection.top, left: projection.left, in: $0)
        }
      }
      for (result, tile) in zip(results, tiles) {
        found[result.place.unit, default: [:]][result.place.rank] = tile
      }
      held.withLock { $0 = [:] }
    }
    return found
  }

  private func gallery(_ value: String, _ rule: RectifierRule) throws -> Gallery {
    try gallery(rule.rawValue + " " + value) {
      try Gallery(view.study.subject.network, value: value, rule: rule, threads: threads)
    }
  }

  /// A gallery of a layer as it was at an epoch, by the run's rule.
  private func gallery(_ layer: RunView.Layer, at epoch: Int, of run: EvolveRun) throws -> Gallery {
    try gallery("epoch \(epoch) \(layer.value)") {
      let network = try run.network(epoch)
      return try Gallery(
        network, value: try run.value(of: layer.name, in: network), rule: view.run.rule, threads: threads)
    }
  }

  /// The gallery that is kept under a key, or a new one.
  private func gallery(_ key: String, _ make: () throws -> Gallery) throws -> Gallery {
    if let place = galleries.firstIndex(where: { $0.key == key }) {
      let found = galleries.remove(at: place)
      galleries.append(found)
      return found.gallery
    }
    let gallery = try make()
    if galleries.count == mostGalleries { galleries.removeFirst() }
    galleries.append((key, gallery))
    return gallery
  }

  /// A unit's projections as arrays, one an activation, the strongest first: `projections`, n x rows x columns x channels in
  /// the network's order of channels, and `boxes`, where each lies in the network's input.
  func arrays(of unit: RunView.Unit, in layer: RunView.Layer, rule: RectifierRule) throws -> SafeTensors {
    try Task.checkCancellation()
    let places = unit.places
    let (pictures, preprocessing) = (view.run.pictures, view.run.configuration.preprocessing)
    let (rows, columns) = layer.field
    var found = [Tensor](
      repeating: Tensor([1, rows, columns, preprocessing.channels.count]), count: places.count)
    var boxes = [Float](repeating: 0, count: 4 * places.count)
    try gallery(layer.value, rule).project(
      places, input: { try pictures.seen($0)?.values(preprocessing) }
    ) { results in
      for (place, projection) in results {
        let shape = projection.pixels.shape
        found[place.rank] = projection.pixels.reshaped(to: Shape([1] + shape.dimensions))
        let box = [
          projection.top, projection.left, projection.top + shape[0], projection.left + shape[1],
        ]
        for edge in 0..<4 { boxes[4 * place.rank + edge] = Float(box[edge]) }
      }
    }
    return SafeTensors(
      [
        "projections": Tensor.stacking(found), "boxes": Tensor([places.count, 4], elements: boxes),
      ], metadata: ["layer": layer.name, "unit": "\(unit.number)", "rule": rule.rawValue])
  }

  // MARK: Controls

  /// A unit's controls.
  func controls(of unit: RunView.Unit, in layer: RunView.Layer, rule: RectifierRule) throws -> Controls {
    let key = "\(rule.rawValue)/\(layer.stem)/\(unit.number)"
    if let (_, known) = controlled.first(where: { $0.key == key }) { return known }
    try Task.checkCancellation()
    let made = try Controls(of: unit, in: layer, rule: rule, view: view, threads: threads)
    if controlled.count == 16 { controlled.removeFirst() }
    controlled.append((key, made))
    return made
  }

  // MARK: Overviews

  /// Some units' strongest activations on one picture: for each, its patch and beside that its projection.
  nonisolated func atlas(_ atlas: Atlas, of layer: RunView.Layer, rule: RectifierRule) async throws -> [UInt8]
  {
    let key = "atlas/\(rule.rawValue)/\(layer.stem)/\(atlas.name)"
    if let known = cache[key] { return known }
    let bytes = try await composed(atlas, of: layer, rule: rule)
    cache[key] = bytes
    return bytes
  }

  private func composed(_ atlas: Atlas, of layer: RunView.Layer, rule: RectifierRule) throws -> [UInt8] {
    try Task.checkCancellation()
    let tiles = try tiles(of: atlas.units, in: layer, ranks: 1, rule: rule)
    return try atlas.drawn { tiles[$0]?.first ?? nil }
  }

  // MARK: Epochs

  /// The units of an atlas as they were at an epoch.
  nonisolated func atlas(_ atlas: Atlas, of layer: RunView.Layer, at epoch: Int) async throws -> [UInt8]? {
    let key = "epochs/\(layer.stem)/\(epoch)/\(atlas.name)"
    if let known = cache[key] { return known }
    guard let bytes = try await composed(atlas, of: layer, at: epoch) else { return nil }
    cache[key] = bytes
    return bytes
  }

  private func composed(_ atlas: Atlas, of layer: RunView.Layer, at epoch: Int) throws -> [UInt8]? {
    guard let epochs = view.epochs, let place = epochs.numbers.firstIndex(of: epoch), epochs.has(layer) else {
      return nil
    }
    try Task.checkCancellation()
    let places = atlas.units.compactMap { unit in
      epochs.moments(of: unit, in: layer)[place].peak.map { (unit: unit, rank: 0, peak: $0) }
    }
    let tiles = try tiles(
      at: places, by: try gallery(layer, at: epoch, of: epochs.run), field: layer.field,
      of: epochs.run.pictures)
    return try atlas.drawn { tiles[$0]?[0] }
  }

  /// A unit at every epoch, in order: its strongest patch of each and beside that its projection; nil where its layer was
  /// not searched.
  nonisolated func film(of unit: Int, in layer: RunView.Layer) async throws -> [UInt8]? {
    let key = "film/\(layer.stem)/\(unit)"
    if let known = cache[key] { return known }
    guard let bytes = try await developed(unit, layer) else { return nil }
    cache[key] = bytes
    return bytes
  }

  private func developed(_ unit: Int, _ layer: RunView.Layer) throws -> [UInt8]? {
    guard let epochs = view.epochs, epochs.has(layer) else { return nil }
    var frames: [PeakTile?] = []
    for moment in epochs.moments(of: unit, in: layer) {
      try Task.checkCancellation()
      guard let peak = moment.peak else {
        frames.append(nil)
        continue
      }
      frames.append(
        try tiles(
          at: [(unit: unit, rank: 0, peak: peak)], by: try gallery(layer, at: moment.epoch, of: epochs.run),
          field: layer.field, of: epochs.run.pictures)[unit]?[0])
    }
    return try Atlas.film(of: layer, frames: frames.count).drawn { frames[$0] }
  }

  // MARK: The game

  /// What a question shows: its references in a grid, or one of its choices.
  func picture(
    of game: Game, in layer: RunView.Layer, _ shown: Game.Shown, choice: Int?
  ) throws -> [UInt8]? {
    guard choice.map(game.choices.indices.contains) ?? true else { return nil }
    let places = choice.map { [game.choices[$0]] } ?? game.references
    let tiles = try tiles(
      at: places.map { layer.units[$0.unit].places[$0.rank] }, by: try gallery(layer.value, view.run.rule),
      field: layer.field, of: view.run.pictures)
    let grid = UnitPicture(depth: places.count, tile: layer.grid.tile)
    let pictures = places.map { place -> (picture: Picture, box: Box)? in
      tiles[place.unit]?[place.rank].map {
        (choice == nil && shown == .projections ? $0.field.projection : $0.field.patch, $0.box)
      }
    }
    let drawn = grid.drawn([pictures]).picture
    let scale = max(1, 96 / max(grid.tile.rows, grid.tile.columns))
    return try drawn.resized(rows: scale * drawn.rows, columns: scale * drawn.columns, by: .nearest).encoded(
      as: .sharpJPEG(quality: 85))
  }

  /// A whole picture, small.
  nonisolated func image(_ id: Int, side: Int) throws -> [UInt8] {
    let key = "image/\(side)/\(id)"
    if let known = cache[key] { return known }
    let bytes = try view.run.pictures.dataset.picture(id).fitted(into: side).encoded(as: .webp(quality: 70))
    cache[key] = bytes
    return bytes
  }
}

/// How units' strongest tiles lie on one picture: a row of at most so many, patch beside projection.
struct Atlas: Sendable {
  /// Its name among the layer's.
  let name: String
  /// In their order on it.
  let units: [Int]
  /// How many pixels a tile's pixel is wide: small tiles are drawn as squares that can be seen.
  let scale: Int
  /// The extents of a tile as it is drawn.
  let tile: (rows: Int, columns: Int)

  private init(name: String, units: [Int], of layer: RunView.Layer) {
    let tile = layer.grid.tile
    (self.name, self.units) = (name, units)
    scale = max(1, 36 / max(tile.rows, tile.columns))
    self.tile = (scale * tile.rows, scale * tile.columns)
  }

  private static let (across, gap) = (8, 2)
  /// How many units an atlas holds: it has at most 2,048 pixels a side.
  static let most = 64

  /// The upper left corner of the unit at a place.
  func corner(_ place: Int) -> (row: Int, column: Int) {
    (place / Self.across * (tile.rows + Self.gap), place % Self.across * (2 * tile.columns + Self.gap))
  }

  /// What stands where a tile reaches beyond its picture: zero's grey would be a projection of nothing.
  static func hatched(rows: Int, columns: Int) -> Picture {
    Picture(
      rows: rows, columns: columns,
      pixels: (0..<rows * columns).flatMap { place -> [UInt8] in
        let shade: UInt8 = (place / columns + place % columns) % 6 == 0 ? 90 : 165
        return [shade, shade, shade]
      })
  }

  /// The atlas as a file, given the tile of each of its units; hatched where there is none.
  func drawn(_ tile: (_ unit: Int) -> PeakTile?) throws -> [UInt8] {
    var canvas = Canvas(rows: rows, columns: columns, shade: 128)
    let outside = Self.hatched(rows: self.tile.rows, columns: 2 * self.tile.columns)
    for (place, unit) in units.enumerated() {
      let corner = corner(place)
      canvas.place(outside, top: corner.row, left: corner.column)
      guard let tile = tile(unit) else { continue }
      for (picture, shift) in [(tile.field.patch, 0), (tile.field.projection, self.tile.columns)] {
        canvas.place(
          try picture.resized(rows: scale * picture.rows, columns: scale * picture.columns, by: .nearest),
          top: corner.row + scale * tile.box.top, left: corner.column + shift + scale * tile.box.left)
      }
    }
    return try canvas.picture.encoded(as: .sharpJPEG(quality: 60))
  }

  var rows: Int { (units.count + Self.across - 1) / Self.across * (tile.rows + Self.gap) - Self.gap }
  var columns: Int { min(units.count, Self.across) * (2 * tile.columns + Self.gap) - Self.gap }

  /// The atlas of a layer with a number, the most telling units on the first; nil where the layer has fewer.
  static func numbered(_ number: Int, of layer: RunView.Layer) -> Atlas? {
    guard number >= 0, number < (layer.units.count + most - 1) / most else { return nil }
    return Atlas(
      name: "\(number)",
      units: Array(layer.order[number * most..<min((number + 1) * most, layer.units.count)]), of: layer)
  }

  /// One unit at so many moments, in place of units: each is called by its number.
  static func film(of layer: RunView.Layer, frames: Int) -> Atlas {
    Atlas(name: "film", units: Array(0..<frames), of: layer)
  }

  /// The most telling units of a layer in one row; nil where all are dead.
  static func strip(of layer: RunView.Layer, in scope: Scope = .served) -> Atlas? {
    let units = layer.order.filter { !layer.units[$0].isDead && scope.has($0, of: layer) }.prefix(across)
    return units.isEmpty ? nil : Atlas(name: "strip", units: Array(units), of: layer)
  }
}

extension Picture {
  /// The picture so small that its longer side has so many pixels; itself where that is smaller.
  func fitted(into side: Int) throws(ImageError) -> Picture {
    let longest = max(rows, columns)
    guard longest > side else { return self }
    return try resized(
      rows: max(1, rows * side / longest), columns: max(1, columns * side / longest), by: .lanczos)
  }
}
