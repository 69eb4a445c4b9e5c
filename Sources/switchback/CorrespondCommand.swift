internal import ArgumentParser
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Studies
internal import Tensors

struct CorrespondCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "correspond",
    abstract: "Tests whether a network relates the same part of different pictures.",
    discussion: """
      Masks each part in every picture and compares the signs of the changes that makes to the features, \
      between pictures; random boxes as large are the measure. PARTS is a JSON file,
        {"pictures":["a.jpg","b.jpg"],"parts":{"nose":[[top,left,bottom,right],[...]]}}
      with a box a picture in its own pixels, or a data set that knows its parts, such as scenes:.

      EXAMPLE
        switchback correspond model.onnx --parts faces.json --out run --layers conv5,fc7
      """)

  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Option(
    help: "The parts: a JSON file, or a data set such as scenes:.", completion: .file(extensions: ["json"]))
  var parts: String

  @Option(
    help: ArgumentHelp("The run's folder; made if it is not there.", valueName: "run"), completion: .directory
  )
  var out: String

  @Option(
    help: ArgumentHelp(
      "Layers compared (default: every convolution and fully connected layer).", valueName: "a,b"))
  var layers: String?

  @Option(help: "What a mask shows: gray, mean or black.")
  var fill = OccluderFill.gray

  @Option(help: ArgumentHelp("Sets of random masks that each part is held against.", valueName: "n"))
  var draws = 199

  @Option(help: ArgumentHelp("Pictures taken from a data set.", valueName: "n"))
  var limit = 8

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("The class taken from a data set (default: the first picture's).", valueName: "name"))
  var className: String?

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard draws > 0 else { throw ValidationError("--draws must be 1 or more, not \(draws).") }
    guard limit > 1 else { throw ValidationError("--limit must be 2 or more, not \(limit).") }
    guard fill != .noise, fill != .blur else { throw ValidationError("--fill is gray, mean or black here.") }
  }

  private struct Configuration: Encodable {
    var study: StudyConfiguration
    var fill: String
    var draws: Int
    var seed: UInt64
  }

  func run() throws {
    let list = try PartsList(parts, limit: limit, className: className)
    try list.check()
    let subject = try StudySubject(
      model: model, dataset: list.dataset, pictures: parts, layers: layers, preprocessing: preprocessing,
      strict: true, common: common, usual: { $0.featureLayers(includingProducts: true) })
    let run = try RunFolder.open(
      at: out, kind: "correspond",
      configuration: Configuration(
        study: try subject.configuration(), fill: fill.rawValue, draws: draws, seed: common.seed))
    var subjects: [Correspondence.Subject] = []
    var pictures: [Picture] = []
    for (item, boxes) in zip(list.dataset.items, list.boxes) {
      guard let (picture, input) = try subject.prepared(item.id) else { continue }
      let (rows, columns) = try list.dataset.extents(of: item.id)
      let framing = try Framing(rows: rows, columns: columns, subject.source.preprocessing)
      subjects.append(
        Correspondence.Subject(name: item.path, input: input, parts: boxes.mapValues { framing.input($0) }))
      pictures.append(picture)
    }
    guard let first = subjects.first else { throw ArgumentError("\(parts) lists no picture.") }
    let filler = Array(
      fill.cover(of: first.input, subject.source.preprocessing, seed: 0).elements.prefix(
        first.input.shape.channels))
    let study = try Correspondence(
      subject.network, layers: subject.namedValues, filler: filler, draws: draws, seed: common.seed,
      threads: common.workers)
    var progress = Progress(
      "correspond", total: list.names.count * draws, unit: "sets of masks", quiet: common.quiet)
    let table = try Interrupts.heeded {
      try study.table(of: subjects, parts: list.names) { done, _ in
        progress.show(done)
        return !Interrupts.isRaised
      }
    }
    guard let table else { throw Interruption(description: "stopped; the same command starts again.") }
    progress.finish(list.names.count * draws)
    try write(table, subjects, pictures, list.names, run)
  }

  private func write(
    _ table: CorrespondenceTable, _ subjects: [Correspondence.Subject], _ pictures: [Picture],
    _ names: [String],
    _ run: RunFolder
  ) throws {
    let lines = CorrespondenceSheet.table(table)
    try run.write(json: table, to: "correspondence.json")
    try run.write(bytes: Data(lines.csv.utf8), to: "correspondence.csv")
    try run.write(bytes: Data(lines.markdown.utf8), to: "correspondence.md")
    let sheet = CorrespondenceSheet(
      title: "\((model as NSString).lastPathComponent): do parts correspond?",
      parts: names.map { name in
        CorrespondenceSheet.Part(
          name: name,
          pictures: zip(subjects, pictures).map { subject, picture in
            subject.parts[name].map { picture.filled($0, with: 128) } ?? picture
          })
      }, table: table)
    let drawing = try sheet.drawing()
    try run.write(bytes: Data(try drawing.svg().utf8), to: "figures/correspondence.svg")
    try run.write(bytes: Data(try drawing.picture().encodedPNG()), to: "figures/correspondence.png")
    let page = RunPage(
      title: "What \((model as NSString).lastPathComponent) relates",
      facts: [("model", model), ("parts", parts), ("random masks", "\(draws) sets a part")],
      sections: [
        RunPage.Section(
          title: "Parts",
          bodies: [
            .figures([
              ("figures/correspondence", drawing.columns, drawing.rows, "parts masked, and their table")
            ]),
            .table(headings: lines.headings, rows: lines.rows),
            .text(
              "Delta is the share of features whose change has another sign, averaged over pairs of pictures: low where "
                + "masking a part changes all pictures alike. p is the chance that random boxes agree as well."
            ),
          ])
      ])
    try run.write(bytes: Data(page.html().utf8), to: "index.html")
    if common.json { return try Terminal.print(json: table) }
    if !common.quiet {
      try Terminal.print(lines.markdown)
      try Terminal.print(run.path(of: "index.html"))
    }
  }
}

extension Picture {
  /// The picture with a box of one shade of grey, clipped to it.
  fileprivate func filled(_ box: Box, with shade: UInt8) -> Picture {
    var pixels = pixels
    for row in max(box.top, 0)..<max(max(box.top, 0), min(box.bottom, rows)) {
      for column in max(box.left, 0)..<max(max(box.left, 0), min(box.right, columns)) {
        for channel in 0..<3 { pixels[(row * columns + column) * 3 + channel] = shade }
      }
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }
}
