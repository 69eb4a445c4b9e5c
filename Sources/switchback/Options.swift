internal import ArgumentParser
internal import Foundation
internal import Images
internal import Kernels
internal import Networks

/// Flags that every command takes.
struct CommonOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Pictures computed side by side (default: the machine's cores).", valueName: "n"))
  var threads: Int?

  @Option(help: ArgumentHelp("Seed of everything drawn by chance.", valueName: "n"))
  var seed: UInt64 = 0

  @Flag(help: "No progress on standard error.")
  var quiet = false

  @Flag(help: "The result as JSON on standard output.")
  var json = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be between 1 and 1024, not \(threads).")
    }
  }

  var workers: Int { threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount) }
}

/// How a picture becomes the network's input; each flag overrides what the model file says.
struct PreprocessingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Resize the shorter side to this many pixels; 0 leaves pictures as they are.", valueName: "pixels"))
  var resize: Int?

  @Option(help: ArgumentHelp("Crop this many pixels square from the centre.", valueName: "pixels"))
  var crop: Int?

  @Option(help: ArgumentHelp("RGB or BGR.", valueName: "order"))
  var channels: String?

  @Option(
    help: ArgumentHelp("Multiplies pixels of 0...255 before the mean is subtracted.", valueName: "factor"))
  var scale: Float?

  @Option(help: ArgumentHelp("Three numbers, subtracted after scaling.", valueName: "a,b,c"))
  var mean: String?

  @Option(help: ArgumentHelp("Three numbers to divide by.", valueName: "a,b,c"))
  var std: String?

  /// What the model says, or the field's usual, with the flags applied.
  func resolved(for network: Network, quiet: Bool) throws -> Preprocessing {
    var preprocessing = network.preprocessing ?? .imageNet
    if network.preprocessing == nil {
      if let open = network.inputs.first?.extents, open.count == 4, let rows = open[2], rows != 224 {
        preprocessing.crop = .init(center: rows)
        preprocessing.resize = .init(shorterSide: rows * 8 / 7)
      }
      if !quiet {
        Terminal.say(
          "note: the model does not say how pictures are prepared; using \(preprocessing). "
            + "Flags such as --crop, --mean and --channels override it.")
      }
    }
    if let resize { preprocessing.resize = resize == 0 ? nil : .init(shorterSide: resize) }
    if let crop { preprocessing.crop = .init(center: crop) }
    if let channels {
      guard let order = Preprocessing.Channels(rawValue: channels.uppercased()) else {
        throw ValidationError("--channels is RGB or BGR, not '\(channels)'.")
      }
      preprocessing.channels = order
    }
    if let scale { preprocessing.scale = scale }
    if let mean { preprocessing.mean = try triple(mean, "--mean") }
    if let std { preprocessing.std = try triple(std, "--std") }
    return preprocessing
  }

  private func triple(_ text: String, _ flag: String) throws -> [Float] {
    let numbers = text.split(separator: ",").compactMap { Float($0.trimmingCharacters(in: .whitespaces)) }
    guard numbers.count == 3, flag == "--mean" || !numbers.contains(0) else {
      throw ValidationError("\(flag) takes three numbers such as 0.485,0.456,0.406, not '\(text)'.")
    }
    return numbers
  }
}

/// How signals pass rectifiers, as an argument.
enum RuleChoice: String, CaseIterable, ExpressibleByArgument {
  case deconvnet, gradient, guided

  var rule: RectifierRule {
    switch self {
    case .deconvnet: .deconvnet
    case .gradient: .gradient
    case .guided: .guided
    }
  }
}
