internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks

public import Studies
public import Tensors

extension Explorer {
  /// What a copy holds, worked out before it is made.
  public struct CopyPlan: Sendable {
    let scope: Scope
    let units: [String: [Int]]
    /// How many units and images it shows.
    public let count: (units: Int, images: Int)
    /// How many bytes it takes, judged by a few units of each layer.
    public let bytes: Int
  }

  /// Pixels along the longer side of a copy's whole images.
  private static let imageSide = 128

  /// Plans a copy of the pages that opens from the disk and from any host.
  ///
  /// - Parameters:
  ///   - names: Layers; nil for all of the run.
  ///   - choice: Units of each.
  /// - Returns: What it will hold.
  /// - Throws: `NetworkError` for a layer that is not there, or `StudyError` for one that the run has not searched.
  public func copyPlan(layers names: [String]?, units choice: UnitChoice) async throws -> CopyPlan {
    let stems = try names?.map { name -> String in
      let found = try view.study.subject.network.layer(named: name).name
      guard let layer = view.layers.first(where: { $0.name == found }) else {
        throw StudyError(
          "this run has not searched the layer '\(name)'; it has \(view.layers.map(\.name).joined(separator: ", "))."
        )
      }
      return layer.stem
    }
    let chosen = view.layers.filter { stems?.contains($0.stem) ?? true }
    let units = Dictionary(
      chosen.map { ($0.stem, choice.units(of: $0.units.count)) }, uniquingKeysWith: { one, _ in one })
    let scope = Scope.copy(of: units)
    let images = self.images(of: chosen, units)
    var bytes = images.count * 2200
    for layer in chosen {
      let all = units[layer.stem] ?? []
      let some = all.filter { !layer.units[$0].isDead }.prefix(3)
      try await darkroom.draw(Array(some), of: layer, rule: view.run.rule)
      var sampled = 0
      for unit in some {
        for file in Self.copied {
          sampled += try await darkroom.unit(unit, of: layer, rule: view.run.rule, file).count
        }
        sampled += try await darkroom.film(of: unit, in: layer)?.count ?? 0
        sampled += page(layer, layer.units[unit], scope).utf8.count + layer.grid.tile.rows * 60
      }
      bytes += sampled / max(some.count, 1) * all.count
    }
    return CopyPlan(
      scope: scope, units: units, count: (units.values.reduce(0) { $0 + $1.count }, images.count),
      bytes: bytes)
  }

  private static let copied = [UnitPicture.File.projections, .patches]

  private func page(_ layer: RunView.Layer, _ unit: RunView.Unit, _ scope: Scope) -> String {
    unitPage(layer, unit, view.run.rule, in: scope).page.html(of: view, in: scope).text
  }

  /// Images that pages of some units show, by id.
  private func images(of layers: [RunView.Layer], _ units: [String: [Int]]) -> [Int] {
    var ids = Set<Int>()
    for layer in layers {
      for unit in units[layer.stem] ?? [] {
        ids.formUnion(layer.units[unit].entries.map(\.image))
        guard let distribution = view.peaks.distributions[layer.value] else { continue }
        ids.formUnion(distribution.samples(unit: unit).flatMap(\.images))
        ids.formUnion(distribution.leastActive(unit: unit).map(\.image))
      }
    }
    return ids.sorted()
  }

  /// Writes the copy: the same pages at the same addresses, as files.
  ///
  /// - Parameters:
  ///   - plan: What it holds.
  ///   - folder: Where; made if it is not there. A copy that was stopped is written once more.
  ///   - cancellation: Asked between units.
  ///   - listener: Told how far it is.
  /// - Throws: `FileError` where files cannot be written, `StudyError` for a folder of something else, or `Interruption`.
  public func copy(
    _ plan: CopyPlan, to folder: String, cancellation: Cancellation = .never, listener: Listener
  ) async throws {
    let names = (try? FolderListing(folder, hidden: true))?.names ?? []
    guard names.isEmpty || names.contains("explorer.css") else {
      throw StudyError(
        "\(folder) holds something else. Give a folder that is not there yet, or an earlier copy.")
    }
    func write(_ bytes: some Sequence<UInt8>, _ path: String) throws(FileError) {
      let file = folder + "/" + path
      try FileSystem.makeFolder(FileSystem.folder(of: file))
      try DurableFile.write(Data(bytes), to: file)
    }
    let (scope, rule) = (plan.scope, view.run.rule)
    try write(Assets.style.utf8, "explorer.css")
    try write(Assets.script.utf8, "explorer.js")
    try write(Assets.icon.utf8, "explorer.svg")
    var meter = Meter(listener, "copy", total: plan.count.units, unit: "units")
    var done = 0
    let layers = view.layers.filter(scope.has)
    for layer in layers {
      let units = plan.units[layer.stem] ?? []
      try write(LayerPage.style(of: layer).utf8, "layers/\(layer.stem).css")
      let page = LayerPage(view: view, layer: layer, scope: scope).page
      try write(page.html(of: view, in: scope).text.utf8, "layers/\(layer.stem).html")
      var atlases = Set(units.map { layer.places[$0] / Atlas.most }).sorted().compactMap {
        Atlas.numbered($0, of: layer)
      }
      if let strip = Atlas.strip(of: layer, in: scope) { atlases.append(strip) }
      for atlas in atlases {
        try cancellation.check("stopped; the same command writes the copy anew.")
        try write(
          try await overviews.atlas(atlas, of: layer, rule: rule),
          "atlases/\(rule.rawValue)/\(layer.stem)/\(atlas.name).jpg")
      }
      if let filters = view.wiring.filters(of: layer.name) {
        try write(
          try FilterGrid.picture(of: filters, side: LayerPage.filterSide).encodedPNG(),
          "filters/\(layer.stem).png")
      }
      for start in stride(from: 0, to: units.count, by: 32) {
        try cancellation.check("stopped; the same command writes the copy anew.")
        let some = Array(units[start..<min(start + 32, units.count)])
        try await darkroom.draw(some.filter { !layer.units[$0].isDead }, of: layer, rule: rule)
        for unit in some {
          for file in Self.copied where !layer.units[unit].isDead {
            try write(
              try await darkroom.unit(unit, of: layer, rule: rule, file),
              "tiles/\(rule.rawValue)/\(layer.stem)/\(unit)\(file.rawValue)")
          }
          if let film = try await darkroom.film(of: unit, in: layer) {
            try write(film, "epochs/\(layer.stem)/\(unit).jpg")
          }
          try write(self.page(layer, layer.units[unit], scope).utf8, "units/\(layer.stem)/\(unit).html")
        }
        done += some.count
        meter.show(done)
      }
    }
    for study in view.studies {
      let page = StudyPage(view: view, study: study, scope: scope).page
      try write(page.html(of: view, in: scope).text.utf8, "runs/\(study.name).html")
      for figure in study.figures {
        if let svg = study.svg(figure.name) { try write(svg, "runs/\(study.name)/\(figure.name).svg") }
      }
    }
    for id in images(of: layers, plan.units) {
      try cancellation.check("stopped; the same command writes the copy anew.")
      try write(try darkroom.image(id, side: Self.imageSide), "images/\(id).webp")
    }
    // The page that leads to all others is written last: where it stands, the copy is whole.
    try write(
      HomePage(view: view, notes: notebook.readable.notes, scope: scope).page.html(of: view, in: scope).text
        .utf8, "index.html")
    meter.finish()
  }
}
