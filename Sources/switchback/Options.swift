internal import ArgumentParser
internal import Foundation
internal import Switchback

extension ArgumentHelp {
  static let network: Self = "The network, an ONNX file."
  static let run = value("run", "The run's folder; created if missing.")
  static let labels: Self =
    "A file of labels: an image's file name, a tab or comma, a class index or name per line."

  /// What an option does, and the name of its value.
  static func value(_ name: String, _ text: String) -> Self { Self(.init(text), valueName: name) }
}

extension CompletionKind {
  static let onnx = file(extensions: ["onnx"])

  /// Names of layers of the network that the line names already, one or several with commas between.
  static let layers = custom { words, _, typed in
    guard let model = words.last(where: { $0.hasSuffix(".onnx") }), let network = try? Network(onnx: model)
    else { return [] }
    let before = typed.lastIndex(of: ",").map { typed[...$0] } ?? ""
    return network.layers.map { before + $0.name }
  }
}

/// Flags that every command takes.
struct CommonOptions: ParsableArguments {
  @Option(
    help: .value(
      "n", "Number of threads, of each rank under mpirun (default: one per core, shared by ranks)."))
  var threads: Int?

  @Option(help: .value("n", "Random seed.")) var seed: UInt64 = 0
  @Flag(help: "Notes about a network, unreadable images and unused files are errors.") var strict = false
  @Flag(
    help:
      "Compute 3x3 convolutions product by product, not by Winograd's filtering: slower, errors of rounding smaller."
  )
  var exact = false
  @Flag(help: "Print no progress.") var quiet = false
  @Flag(help: "Print the result as JSON; progress and notes go to standard error.") var json = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024, not \(threads).")
    }
    ConvolutionMethod.isExact = exact
  }

  var workers: Int {
    threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount / Cluster.ranks.localCount)
  }

  /// The threads of all ranks together, which a training's numbers depend on.
  var workersOfAllRanks: Int { workers * Cluster.ranks.count }

  /// Says what a person should know, unless nothing is to be said.
  func note(_ text: String?) {
    if let text, !quiet { Terminal.say(text) }
  }

  /// Says what is assumed or odd about a network, however quiet the command is.
  ///
  /// - Throws: `StudyError` where there is anything and `--strict` takes it for an error.
  func tell(_ notes: [String], of model: String) throws(StudyError) {
    for note in notes { Terminal.say("note: \(model): \(note)") }
    if strict, !notes.isEmpty {
      throw StudyError(
        "\(model): \(notes.count == 1 ? "the note above is an error" : "the \(notes.count) notes above are errors") with "
          + "--strict. Mend the file, or give flags that settle what is assumed; or leave --strict out.")
    }
  }
}

/// What `--json` prints of a run whose result is files.
struct RunReport: Encodable {
  var run: String
  var layers: [String]?
  var pictures: Int
  var skipped: [Skipped]
}

/// One of a closed set of words, as an argument.
struct Choice<Value: RawRepresentable<String> & CaseIterable & Sendable>: ExpressibleByArgument, Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }

  init?(argument: String) {
    guard let value = Value(rawValue: argument == "grey" ? "gray" : argument) else { return nil }
    self.value = value
  }

  var defaultValueDescription: String { value.rawValue }

  static var allValueStrings: [String] { Value.allCases.map(\.rawValue) }
}

/// How a network's file is read.
struct ReadingOptions: ParsableArguments {
  @Option(
    help: .value("ROWSxCOLUMNS", "The input size of a network with open rows and columns, as 48x320."))
  var size: String?

  func validate() throws { _ = try sides() }

  func sides() throws -> (rows: Int, columns: Int)? { try pictureSize(size, "--size") }

  func network(_ model: String) throws -> Network { try Network(onnx: model, size: try sides()) }
}

/// Rows and columns as 48x320; nil where nothing is given.
func pictureSize(_ text: String?, _ flag: String) throws -> (rows: Int, columns: Int)? {
  guard let text else { return nil }
  let parts = text.split(separator: "x", omittingEmptySubsequences: false)
  let sides = parts.compactMap { Int($0) }.filter { (1...16384).contains($0) }
  guard parts.count == 2, sides.count == 2, parts.allSatisfy({ $0.allSatisfy(\.isNumber) }) else {
    throw ValidationError("\(flag) is rows x columns of 1 to 16384 pixels, as 48x320, not '\(text)'.")
  }
  return (sides[0], sides[1])
}

