package import Datasets
internal import Execution
internal import Figures
public import Files
internal import Foundation
public import Images
internal import Kernels
public import Networks
internal import Synchronization
public import Tensors

/// A network made ready to be studied, once: with its preprocessing settled and all that follows from the graph worked out.
public struct Subject: Sendable {
  /// The model's file.
  public let model: String
  /// The network; its preprocessing is ``preprocessing``.
  public private(set) var network: Network
  /// How a picture becomes the network's input.
  public let preprocessing: Preprocessing
  /// Whether ``preprocessing`` is assumed, since the model does not say how pictures are prepared.
  public let assumesPreprocessing: Bool
  /// The network's input for one picture, 1 x rows x columns x channels.
  public let input: Shape
  /// The shape of every value for one picture.
  public private(set) var shapes: [String: Shape]
  /// Every node as a layer, in the graph's order.
  public let layers: [Layer]
  /// What says a picture's class; nil where the network classifies nothing.
  public let head: ClassHead?
  private let files: [String]

  /// Reads an ONNX file and makes it ready, as ``init(_:model:preprocessing:squeezingWhole:)`` does a network.
  ///
  /// - Throws: `ONNXError` or `NetworkError` for a file that is no network, or none for pictures of one size.
  public init(
    model: String, preprocessing overrides: PreprocessingOverrides = .init(),
    squeezingWhole isWhole: Bool = false
  ) throws {
    try self.init(try Network(onnx: model), model: model, preprocessing: overrides, squeezingWhole: isWhole)
  }

  /// Makes a network ready.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - model: The file that it was read from, or will be written to.
  ///   - overrides: How pictures are prepared, in place of what the model says.
  ///   - isWhole: Whether pictures are squeezed to the input whole, where no override says how they are cut.
  /// - Throws: `NetworkError` where no picture fits it, or ``StudyError`` where pictures do not come to one size.
  public init(
    _ network: Network, model: String, preprocessing overrides: PreprocessingOverrides = .init(),
    squeezingWhole isWhole: Bool = false
  ) throws {
    var network = network
    var (preprocessing, isAssumed) = try network.preprocessing(overriddenBy: overrides)
    if isWhole, !overrides.cutsPictures, let size = preprocessing.size {
      preprocessing.resize = .init(rows: size.rows, columns: size.columns)
      preprocessing.crop = nil
    }
    guard preprocessing.size != nil else {
      throw StudyError("images must come to one size before they are compared: give --crop.")
    }
    network.preprocessing = preprocessing
    self.model = model
    self.network = network
    self.preprocessing = preprocessing
    assumesPreprocessing = isAssumed
    files = [model] + network.externalFiles
    let input = try network.inputShape(images: 1)
    self.input = input
    shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    layers = network.layers
    head = try network.classHead()
  }

  /// What a reader of results should know: how pictures are prepared where that is assumed, and what is odd about the
  /// classes.
  public var notes: [String] {
    (assumesPreprocessing ? [network.note(ofAssumed: preprocessing)] : []) + network.notes
      + (head?.notes ?? [])
  }

  /// The model's file name, for titles.
  public var name: String { (model as NSString).lastPathComponent }

  /// Tells the bytes of every file that the network was read from, weights included, from any others.
  ///
  /// - Throws: `FileError` where one cannot be read.
  public func digest() throws(FileError) -> String {
    var weights = Fingerprint()
    for file in files { try weights.add(file: file) }
    return weights.description
  }

  /// The units of a value: its channels, or features.
  public func units(of value: String) -> Int { shapes[value]?.dimensions.last ?? 0 }

  /// Layers to be studied.
  ///
  /// - Parameters:
  ///   - names: Names with commas between; nil for `usual`.
  ///   - usual: The layers where none are named.
  ///   - isBefore: Whether they are read before their rectifier.
  /// - Returns: Each layer once, in the order given.
  /// - Throws: `NetworkError.unknownLayer(name:near:)`, or ``StudyError`` where there is none.
  public func layers(
    named names: String?, usual: [Layer], beforeRectifier isBefore: Bool = false
  ) throws -> [StudiedLayer] {
    let named = try names?.split(separator: ",").map {
      try network.layer(named: $0.trimmingCharacters(in: .whitespaces))
    }
    let chosen = named ?? usual
    guard !chosen.isEmpty else {
      throw StudyError("\(model) has no convolution; name layers, as `switchback inspect` lists them.")
    }
    let stems = fileNames(forLayers: chosen.map(\.name))
    var found: [StudiedLayer] = []
    for (layer, stem) in zip(chosen, stems) where !found.contains(where: { $0.name == layer.name }) {
      let value = isBefore ? layer.output : layer.featureMaps
      found.append(StudiedLayer(name: layer.name, value: value, units: units(of: value), stem: stem))
    }
    return found
  }

