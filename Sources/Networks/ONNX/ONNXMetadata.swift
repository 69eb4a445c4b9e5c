internal import Foundation
public import Images
internal import Kernels
internal import Tensors

/// What other programs write into a file's metadata about classes and pixels.
extension Network {
  /// Names of classes as Ultralytics writes them, `{0: 'person', 1: "bird's nest"}`, or as a JSON list.
  ///
  /// - Returns: Nil for anything else, such as a dictionary that leaves a number out.
  static func classNames(in text: String) -> [String]? {
    if let list = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) { return list }
    var rest = text.trimmingCharacters(in: .whitespacesAndNewlines)[...]
    guard rest.popFirst() == "{" else { return nil }
    var names: [Int: String] = [:]
    while true {
      rest = rest.drop(while: \.isWhitespace)
      if rest.first == "}" { break }
      let digits = rest.prefix(while: \.isNumber)
      rest = rest.dropFirst(digits.count).drop(while: \.isWhitespace)
      guard let index = Int(digits), rest.popFirst() == ":" else { return nil }
      rest = rest.drop(while: \.isWhitespace)
      guard let quote = rest.popFirst(), quote == "'" || quote == "\"" else { return nil }
      var name = ""
      while let character = rest.popFirst(), character != quote {
        guard character == "\\" else {
          name.append(character)
          continue
        }
        guard let escaped = rest.popFirst() else { return nil }
        name.append(escaped)
      }
      names[index] = name
      rest = rest.drop(while: { $0.isWhitespace || $0 == "," })
      if rest.isEmpty { return nil }
    }
    let ordered = (0..<names.count).compactMap { names[$0] }
    return ordered.count == names.count && !ordered.isEmpty ? ordered : nil
  }

  /// What the metadata says of pixels, where it does not say how pictures are cut: by ONNX's own `Image.` keys, or because
  /// Ultralytics wrote the file, whose networks take pixels over 255.
  ///
  /// Nil where it says nothing that is understood.
  var pixelsInMetadata: (channels: Preprocessing.Channels, scale: Float, mean: Float, std: Float)? {
    let format = metadata["Image.BitmapPixelFormat"]
    let range = metadata["Image.NominalPixelRange"]
    if format == nil, range == nil {
      let isUltralytics =
        metadata["author"] == "Ultralytics" || metadata["description"]?.contains("Ultralytics") == true
      return isUltralytics ? (.rgb, 1 / 255, 0, 1) : nil
    }
    let channels: Preprocessing.Channels
    switch format {
    case nil, "Rgb8", "Rgba8": channels = .rgb
    case "Bgr8", "Bgra8": channels = .bgr
    case "Gray8": channels = .grey
    default: return nil
    }
    switch range {
    case nil, "NominalRange_0_255": return (channels, 1, 0, 1)
    case "Normalized_0_1": return (channels, 1 / 255, 0, 1)
    case "Normalized_1_1": return (channels, 1 / 255, 0.5, 0.5)
    default: return nil
    }
  }

  /// What a person is told where ``preprocessing(overriddenBy:)`` is assumed, wholly or in part.
  ///
  /// - Parameter assumed: What pictures are prepared by.
  /// - Returns: What the metadata says or does not say, what is assumed, what overrides it, and where the right values are
  ///   found for networks of the program that wrote the file.
  public func note(ofAssumed assumed: Preprocessing) -> String {
    let keys = metadata.keys.filter { $0.hasPrefix("Image.") }.sorted()
    let said =
      if pixelsInMetadata != nil {
        "the model's metadata says what its pixels are, but not how images are cut; assumed in all:"
      } else if !keys.isEmpty {
        "what the model's metadata says of pixels (\(keys.joined(separator: ", "))) is not understood; assumed:"
      } else {
        "the model does not say how images are preprocessed; assumed:"
      }
    return
      "\(said) \(assumed). Flags such as --crop, --mean and --channels override it."
      + (adviceOnOwnScaling ?? adviceOnPreprocessing)
  }

  /// What a network's own first step tells of the pixels that it was made for; nil where it begins otherwise.
  private var adviceOnOwnScaling: String? {
    var pixels: Set = [inputs[0].name]
    let first = nodes.first { node in
      guard !pixels.isDisjoint(with: node.inputs) else { return false }
      switch node.operation {
      case .identity, .transposition:
        pixels.formUnion(node.outputs)
        return false
      default: return true
      }
    }
    guard let first,
      case .arithmeticWithConstant(let operation, let constant, constantFirst: false) = first.operation,
      let largest = constant.elements.map(abs).max()
    else { return nil }
    let fitsBytes: Bool
    switch operation {
    case .multiply: fitsBytes = largest < 0.05
    case .divide: fitsBytes = largest > 20
    case .add, .subtract: fitsBytes = largest > 2
    default: return nil
    }
    guard fitsBytes else { return nil }
    return
      " The network itself begins with '\(first.name)', which scales or shifts pixels from 0 to 255: it takes --scale 1 --mean 0 "
      + "--std 1."
  }

  /// How networks that come from one program are usually preprocessed; empty where nothing is known.
  private var adviceOnPreprocessing: String {
    let producer = producer.lowercased()
    if producer.contains("pytorch") {
      return
        " From PyTorch, `switchback.export(model, file, transform=...)` in Python writes it into the file."
    }
    if producer.contains("tf2onnx") || producer.contains("keras") {
      return
        " Of Keras's networks, MobileNet, Inception, Xception and ResNetV2 take --scale 0.00784314 --mean 1 --std 1; VGG and "
        + "ResNet (not V2) --channels BGR --scale 1 --mean 103.939,116.779,123.68 --std 1; DenseNet what is "
        + "assumed; EfficientNet and ConvNeXt --scale 1 --mean 0 --std 1."
    }
    if producer.contains("paddle") {
      return
        " Of Paddle's networks, inference.yml or the training's configuration says it, under PreProcess or transforms."
    }
    return ""
  }
}
