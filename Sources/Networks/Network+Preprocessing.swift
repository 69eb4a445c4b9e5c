public import Images

/// What a caller says about how pictures become a network's input, in place of what the model says.
public struct PreprocessingOverrides: Hashable, Sendable {
  /// What becomes of a picture's size before the crop.
  public enum Size: Hashable, Sendable {
    case kept
    /// Both sides as here, with no crop unless ``crop`` asks for one; or the shorter.
    case to(Preprocessing.Resize)
  }

  public var resize: Size?
  /// The side of a square cut from the centre.
  public var crop: Int?
  public var rounding: Preprocessing.Rounding?
  /// How pixels are weighed when a picture changes size.
  public var interpolation: Picture.Resampling?
  public var channels: Preprocessing.Channels?
  /// Multiplies pixels of 0...255 before the mean is subtracted.
  public var scale: Float?
  /// One number a channel, or one for all.
  public var mean: [Float]?
  public var std: [Float]?

  /// Nothing but what the model says.
  public init() {}

  /// Whether they say which part of a picture the network sees.
  public var cutsPictures: Bool { resize != nil || crop != nil }

  /// Whether they say all that pixels become.
  fileprivate var saysPixels: Bool { channels != nil && scale != nil && mean != nil && std != nil }

  fileprivate func apply(to preprocessing: inout Preprocessing) {
    switch resize {
    case .kept: preprocessing.resize = nil
    case .to(var size):
      size.interpolation = preprocessing.resize?.interpolation
      size.antialias = preprocessing.resize?.antialias
      preprocessing.resize = size
      if size.shorterSide == nil { preprocessing.crop = nil }
    case nil: break
    }
    if let interpolation { preprocessing.resize?.interpolation = interpolation }
    if let rounding { preprocessing.rounding = rounding }
    if let crop { preprocessing.crop = .init(center: crop) }
    if let channels {
      if channels == .grey { preprocessing = preprocessing.adapted(toChannels: 1) ?? preprocessing }
      preprocessing.channels = channels
    }
    func each(_ numbers: [Float]) -> [Float] {
      numbers.count == 1 ? Array(repeating: numbers[0], count: preprocessing.channels.count) : numbers
    }
    if let scale { preprocessing.scale = scale }
    if let mean { preprocessing.mean = each(mean) }
    if let std { preprocessing.std = each(std) }
  }
}

extension Network {
  /// How a picture becomes the network's input: as the model says, else as networks trained on ImageNet expect it, at this
  /// network's size and channels.
  ///
  /// - Parameter overrides: What the caller says in place of it.
  /// - Returns: The preprocessing, and whether it is assumed, since neither the model says it nor the caller all of it.
  /// - Throws: ``NetworkError/notForPictures(reason:)`` where no picture fits the network, or
  ///   ``NetworkError/preprocessing(reason:)`` for numbers that no picture can be prepared with.
  public func preprocessing(
    overriddenBy overrides: PreprocessingOverrides = .init()
  ) throws(NetworkError) -> (preprocessing: Preprocessing, isAssumed: Bool) {
    guard inputs.count == 1, let input = inputs.first else {
      let names = inputs.map(\.name).joined(separator: ", ")
      throw .notForPictures(reason: "it has \(inputs.count) inputs (\(names))")
    }
    guard input.extents.count == 4 else {
      throw .notForPictures(
        reason:
          "its input '\(input.name)' has \(input.extents.count) axes, not images, channels, rows, columns")
    }
    var found = preprocessing ?? usual(for: input)
    overrides.apply(to: &found)
    guard found.isSound else {
      throw .preprocessing(
        reason:
          "images cannot be preprocessed as \(found): sizes are 1 to 16384 pixels, and numbers are finite, one a "
          + "channel.")
    }
    let channels = input.extents[1] ?? found.channels.count
    guard let adapted = found.adapted(toChannels: channels) else {
      throw .notForPictures(
        reason: "its input '\(input.name)' has \(channels) channels, and images are preprocessed with "
          + "\(found.channels.count)")
    }
    let size = adapted.size
    guard (input.extents[2] ?? size?.rows) == size?.rows, (input.extents[3] ?? size?.columns) == size?.columns
    else {
      let made = size.map { "\($0.rows) x \($0.columns) pixels" } ?? "of their own sizes"
      let taken =
        "\(input.extents[2].map(String.init) ?? "any") x \(input.extents[3].map(String.init) ?? "any")"
      throw .notForPictures(
        reason: "images are preprocessed to be \(made), but its input '\(input.name)' is \(taken); "
          + "--resize and --crop change that")
    }
    let isSaid = overrides.cutsPictures && (overrides.saysPixels || pixelsInMetadata != nil)
    return (adapted, preprocessing == nil && !isSaid)
  }

  /// What networks trained on ImageNet expect, at the network's size, of pixels as the metadata of other programs has them.
  func usual(for input: Input) -> Preprocessing {
    var usual = Preprocessing.imageNet
    if let (channels, scale, mean, std) = pixelsInMetadata {
      usual = Preprocessing(
        resize: usual.resize, crop: usual.crop, channels: channels, scale: scale, mean: [mean], std: [std])
    }
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
}

extension Preprocessing {
  /// The same size and crop, pixels as they are, 0 to 255.
  var ofWholeNumbers: Preprocessing {
    var plain = self
    plain.scale = 1
    plain.mean = mean.map { _ in 0 }
    plain.std = std.map { _ in 1 }
    return plain
  }
}
