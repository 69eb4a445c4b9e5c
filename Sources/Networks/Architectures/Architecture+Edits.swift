extension Architecture {
  /// Changes to an architecture, by the paper's layer numbers, from 1.
  public struct Edits: Hashable, Sendable {
    /// Layers left out.
    public var removing: Set<Int>
    /// Numbers of maps or units by layer.
    public var resizing: [Int: Int]
    /// The side of the first layer's filters, and its stride.
    public var firstWindow: Int?
    public var firstStride: Int?

    /// - Parameters:
    ///   - removing: Numbers of layers left out, each with its pool and normalisation.
    ///   - resizing: For a layer's number, how many maps or units it gets.
    ///   - firstWindow: The side of the first layer's filters in pixels; nil leaves it.
    ///   - firstStride: The first layer's stride in pixels; nil leaves it.
    public init(
      removing: Set<Int> = [], resizing: [Int: Int] = [:], firstWindow: Int? = nil, firstStride: Int? = nil
    ) {
      self.removing = removing
      self.resizing = resizing
      self.firstWindow = firstWindow
      self.firstStride = firstStride
    }
  }

  /// With all of some edits made: layers removed, then resized, then the first filters changed.
  ///
  /// - Throws: ``ArchitectureError`` for the first that cannot be made.
  public func edited(by edits: Edits) throws(ArchitectureError) -> Architecture {
    try removing(edits.removing).resizing(edits.resizing)
      .firstLayer(window: edits.firstWindow, stride: edits.firstStride)
  }

  /// Without some layers, each with its pool and its normalisation.
  ///
  /// - Throws: ``ArchitectureError/unknownLayer(number:present:)``, ``ArchitectureError/classifier(number:)``.
  public func removing(_ numbers: Set<Int>) throws(ArchitectureError) -> Architecture {
    for number in numbers.sorted() { _ = try place(of: number) }
    var edited = self
    edited.layers.removeAll { numbers.contains($0.number) }
    return edited
  }

  /// With other numbers of maps or units in some layers.
  ///
  /// - Throws: ``ArchitectureError/unknownLayer(number:present:)``, ``ArchitectureError/classifier(number:)``,
  ///   ``ArchitectureError/size(what:found:)``.
  public func resizing(_ sizes: [Int: Int]) throws(ArchitectureError) -> Architecture {
    var edited = self
    for (number, size) in sizes.sorted(by: { $0.key < $1.key }) {
      let place = try place(of: number)
      guard size > 0 else { throw .size(what: "the size of layer \(number)", found: "\(size)") }
      edited.layers[place].kind = layers[place].kind.resized { _ in size }
    }
    return edited
  }

  /// With other filters in the first layer; its padding stays.
  ///
  /// - Throws: ``ArchitectureError/firstLayer(reason:)``, ``ArchitectureError/size(what:found:)``.
  public func firstLayer(window: Int? = nil, stride: Int? = nil) throws(ArchitectureError) -> Architecture {
    if window == nil, stride == nil { return self }
    for value in [window, stride].compactMap({ $0 }) where value < 1 {
      throw .size(what: "the first layer's window and stride", found: "\(value)")
    }
    guard let first = layers.first, case .convolution(var filters, let pool, let normalization) = first.kind
    else { throw .firstLayer(reason: "no convolution is left.") }
    filters.window = window ?? filters.window
    filters.stride = stride ?? filters.stride
    var edited = self
    edited.layers[0].kind = .convolution(filters, pool: pool, normalization: normalization)
    return edited
  }

  /// For pictures of another size, and with another share of maps and units (in steps of eight).
  ///
  /// From 160 pixels on, strides and padding are the paper's. Below that they would leave layers 3 to 5 next to
  /// nothing, so layer 2 moves by single positions, convolutions pad to keep their maps' extents, and pools
  /// round up; below 48 pixels the first filters are smaller and their stride is half.
  ///
  /// - Throws: ``ArchitectureError/size(what:found:)``.
  public func scaled(input: Int = 224, width: Double = 1) throws(ArchitectureError) -> Architecture {
    guard (1...16384).contains(input) else {
      throw .size(what: "the input, at most 16384,", found: "\(input)")
    }
    guard width > 0, width < 64 else { throw .size(what: "the width, below 64,", found: "\(width)") }
    var scaled = self
    scaled.input = input
    for place in layers.indices {
      var kind = layers[place].kind
      if width != 1 { kind = kind.resized { max(8, Int((Double($0) * width / 8).rounded()) * 8) } }
      if input < 160 { kind = kind.fitted(isFirst: place == 0, input: input) }
      scaled.layers[place].kind = kind
    }
    return scaled
  }

  private func place(of number: Int) throws(ArchitectureError) -> Int {
    guard number != classifier else { throw .classifier(number: number) }
    guard let place = layers.firstIndex(where: { $0.number == number }) else {
      throw .unknownLayer(number: number, present: layers.map(\.number) + [classifier])
    }
    return place
  }
}

extension Architecture.Kind {
  fileprivate func resized(_ size: (Int) -> Int) -> Self {
    switch self {
    case .convolution(var filters, let pool, let normalization):
      filters.maps = size(filters.maps)
      return .convolution(filters, pool: pool, normalization: normalization)
    case .connected(let units):
      return .connected(units: size(units))
    }
  }

  /// The layer as small pictures need it.
  fileprivate func fitted(isFirst: Bool, input: Int) -> Self {
    guard case .convolution(var filters, let pool, let normalization) = self else { return self }
    if !isFirst {
      filters.stride = 1
    } else if input < 48 {
      filters.window = filters.window / 4 * 2 + 3
      filters.stride = (filters.stride + 1) / 2
    }
    filters.padding = filters.window / 2
    return .convolution(filters, pool: pool.map { _ in .roundingUp }, normalization: normalization)
  }
}
