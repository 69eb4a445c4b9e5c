internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
public import Kernels
internal import Networks
internal import Peaks
internal import Tensors

/// Chosen units of a run of `features`, made ready to be drawn at a size on paper: their projections and patches.
///
/// Projections are those of the run's arrays where it has kept them, else they are computed again from the model and the
/// pictures that the run names. Patches are always cut from the pictures.
public struct UnitFigure {
  /// Units of a layer, as `conv5:9,17,30`.
  public struct Choice: Sendable {
    public let layer: String
    public let units: [Int]

    /// - Throws: ``StudyError`` where the text is no layer's name, a colon and units.
    public init(_ text: String) throws(StudyError) {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      let numbers = parts.last?.split(separator: ",", omittingEmptySubsequences: false) ?? []
      let units = numbers.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
      guard parts.count > 1, units.count == numbers.count, units.allSatisfy({ $0 >= 0 }) else {
        throw StudyError("units are given as LAYER:NUMBERS, such as conv5:9,17,30; not '\(text)'.")
      }
      layer = parts.dropLast().joined(separator: ":")
      self.units = units
    }
  }

  /// One of a unit's strongest activations.
  struct Peak {
    /// The whole projection, rows x columns x channels, and where it begins in the network's input.
    var projection: Tensor
    var top: Int
    var left: Int
    /// The extents of the network's input.
    var input: (rows: Int, columns: Int)
    /// The part of the picture that the unit sees.
    var patch: Picture
  }

  /// A unit: its largest activation, and its peaks, strongest first; none where it was never active, or no picture of
  /// theirs can be read.
  struct Unit {
    var number: Int
    var strongest: Float
    var isActive: Bool
    var peaks: [Peak]
  }

  struct Layer {
    var name: String
    var units: [Unit]
  }

  let model: String
  let rule: RectifierRule
  let isBGR: Bool
  let layers: [Layer]
  /// What a picture that could not be read left out.
  public let notes: [String]

  /// - Parameters:
  ///   - folder: A finished run of `features`.
  ///   - choices: The units, in the order in which they are drawn.
  ///   - top: How many of each unit's activations are drawn; nil for all of the run's.
  ///   - rule: How signals pass rectifiers; nil for the run's own.
  ///   - model: Where the model's file is now; nil for where the run had it.
  ///   - pictures: Where the pictures are now; nil for where the run had them.
  ///   - threads: How many compute.
  /// - Throws: ``StudyError`` where the run lacks a layer or a unit, or its model or pictures are not what they were.
  public init(
    ofRun folder: String, units choices: [Choice], top: Int? = nil, rule: RectifierRule? = nil,
    model: String? = nil, pictures: String? = nil, threads: Int
  ) throws {
    let run = try FeaturesRun(folder, pictures: pictures)
    let table = try run.table()
    let source = Source(run, model: model, rule: rule, top: top ?? run.configuration.top, threads)
    layers = try choices.map { choice in
      let found = try table.layers.first { $0.layer == choice.layer } ?? source.layer(choice.layer, of: table)
      for unit in choice.units where unit >= found.units.count {
        throw NetworkError.unknownUnit(unit: unit, layer: found.layer, units: found.units.count)
      }
      return try source.layer(found, choice.units)
    }
    self.model = table.model
    self.rule = source.rule
    isBGR = run.configuration.preprocessing.channels == .bgr
    notes = run.pictures.skipped().map { "\($0.image) is left out: \($0.reason)" }
  }
}

/// Where the projections and patches of a run come from.
private final class Source {
  /// Rows x columns x channels, and where they begin in the network's input.
  private typealias Projection = (pixels: Tensor, top: Int, left: Int)

  let rule: RectifierRule
  private let run: FeaturesRun
  private let top: Int
  private let model: String?
  private let threads: Int
  private var made: Features?

  init(_ run: FeaturesRun, model: String?, rule: RectifierRule?, top: Int, _ threads: Int) {
    self.run = run
    self.rule = rule ?? run.rule
    self.top = top
    self.threads = threads
    self.model = model
  }

  /// The study that made the run, opened once.
  private func study() throws -> Features {
    if let made { return made }
    let study = try run.study(model: model, rule: rule)
    made = study
    return study
  }

  /// A layer that the table has under another name.
  func layer(_ name: String, of table: FeatureTable) throws -> FeatureTable.Layer {
    let found = try study().subject.network.layer(named: name).name
    guard let layer = table.layers.first(where: { $0.layer == found }) else {
      throw StudyError(
        "\(run.folder) has not searched the layer '\(found)'; it has \(table.layers.map(\.layer).joined(separator: ", "))."
      )
    }
    return layer
  }

