internal import ArgumentParser
internal import Foundation
internal import Switchback

struct FigureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "figure",
    abstract: "Draws chosen units of a `features` run at a size on paper.",
    discussion: """
      For each unit its projections and the image patches beside them, with letters of 8 points and tiles at the \
      resolution of the print. Projections come from the run's arrays where it kept them; else they are computed \
      again from the model and the images that the run names. The text for the figure's caption is printed.

      Every other run's figures are there as .svg, .pdf and .png; without --units their files are listed.

      EXAMPLE
        switchback figure run --units conv5:9,17,30 --width 170mm --out figure.pdf
        switchback figure run --units conv3:1,2 conv5:9 --columns 2 --out figure.svg
      """)

  @Argument(help: .value("run", "A finished run's folder."), completion: .directory) var folder: String

  @Option(
    parsing: .upToNextOption,
    help: .value(
      "layer:units", "Units of a layer, such as conv5:9,17,30; of several layers with spaces between."))
  var units: [String] = []

  @Option(
    help: "The figure; its ending gives the format: .pdf, .svg, .png, .jpg or .webp.",
    completion: .file(extensions: ["pdf", "svg", "png", "jpg", "webp"]))
  var out: String?

  @Option(help: .value("length", "How wide the figure is on paper, such as 170mm, 8.5cm or 3.3in."))
  var width = Length(millimetres: 170)

  @Option(help: .value("n", "Units beside each other (default: 3, or as many as there are).")) var columns:
    Int?
  @Option(help: .value("n", "Activations of each unit (default: all that the run kept).")) var top: Int?
  @Option(help: .value("dpi", "The resolution of tiles, and of a figure of pixels.")) var dpi = 300.0

  @Option(help: "How signals pass ReLUs: deconvnet, gradient or guided (default: the run's).")
  var rule: Choice<RectifierRule>?

  @Option(help: "Where the model is now, if it was moved.", completion: .onnx) var model: String?
  @Option(help: "Where the images are now, if they were moved.", completion: .directory) var pictures: String?

  @OptionGroup var common: CommonOptions

  /// A length on paper.
  struct Length: ExpressibleByArgument {
    let millimetres: Double

    init(millimetres: Double) { self.millimetres = millimetres }

    init?(argument: String) {
      let units = [("mm", 1.0), ("cm", 10), ("in", 25.4), ("pt", 25.4 / 72)]
      guard let unit = units.first(where: { argument.hasSuffix($0.0) }),
        let number = Double(argument.dropLast(unit.0.count).trimmingCharacters(in: .whitespaces)),
        number.isFinite
      else { return nil }
      millimetres = number * unit.1
    }

    var defaultValueDescription: String { "\(Int(millimetres))mm" }
  }

  func validate() throws {
    guard (20...2000).contains(width.millimetres) else {
      throw ValidationError("--width must be between 20mm and 2000mm.")
    }
    guard (36...2400).contains(dpi) else { throw ValidationError("--dpi must be between 36 and 2400.") }
    for (name, value) in [("--columns", columns), ("--top", top)] {
      if let value, !(1...100).contains(value) {
        throw ValidationError("\(name) must be between 1 and 100, not \(value).")
      }
    }
    guard units.isEmpty == (out == nil) else {
      throw ValidationError("--units and --out go together: what is drawn, and the figure's file.")
    }
  }

  func run() throws {
    guard let out, !units.isEmpty else { return try list() }
    let format = try FigureFormat(endingOf: out)
    let figure = try UnitFigure(
      ofRun: folder, units: try units.map { try UnitFigure.Choice($0) }, top: top, rule: rule?.value,
      model: model, pictures: pictures, threads: common.workers)
    if common.strict, let note = figure.notes.first { throw StudyError(note) }
    let drawing = try figure.drawing(width: width.millimetres, columns: columns, dotsPerInch: dpi)
    let file = try drawing.file(as: format, dotsPerInch: dpi)
    try DurableFile.write(Data(file), to: out)
    for note in figure.notes { common.note("note: \(note)") }
    let height = width.millimetres * Double(drawing.rows) / Double(drawing.columns)
    if common.json {
      return try Terminal.print(
        json: Output(
          file: out, bytes: file.count, width: width.millimetres, height: height, caption: figure.caption))
    }
    guard !common.quiet else { return }
    try Terminal.print("caption: \(figure.caption)")
    try Terminal.print(out)
  }

  private struct Output: Encodable {
    var file: String
    var bytes: Int
    /// In millimetres.
    var width: Double
    var height: Double
    var caption: String
  }

  /// Says which figures the run has.
  private func list() throws {
    let figures = try RunFigures(of: folder)
    if common.json { return try Terminal.print(json: figures.files) }
    if let layers = figures.layers, let layer = layers.first {
      common.note(
        "note: of a run of `features` units can be drawn for paper: --units \(layer):0,1,2 --out figure.pdf. "
          + "It has \(layers.joined(separator: ", ")).")
    }
    for file in figures.files { try Terminal.print(file) }
  }
}