/// How a network's file is read, and how a picture becomes its input; each flag overrides what the model file says.
struct PreprocessingOptions: ParsableArguments {
  @Option(
    help: .value(
      "pixels",
      "Resize the shorter side to this many pixels, or to ROWSxCOLUMNS as 128x128; 0: no resizing."
    ))
  var resize: String?

  @Option(help: .value("pixels", "Centre-crop to this many pixels square.")) var crop: Int?
  @Option(
    help: .value(
      "way", "Rounding of the centre crop's offset: down, or even (half to even, as torchvision)."))
  var rounding: Choice<Preprocessing.Rounding>?

  @Option(help: .value("way", "How pixels are weighed in resizing: nearest, bilinear, bicubic or lanczos."))
  var interpolation: Choice<Picture.Resampling>?

  @Option(help: .value("order", "Channel order: RGB, BGR or GRAY.")) var channels: String?

  @Option(help: .value("factor", "Multiplies pixel values (0...255) before the mean is subtracted."))
  var scale: Float?

  @Option(help: .value("a,b,c", "Mean to subtract after scaling: one number, or one per channel."))
  var mean: String?

  @Option(help: .value("a,b,c", "Standard deviation to divide by: one number, or one per channel.")) var std:
    String?

  func validate() throws { _ = try overrides() }

  func overrides() throws -> PreprocessingOverrides {
    var overrides = PreprocessingOverrides()
    overrides.resize = try resize.map { resize in
      let sides = resize.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
      switch (sides.first ?? nil, sides.count > 1 ? sides[1] : nil, sides.count) {
      case (0?, _, 1): return .kept
      case (let side?, _, 1): return .to(.init(shorterSide: side))
      case (let rows?, let columns?, 2): return .to(.init(rows: rows, columns: columns))
      default:
        throw ValidationError(
          "--resize is a number of pixels, or rows x columns as 128x128, not '\(resize)'.")
      }
    }
    overrides.crop = crop
    overrides.rounding = rounding?.value
    overrides.interpolation = interpolation?.value
    overrides.channels = try channels.map { channels in
      let name = channels.uppercased().replacing("GREY", with: "GRAY")
      guard let order = Preprocessing.Channels(rawValue: name) else {
        throw ValidationError("--channels is RGB, BGR or GRAY, not '\(channels)'.")
      }
      return order
    }
    overrides.scale = scale
    overrides.mean = try mean.map { try numbers($0, "--mean") }
    overrides.std = try std.map { try numbers($0, "--std") }
    return overrides
  }

  private func numbers(_ text: String, _ flag: String) throws -> [Float] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Float($0.trimmingCharacters(in: .whitespaces)) }
    guard numbers.count == parts.count, [1, 3].contains(numbers.count),
      flag == "--mean" || !numbers.contains(0)
    else {
      throw ValidationError("\(flag) takes three numbers such as 0.485,0.456,0.406, or one; not '\(text)'.")
    }
    return numbers
  }

  /// A network made ready, its notes told.
  func subject(
    _ model: String, size: (rows: Int, columns: Int)?, squeezingWhole isWhole: Bool = false,
    _ common: CommonOptions
  ) throws -> Subject {
    let subject = try Subject(
      try Network(onnx: model, size: size), model: model, preprocessing: try overrides(),
      squeezingWhole: isWhole)
    try common.tell(subject.notes, of: model)
    return subject
  }
}

/// A command that is about a network in a file, which messages name.
protocol ModelCommand {
  var model: String { get }
}

/// What a command takes that runs a network over pictures into a run's folder.
struct StudyArguments: ParsableArguments {
  @Argument(help: .network, completion: .onnx) var model: String

  @Argument(help: "A folder of images, an image file, or a data set as kind:path.", completion: .directory)
  var pictures: String

  @Option(help: .run, completion: .directory) var out: String
}

/// Whole numbers with commas between, as an argument.
func wholeNumbers(_ text: String, _ range: ClosedRange<Int> = 1...Int.max) -> [Int]? {
  let parts = text.split(separator: ",", omittingEmptySubsequences: false)
  let numbers = parts.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
  return numbers.count == parts.count && numbers.allSatisfy(range.contains) ? numbers : nil
}