  /// Units of a layer with their peaks.
  func layer(_ layer: FeatureTable.Layer, _ units: [Int]) throws -> UnitFigure.Layer {
    var kept = try units.map { try arrays(of: $0, in: layer) }
    if kept.contains(where: { $0 == nil }) { kept = try projected(units, in: layer) }
    return UnitFigure.Layer(
      name: layer.layer,
      units: try zip(units, kept).map { number, projections in
        let entries = layer.units[number].top.prefix(top)
        return UnitFigure.Unit(
          number: number, strongest: entries.first?.value ?? 0, isActive: entries.contains(where: isShown),
          peaks: try zip(entries, projections ?? []).compactMap { entry, projection in
            guard let projection, let id = run.ids.exact(entry.image).first,
              let framing = try run.pictures.framing(of: id), let seen = try run.pictures.seen(id)
            else { return nil }
            // What is drawn beside the projection is what that covers of the picture.
            let covered = Box(
              top: max(0, projection.top), left: max(0, projection.left),
              bottom: min(seen.rows, projection.top + projection.pixels.shape[0]),
              right: min(seen.columns, projection.left + projection.pixels.shape[1]))
            guard covered.rows > 0, covered.columns > 0 else { return nil }
            return UnitFigure.Peak(
              projection: projection.pixels, top: projection.top, left: projection.left,
              input: (seen.rows, seen.columns),
              patch: try run.pictures.dataset.picture(id).cropped(to: framing.original(covered)))
          })
      })
  }

  private func isShown(_ entry: FeatureTable.Entry) -> Bool {
    entry.value > 0 || run.configuration.preActivation
  }

  /// The projections of a unit that the run has kept, one an activation; nil where it has not.
  private func arrays(of unit: Int, in layer: FeatureTable.Layer) throws -> [Projection?]? {
    guard rule.rawValue == run.configuration.rule else { return nil }
    func stem(_ name: String) -> String { fileNames(forLayers: [name])[0].lowercased() }
    // Of two layers whose names come to one file's name, which has which cannot be told from the names alone.
    guard run.configuration.layers.count(where: { stem($0) == stem(layer.layer) }) == 1 else { return nil }
    let path = "\(run.folder)/projections/\(fileNames(forLayers: [layer.layer])[0]).safetensors"
    guard let numbers = try SafeTensors.array("units", in: path)?.elements,
      let row = numbers.firstIndex(of: Float(unit)),
      let boxes = try SafeTensors.array("boxes", slice: row, in: path),
      let all = try SafeTensors.array("projections", slice: row, in: path), all.shape.rank == 4,
      boxes.shape == [all.shape[0], 4]
    else { return nil }
    let corners = boxes.elements.compactMap { Int(exactly: $0) }
    guard corners.count == boxes.elements.count else { return nil }
    return layer.units[unit].top.prefix(min(top, all.shape[0])).enumerated().map {
      rank, entry -> Projection? in
      guard isShown(entry) else { return nil }
      let shape = Array(all.shape.dimensions.dropFirst())
      return (
        all.slices(rank..<rank + 1).reshaped(to: Shape(shape)), corners[rank * 4],
        corners[rank * 4 + 1]
      )
    }
  }

  /// The projections of units, computed again.
  private func projected(_ units: [Int], in layer: FeatureTable.Layer) throws -> [[Projection?]?] {
    let study = try study()
    guard let value = study.layers.first(where: { $0.name == layer.layer })?.value else {
      throw StudyError("\(run.folder) has not searched the layer '\(layer.layer)'.")
    }
    let gallery = try Gallery(study.subject.network, value: value, rule: rule, threads: threads)
    let places = Set(units).sorted().flatMap { unit in
      layer.units[unit].top.prefix(top).enumerated().compactMap { rank, entry -> Gallery.Place? in
        guard isShown(entry), let id = run.ids.exact(entry.image).first else { return nil }
        return (unit, rank, Peak(value: entry.value, image: id, row: entry.row, column: entry.column))
      }
    }
    var found: [Int: [Int: Projection]] = [:]
    let pictures = run.pictures
    try gallery.project(places, input: { try pictures.tensor($0) }) { results in
      for (place, projection) in results {
        found[place.unit, default: [:]][place.rank] = (projection.pixels, projection.top, projection.left)
      }
    }
    return units.map { unit in layer.units[unit].top.prefix(top).indices.map { found[unit]?[$0] } }
  }
}
