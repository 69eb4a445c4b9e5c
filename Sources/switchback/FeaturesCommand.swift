internal import ArgumentParser
internal import Datasets
internal import Files
internal import Foundation
internal import Images
internal import Networks
internal import Tensors

struct FeaturesCommand: ParsableCommand, StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "features",
    abstract: "Finds each feature map's strongest pictures and carries them back to pixels.",
    discussion: """
      Searches the pictures once for every layer, then draws for each unit its strongest pictures beside \
      their projections. Stopped at any moment, the same command goes on where it was.

      EXAMPLE
        switchback features alexnet.onnx pictures/ --out run --layers conv1,conv5 --units 0..<32
      """)

  @OptionGroup var study: StudyArguments

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
    var network = try Network(onnx: model)
    let named = try layers.map { names in
      try names.split(separator: ",").map {
        try network.layer(named: $0.trimmingCharacters(in: .whitespaces))
      }
    }
    let dataset = try Dataset.parse(pictures)
    let prepared = try preprocessing.resolved(for: network, quiet: common.quiet)
    guard prepared.size != nil else {
      throw ArgumentError("pictures must come to one size before their features are compared: give --crop.")
    }
    network.preprocessing = prepared
    let searched = try SearchedLayer.all(
      named ?? network.featureLayers(), of: network, beforeRectifier: preActivation)
    guard !searched.isEmpty else {
      throw ArgumentError("\(model) has no convolution; name layers with --layers.")
    }
    try UnitChoice(units).check(searched)
    let source = Source(dataset, prepared, strict: strict)
    let job = FeaturesJob(
      command: self, network: network, layers: searched, source: source,
      run: try RunFolder.open(
        at: out, kind: "features", configuration: configuration(network, source, searched)))
    try job.perform()
  }

  private func configuration(
    _ network: Network, _ source: Source, _ layers: [SearchedLayer]
  ) throws -> FeaturesConfiguration {
    var weights = Fingerprint()
    for file in [model] + network.externalFiles { try weights.add(file: file) }
    var paths = Fingerprint()
    for item in source.dataset.items { paths.add(item.path) }
    return FeaturesConfiguration(
      model: model, modelDigest: weights.description, pictures: pictures, picturesDigest: paths.description,
      layers: layers.map(\.name), units: units, top: top, rule: rule.rawValue, preActivation: preActivation,
      searchOnly: searchOnly, preprocessing: source.preprocessing)
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

extension FeaturesConfiguration {
  /// What an earlier run was a function of.
  ///
  /// - Throws: ``ArgumentError`` where the folder is no run of `features`.
  init(ofRun folder: String) throws {
    struct Header: Decodable {
      var configuration: FeaturesConfiguration
    }
    guard let bytes = FileManager.default.contents(atPath: folder + "/run.json"),
      let header = try? JSONDecoder().decode(Header.self, from: bytes)
    else { throw ArgumentError("\(folder) is not a run of 'features'.") }
    self = header.configuration
  }
}
