internal import ArgumentParser
internal import Foundation
internal import Images
internal import Networks

/// How a picture becomes the network's input; each flag overrides what the model file says.
struct PreprocessingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Resize the shorter side to this many pixels; 0 leaves pictures as they are.", valueName: "pixels"))
  var resize: Int?

  @Option(help: ArgumentHelp("Crop this many pixels square from the centre.", valueName: "pixels"))
  var crop: Int?

  @Option(help: ArgumentHelp("RGB, BGR or GRAY.", valueName: "order"))
  var channels: String?

  @Option(
    help: ArgumentHelp("Multiplies pixels of 0...255 before the mean is subtracted.", valueName: "factor"))
  var scale: Float?

  @Option(
    help: ArgumentHelp("A number a channel or one for all, subtracted after scaling.", valueName: "a,b,c"))
  var mean: String?

  @Option(help: ArgumentHelp("A number a channel or one for all, to divide by.", valueName: "a,b,c"))
  var std: String?

  /// Whether a flag says which part of a picture the network sees.
  var cutsPictures: Bool { resize != nil || crop != nil }

  /// What the model says, or the field's usual, with the flags applied, for the channels that the network takes.
  ///
  /// - Throws: `NetworkError.notForPictures` where no picture fits the network, or a usage error.
  func resolved(for network: Network, quiet: Bool) throws -> Preprocessing {
    guard network.inputs.count == 1, let input = network.inputs.first else {
      let names = network.inputs.map(\.name).joined(separator: ", ")
      throw NetworkError.notForPictures(reason: "it has \(network.inputs.count) inputs (\(names))")
    }
    guard input.extents.count == 4 else {
      throw NetworkError.notForPictures(
        reason:
          "its input '\(input.name)' has \(input.extents.count) axes, not images, channels, rows, columns")
    }
    var preprocessing = network.preprocessing ?? usual(for: input)
    try apply(to: &preprocessing)
    let channels = input.extents[1] ?? preprocessing.channels.count
    guard let adapted = preprocessing.adapted(toChannels: channels) else {
      throw NetworkError.notForPictures(
        reason: "its input '\(input.name)' has \(channels) channels, and pictures are prepared with "
          + "\(preprocessing.channels.count)")
    }
    try check(adapted, input)
    if network.preprocessing == nil, !quiet {
      Terminal.say(
        "note: the model does not say how pictures are prepared; using \(adapted). "
          + "Flags such as --crop, --mean and --channels override it.")
    }
    return adapted
  }

  /// What networks trained on ImageNet expect, at the network's size.
  private func usual(for input: Network.Input) -> Preprocessing {
    var usual = Preprocessing.imageNet
    if let rows = input.extents[2], let columns = input.extents[3] {
      if rows == columns {
        usual.crop = .init(center: rows)
        usual.resize = .init(shorterSide: rows * 8 / 7)
      } else {
        usual.crop = nil
        usual.resize = .init(rows: rows, columns: columns)
      }
    }
    return usual
  }

  private func apply(to preprocessing: inout Preprocessing) throws {
    if let resize { preprocessing.resize = resize == 0 ? nil : .init(shorterSide: resize) }
    if let crop { preprocessing.crop = .init(center: crop) }
    if let channels {
      guard let order = Preprocessing.Channels(rawValue: channels.uppercased()) else {
        throw ValidationError("--channels is RGB, BGR or GRAY, not '\(channels)'.")
      }
      if order == .grey { preprocessing = preprocessing.adapted(toChannels: 1) ?? preprocessing }
      preprocessing.channels = order
    }
    if let scale { preprocessing.scale = scale }
    if let mean { preprocessing.mean = try numbers(mean, "--mean", preprocessing.channels) }
    if let std { preprocessing.std = try numbers(std, "--std", preprocessing.channels) }
    guard preprocessing.isSound else {
      throw ValidationError(
        "pictures cannot be prepared as \(preprocessing): sizes are 1 to 16384 pixels, and numbers are finite, "
          + "one a channel.")
    }
  }

  private func numbers(_ text: String, _ flag: String, _ channels: Preprocessing.Channels) throws -> [Float] {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Float($0.trimmingCharacters(in: .whitespaces)) }
    guard numbers.count == parts.count, [1, 3].contains(numbers.count),
      flag == "--mean" || !numbers.contains(0)
    else {
      throw ValidationError("\(flag) takes three numbers such as 0.485,0.456,0.406, or one; not '\(text)'.")
    }
    return numbers.count == 1 ? Array(repeating: numbers[0], count: channels.count) : numbers
  }

  /// Whether what is made of pictures is what the network takes.
  private func check(_ preprocessing: Preprocessing, _ input: Network.Input) throws {
    let size = preprocessing.size
    let fits =
      (input.extents[2] ?? size?.rows) == size?.rows && (input.extents[3] ?? size?.columns) == size?.columns
    guard !fits else { return }
    let made = size.map { "\($0.rows) x \($0.columns) pixels" } ?? "of their own sizes"
    let taken =
      "\(input.extents[2].map(String.init) ?? "any") x \(input.extents[3].map(String.init) ?? "any")"
    throw NetworkError.notForPictures(
      reason: "pictures are prepared to be \(made), but its input '\(input.name)' is \(taken); "
        + "--resize and --crop change that")
  }
}
