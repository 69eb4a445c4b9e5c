internal import Activations
internal import ArgumentParser
internal import Datasets
internal import Figures
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import RunStore
internal import Studies
internal import Tensors

struct FeaturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Finds each feature map's strongest pictures and carries them back to pixels.",
    discussion: """
      Searches the pictures once for every layer, then draws for each unit its strongest pictures beside their
      projections. Stopped at any moment, the same command goes on where it was.

      EXAMPLE
        switchback features alexnet.onnx pictures/ --out run --layers conv1,conv5 --units 0..<32
      """)

  @Argument(help: "The network, an ONNX file.", completion: .file(extensions: ["onnx"]))
  var model: String

  @Argument(help: "A folder of pictures.", completion: .directory)
  var pictures: String

  @Option(
    help: ArgumentHelp("The run's folder; made if it is not there.", valueName: "run"), completion: .directory
  )
  var out: String

  @Option(
    help: ArgumentHelp("Layers by name, comma-separated (default: every convolution).", valueName: "a,b"))
  var layers: String?

  @Option(
    help: ArgumentHelp("Units projected and drawn: 0..<64, 3...9, a list 1,5,8, or all.", valueName: "range"))
  var units = "0..<64"

  @Option(help: ArgumentHelp("Pictures kept for each unit.", valueName: "n"))
  var top = 9

  @Option(help: "How signals pass rectifiers: deconvnet, gradient or guided.")
  var rule = RuleChoice.deconvnet

  @Flag(help: "Read layers before their rectifier.")
  var preActivation = false

  @Flag(help: "A picture that cannot be read is an error.")
  var strict = false

  @Flag(help: "Only search: no projections, no figures.")
  var searchOnly = false

  @OptionGroup var preprocessing: PreprocessingOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (1...1000).contains(top) else {
      throw ValidationError("--top must be between 1 and 1000, not \(top).")
    }
    _ = try UnitChoice(units)
  }

  func run() throws {
    let network = try Network(onnx: model)
    let chosen =
      try layers.map { names in
        try names.split(separator: ",").map { try network.layer(named: String($0)) }
      } ?? network.featureLayers()
    guard !chosen.isEmpty else {
      throw ArgumentError("\(model) has no convolution; name layers with --layers.")
    }
    let dataset = try Dataset.parse(pictures)
    let source = Source(
      dataset, try preprocessing.resolved(for: network, quiet: common.quiet), strict: strict)
    let job = FeaturesJob(
      command: self, network: network,
      layers: chosen.map { ($0.name, preActivation ? $0.output : $0.featureMaps) },
      source: source,
      run: try RunFolder.open(at: out, kind: "features", configuration: configuration(source, chosen)))
    try job.perform()
  }

  private func configuration(_ source: Source, _ layers: [Layer]) throws -> FeaturesConfiguration {
    FeaturesConfiguration(
      model: model, modelDigest: try Digest.of(file: model), pictures: pictures,
      picturesDigest: Digest.of(source.dataset.items.map(\.path)), layers: layers.map(\.name), units: units,
      top: top,
      rule: rule.rawValue, preActivation: preActivation, searchOnly: searchOnly,
      preprocessing: source.preprocessing)
  }
}

/// What a features run is a function of; a run resumes only with the same.
struct FeaturesConfiguration: Codable, Equatable {
  var model: String
  var modelDigest: String
  var pictures: String
  var picturesDigest: String
  var layers: [String]
  var units: String
  var top: Int
  var rule: String
  var preActivation: Bool
  var searchOnly: Bool
  var preprocessing: Preprocessing
}

/// Units by number: `all`, a range as Swift writes it, or a list.
struct UnitChoice {
  private let contains: (Int) -> Bool

  init(_ text: String) throws {
    let bounds = { (separator: String) -> (Int, Int)? in
      let parts = text.components(separatedBy: separator)
      guard parts.count == 2, let low = Int(parts[0]), let high = Int(parts[1]), low >= 0, high >= low else {
        return nil
      }
      return (low, high)
    }
    let list = text.split(separator: ",").map { Int($0) }
    if text == "all" {
      contains = { _ in true }
    } else if let (low, high) = bounds("..<") {
      contains = { (low..<high).contains($0) }
    } else if let (low, high) = bounds("...") {
      contains = { (low...high).contains($0) }
    } else if !list.isEmpty, list.allSatisfy({ ($0 ?? -1) >= 0 }) {
      let units = Set(list.compactMap { $0 })
      contains = { units.contains($0) }
    } else {
      throw ValidationError("--units takes 0..<64, 3...9, a list such as 1,5,8, or all; not '\(text)'.")
    }
  }

  func units(of count: Int) -> [Int] { (0..<count).filter(contains) }
}

/// A fingerprint of what a run depends on (FNV-1a, 64 bits): to tell runs apart, not to keep secrets.
enum Digest {
  static func of(file path: String) throws -> String {
    guard let bytes = FileManager.default.contents(atPath: path) else {
      throw FileError(path: path, reason: "cannot be read.")
    }
    return hex(bytes.reduce(into: start) { $0 = ($0 ^ UInt64($1)) &* prime })
  }

  static func of(_ lines: [String]) -> String {
    hex(lines.joined(separator: "\n").utf8.reduce(into: start) { $0 = ($0 ^ UInt64($1)) &* prime })
  }

  private static let start: UInt64 = 0xCBF2_9CE4_8422_2325
  private static let prime: UInt64 = 0x100_0000_01B3
  private static func hex(_ digest: UInt64) -> String { String(digest, radix: 16) }
}