  /// The convolutions that are studied where no layers are named: those whose maps have more than one position, or all
  /// where none has.
  ///
  /// A squeeze-and-excite gate's convolutions give one number a picture: they have no feature maps to look at.
  public var convolutions: [Layer] {
    let all = network.featureLayers()
    let maps = all.filter(hasMaps)
    return maps.isEmpty ? all : maps
  }

  /// The layers whose features are shown where none are named: ``convolutions``, products over the channels of maps that
  /// an activation follows (ConvNeXt's expansions), and the ends of residual blocks.
  ///
  /// - Parameter isBefore: Whether layers are read before their rectifier: then a block ends in its sum.
  /// - Returns: Those whose maps have more than one position, in the graph's order.
  package func featureLayers(beforeRectifier isBefore: Bool) -> [Layer] {
    let activated = Set(
      network.nodes.filter { if case .activation = $0.operation { true } else { false } }.flatMap(\.outputs))
    let convolved = Set(network.featureLayers().map(\.node))
    let products = network.featureLayers(includingProducts: true).filter {
      !convolved.contains($0.node) && activated.contains($0.featureMaps)
    }
    let makers = Dictionary(layers.map { ($0.output, $0) }, uniquingKeysWith: { one, _ in one })
    let ends = (products + network.residualSums).filter(hasMaps).map { end in
      isBefore ? end : makers[end.featureMaps] ?? end
    }
    let chosen = Set((convolutions + ends).map(\.node))
    return layers.filter { chosen.contains($0.node) }
  }

  private func hasMaps(_ layer: Layer) -> Bool {
    shapes[layer.output].map { $0.rank == 4 && $0.rows * $0.columns > 1 } ?? false
  }

  /// Pictures' true classes by id, and what the class folders were taken for, where that should be said; none where
  /// the network classifies nothing.
  ///
  /// - Throws: `DatasetError` for a list that is none.
  package func trueClasses(
    of dataset: Dataset, labels: String?
  ) throws(DatasetError) -> (truth: [Int: Int], note: String?) {
    guard let head else { return ([:], nil) }
    if head.classes == 1, labels == nil {
      return ([:], "note: no accuracy: the network gives one score, which tells no classes apart.")
    }
    return try dataset.trueClasses(names: network.classes, count: head.classes, labels: labels)
  }

  /// An input that is the mean colour to the network: zero once the network has subtracted its own mean, whether
  /// preprocessing does that or the network's first nodes.
  public func meanInput() throws -> Tensor {
    let device = Device()
    let zero = Tensor(input)
    // What the first nodes make of an input x, as long as they work on each element alone: scale * x + shift.
    var scale = Tensor([1], repeating: 1)
    var shift = Tensor([1])
    var value = network.inputs[0].name
    let readers = network.readersByValue
    walk: while let following = readers[value], following.count == 1, let node = following.first {
      switch node.operation {
      case .identity, .dropout: break
      case .arithmeticWithConstant(let arithmetic, let constant, let isFirst):
        switch (arithmetic, isFirst) {
        case (.add, _): shift = try device.combining(shift, constant, by: .add)
        case (.subtract, false): shift = try device.combining(shift, constant, by: .subtract)
        case (.subtract, true):
          scale = device.activated(scale, by: .negate)
          shift = try device.combining(constant, shift, by: .subtract)
        case (.multiply, _), (.divide, false):
          scale = try device.combining(scale, constant, by: arithmetic)
          shift = try device.combining(shift, constant, by: arithmetic)
        default: break walk
        }
      case .batchNormalization(let normalization):
        let (gain, offset) = normalization.affine
        scale = try device.combining(scale, gain, by: .multiply)
        shift = try device.combining(device.combining(shift, gain, by: .multiply), offset, by: .add)
      default: break walk
      }
      value = node.outputs[0]
    }
    let mean = try device.combining(
      zero, device.combining(device.activated(shift, by: .negate), scale, by: .divide), by: .add)
    return mean.shape == input && mean.elements.allSatisfy(\.isFinite) ? mean : zero
  }
}

