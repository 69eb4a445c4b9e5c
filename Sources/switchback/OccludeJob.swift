internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Peaks
internal import Studies
internal import Tensors

/// The stages of `occlude`: sweeps, picture by picture; then the sheets.
struct OccludeJob {
  let command: OccludeCommand
  let subject: StudySubject
  let run: RunFolder

  private var common: CommonOptions { command.common }

  func perform() throws {
    let sizes = try command.sizes()
    let names = subject.source.dataset.fileNames
    if subject.scores == nil, !common.quiet {
      Terminal.say("note: \(command.model) classifies nothing; only feature maps are watched.")
    }
    try sweep(sizes, names)
    try run.write(json: subject.source.skipped(), to: "skipped.json")
    try draw(sizes, names)
    try report(sizes, names)
  }

  private func file(_ name: String, _ size: Int, of sizes: [Int]) -> String {
    "occlusion/\(name)\(sizes.count > 1 ? "-size\(size)" : "")"
  }

  /// Sweeps the pictures whose results are not there, eight at a time so that they share batches.
  private func sweep(_ sizes: [Int], _ names: [String]) throws {
    let study = try Occlusion(subject.network, layers: subject.namedValues, threads: common.workers)
    let input = try subject.network.inputShape(images: 1)
    for size in sizes {
      let positions = try Occlusion.positions(size: size, stride: command.stride, over: input)
      let waiting = names.indices.filter { !run.contains(file(names[$0], size, of: sizes) + ".json") }
      var progress = Progress(
        "occlude \(size)", total: waiting.count * positions, unit: "positions", quiet: common.quiet)
      for start in stride(from: 0, to: waiting.count, by: 8) {
        var ids: [Int] = []
        var subjects: [Occlusion.Subject] = []
        for id in waiting[start..<min(start + 8, waiting.count)] {
          guard let (_, input) = try subject.prepared(id) else { continue }
          ids.append(id)
          subjects.append(
            Occlusion.Subject(
              input: input,
              cover: command.fill.cover(
                of: input, subject.source.preprocessing, seed: common.seed &+ UInt64(id)),
              label: try subject.label(command.label, of: id)))
        }
        let before = start * positions
        let sweeps = try Interrupts.heeded {
          try study.sweep(subjects, size: size, stride: command.stride) { done, _ in
            progress.show(before + done)
            return !Interrupts.isRaised
          }
        }
        guard let sweeps else {
          throw Interruption(
            description: "stopped after \(start) pictures; the same command goes on from there.")
        }
        for (id, sweep) in zip(ids, sweeps) {
          let file = file(names[id], size, of: sizes)
          if let scores = sweep.scores {
            try SafeTensors(["logits": scores]).write(to: try run.preparedPath(of: file + ".safetensors"))
          }
          // Written last: it says that the picture is done.
          try run.write(json: sweep.map, to: file + ".json")
        }
      }
      progress.finish(waiting.count * positions)
    }
    guard subject.source.skipped().count < names.count else {
      throw ArgumentError(
        "none of the pictures in \(command.pictures) could be read: \(subject.source.skipped()[0].reason)")
    }
  }

  // MARK: Sheets

  private static let rowsOfSheet = 8

  /// The pictures whose results are there, by id.
  private func done(_ size: Int, _ sizes: [Int], _ names: [String]) -> [Int] {
    names.indices.filter { run.contains(file(names[$0], size, of: sizes) + ".json") }
  }

  private func draw(_ sizes: [Int], _ names: [String]) throws {
    var sections: [RunPage.Section] = []
    let neighbours = try Neighbours(command: command, subject: subject)
    for size in sizes {
      let ids = done(size, sizes, names)
      var figures: [(file: String, columns: Int, rows: Int, description: String)] = []
      for (page, start) in stride(from: 0, to: ids.count, by: Self.rowsOfSheet).enumerated() {
        let rows = try ids[start..<min(start + Self.rowsOfSheet, ids.count)].compactMap { id in
          try row(
            id, size, try run.read(OcclusionMap.self, from: file(names[id], size, of: sizes) + ".json"),
            neighbours)
        }
        let sheet = OcclusionSheet(
          title: "\((command.model as NSString).lastPathComponent): what a square hides",
          subtitle:
            "a \(command.fill.rawValue) square of \(size) pixels, every \(command.stride) pixels; each cell is "
            + "where its middle was, the mark on a scale is the picture unoccluded", rows: rows)
        let drawing = try sheet.drawing()
        let name = "figures/occlusion-\(size)" + (ids.count > Self.rowsOfSheet ? "-\(page + 1)" : "")
        try run.write(bytes: Data(try drawing.svg().utf8), to: name + ".svg")
        try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: name + ".png")
        figures.append((name, drawing.columns, drawing.rows, "occlusion maps, a row a picture"))
      }
      sections.append(RunPage.Section(title: "A square of \(size) pixels", bodies: [.figures(figures)]))
    }
    let skipped = subject.source.skipped()
    if !skipped.isEmpty {
      sections.append(
        RunPage.Section(
          title: "Skipped pictures",
          bodies: [.table(headings: ["picture", "reason"], rows: skipped.map { [$0.image, $0.reason] })]))
    }
    let page = RunPage(
      title: "What \((command.model as NSString).lastPathComponent) looks at",
      facts: [
        ("model", command.model), ("pictures", command.pictures), ("fill", command.fill.rawValue),
        ("preparation", "\(subject.source.preprocessing)"),
      ], sections: sections)
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
  }

  private func row(_ id: Int, _ size: Int, _ map: OcclusionMap, _ neighbours: Neighbours) throws
    -> OcclusionSheet.Row?
  {
    guard let (picture, _) = try subject.prepared(id) else { return nil }
    var heats = subject.layers.compactMap { layer in
      map.maps[layer.name].map {
        OcclusionSheet.Heat(
          title: "\(layer.name) map \($0.unit): total activation", values: $0.total, base: $0.base)
      }
    }
    var names: [Int: String] = [:]
    if let label = map.label, let base = map.base, let probability = map.probability {
      heats.append(
        OcclusionSheet.Heat(
          title: "probability of \(subject.network.name(ofClass: label).prefix(22))", values: probability,
          base: base.probability, range: 0...1))
      for index in Set((map.labels ?? []).flatMap(\.self)) {
        names[index] = String(subject.network.name(ofClass: index).prefix(30))
      }
    }
    let watched = subject.layers.first.flatMap { layer in map.maps[layer.name].map { $0.unit } }
    return OcclusionSheet.Row(
      caption: String(subject.source.dataset.items[id].path.suffix(32)), picture: picture, rows: map.rows,
      columns: map.columns, size: size, heats: heats,
      projections: try watched.map { try neighbours.projections(of: $0, in: id) } ?? [], labels: map.labels,
      names: names)
  }

  private struct Report: Encodable {
    var run: String
    var pictures: Int
    var skipped: [Skipped]
  }

  private func report(_ sizes: [Int], _ names: [String]) throws {
    let skipped = subject.source.skipped()
    if common.json {
      return try Terminal.print(
        json: Report(run: command.out, pictures: names.count - skipped.count, skipped: skipped))
    }
    guard !common.quiet else { return }
    if !skipped.isEmpty {
      Terminal.say("\(skipped.count) pictures could not be read: see \(run.path(of: "skipped.json"))")
    }
    try Terminal.print(run.path(of: "index.html"))
  }
}