/// A layer of a study: what it is called, where it is read, and what its files are called.
public struct StudiedLayer: Hashable, Sendable {
  public let name: String
  /// The value that holds its feature maps.
  public fileprivate(set) var value: String
  public let units: Int
  /// Its files' name, unlike any other layer's of the study.
  public let stem: String
  /// Where the network stops what it passes on, as ReLU6 does at 6, if ``value`` holds what comes before that bound.
  public fileprivate(set) var upperBound: Float?
}

extension Subject {
  /// The same subject, and layers of it, read before the upper bounds of their activations.
  ///
  /// - Returns: Both as they are where no layer has such a bound.
  func liftingUpperBounds(
    of layers: [StudiedLayer]
  ) throws -> (subject: Subject, layers: [StudiedLayer]) {
    let (network, lifted) = self.network.liftingUpperBounds(of: layers.map(\.value))
    guard !lifted.isEmpty else { return (self, layers) }
    var subject = self
    subject.network = network
    subject.shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    let read = layers.map { layer in
      var layer = layer
      if let value = lifted[layer.value] {
        layer.upperBound = network.upperBound(of: layer.value)
        layer.value = value
      }
      return layer
    }
    return (subject, read)
  }
}

extension Network {
  /// The class of an index, as `5` or `index:5`, or of a name.
  ///
  /// - Throws: ``StudyError`` with near names where there is none, or with all that may be meant.
  func classIndex(of text: String, classes count: Int) throws(StudyError) -> Int {
    let isIndex = text.hasPrefix("index:")
    let number = Int(isIndex ? String(text.dropFirst("index:".count)) : text).flatMap {
      (0..<count).contains($0) ? $0 : nil
    }
    if let number, isIndex { return number }
    let named = ClassLookup(classes ?? []).indices(of: text)
    let meant = Set(named + [number].compactMap(\.self)).sorted()
    if meant.count == 1 { return meant[0] }
    if meant.count > 1 {
      throw StudyError(
        "'\(text)' may mean several classes: "
          + meant.prefix(8).map { "index:\($0) (\(name(ofClass: $0)))" }.joined(separator: ", ")
          + ". Give one of these, by its index.")
    }
    // Names that hold the text as whole words say more than names of as many letters.
    let words = text.words
    let holding = (classes ?? []).filter { name in
      !words.isEmpty && name.words.indices.contains { name.words.dropFirst($0).starts(with: words) }
    }
    let near = holding.isEmpty ? nearNames(to: text, among: classes ?? []) : Array(holding.prefix(8))
    let more = holding.count > 8 ? "; and \(holding.count - 8) more" : ""
    throw StudyError(
      "there is no class '\(text)'. "
        + (near.isEmpty
          ? "Give an index from 0 to \(count - 1)."
          : "\(holding.isEmpty ? "Near names" : "Names with it"): \(near.joined(separator: "; "))\(more)."))
  }
}

extension String {
  /// Its words in small letters, whatever stands between them.
  fileprivate var words: [Substring] { lowercased().split { !$0.isLetter && !$0.isNumber } }
}

extension Preprocessing {
  /// A projection, rows x columns x channels, as sheets show it: a hundredth of its values may saturate.
  func shown(projection: Tensor) -> Picture {
    Picture(projection: projection, isBGR: channels == .bgr, saturating: 0.01)
  }

  /// The same in a square of so many pixels a side: made as small as it is drawn before it is scaled to shades.
  package func shown(projection: Tensor, side: Int) -> Picture {
    let longest = max(projection.shape[0], projection.shape[1], 1)
    guard longest > side else { return shown(projection: projection) }
    func extent(_ length: Int) -> Int { max(1, length * side / longest) }
    return shown(
      projection: projection.shrunk(rows: extent(projection.shape[0]), columns: extent(projection.shape[1]))
    )
  }
}

extension Runner {
  /// Some values of inputs, by name, each input's in its place; only names that the runner keeps.
  func features(
    of values: [String], over inputs: Range<Int>, input: @escaping @Sendable (Int) throws -> Tensor
  ) throws -> [[String: [Float]]] {
    let found = Mutex([Int: [String: [Float]]]())
    try run(over: inputs, input: input) { trace in
      for (index, number) in trace.images.enumerated() {
        for value in values {
          guard let elements = trace[value]?.slices(index..<index + 1).elements else { continue }
          found.withLock { $0[number, default: [:]][value] = elements }
        }
      }
    }
    return found.withLock { found in inputs.map { found[$0] ?? [:] } }
  }
}

extension [StudiedLayer] {
  /// As the readings that studies are made of take them.
  var named: [(name: String, value: String)] { map { ($0.name, $0.value) } }
}
