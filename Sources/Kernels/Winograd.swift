internal import CVector
internal import Synchronization
internal import Tensors

/// How a convolution is computed.
public enum ConvolutionMethod: Hashable, Sendable {
  /// Every product that the definition names.
  case direct
  /// By Winograd's minimal filtering: tiles of `side` x `side` outputs from fewer products a channel than the definition
  /// has. Of 3x3 filters tiles of 2, 4 or 5 take 16, 36 or 49 products for 36, 144 or 225; of 4x4 ones tiles of 3 or 4 take
  /// 36 or 49 for 144 or 256; of 5x5 ones tiles of 2 or 3 take 36 or 49 for 100 or 225. Filters that move by more than one
  /// position are smaller ones over squares of positions.
  ///
  /// The error of rounding is below the definition's with 3x3 filters and tiles of 2; otherwise up to three times it where
  /// side and filter are 7 together, up to ten times where they are 8: 1e-5 of the largest value.
  ///
  /// - Note: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks".
  case winograd(side: Int)

  /// Which method is taken.
  public enum Choice: Hashable, Sendable {
    /// The fastest, by geometry.
    case fastest
    /// As exact as the definition's sums or more: of 3x3 filters that move by one position Winograd's filtering with tiles of
    /// 2, where filtering is faster.
    case precise
    /// One method where it fits, else directly.
    case by(ConvolutionMethod)
  }

  /// Whether convolutions are computed directly even where filtering is faster: for all devices, from now on.
  public static var isExact: Bool {
    get { exact.load(ordering: .relaxed) }
    set { exact.store(newValue, ordering: .relaxed) }
  }

  private static let exact = Atomic(false)
}

extension ConvolutionGeometry {
  /// The edge of the filters over squares of as many positions as they move by.
  var squaredWindow: Int { (sliding.rows.window + sliding.rows.stride - 1) / sliding.rows.stride }

  /// The sides of the tiles by which Winograd's filtering can compute it, smallest first: square filters without dilation,
  /// one group, forward or, where they move by one position, back to the input.
  var tileSides: [Int] {
    let (rows, columns) = (sliding.rows, sliding.columns)
    guard groups == 1, direction != .gradient, rows.dilation == 1, columns.dilation == 1,
      rows.window == columns.window, rows.stride == columns.stride
    else { return [] }
    if rows.stride == 1 {
      guard [rows, columns].allSatisfy({ (0..<$0.window).contains($0.before) }) else { return [] }
    } else if direction == .transposed {
      return []
    }
    return switch squaredWindow {
    case 3: [2, 4, 5]
    case 4: [3, 4]
    case 5: [2, 3]
    default: []
    }
  }

  /// The extents of what is made, and the channels of what it is made from and of itself.
  var filtering: (rows: Int, columns: Int, channels: Int, units: Int) {
    direction == .transposed
      ? (input.rows, input.columns, output.channels, input.channels)
      : (output.rows, output.columns, input.channels, output.channels)
  }

  /// The method taken: by geometry alone, so that whatever stands beside a picture, and for any number of threads, it is the
  /// same.
  func method(_ choice: ConvolutionMethod.Choice) -> ConvolutionMethod {
    let sides = tileSides
    switch choice {
    case .by(.winograd(let side)): return sides.contains(side) ? .winograd(side: side) : .direct
    case .by(.direct): return .direct
    case .fastest: return ConvolutionMethod.isExact || sides.isEmpty ? .direct : fastest
    case .precise:
      guard !ConvolutionMethod.isExact, sliding.rows.window == 3, sliding.rows.stride == 1, !sides.isEmpty
      else {
        return .direct
      }
      return fastest == .direct ? .direct : .winograd(side: 2)
    }
  }

  private var fastest: ConvolutionMethod {
    let (rows, columns, channels, units) = filtering
    let (window, stride) = (squaredWindow, sliding.rows.stride)
    guard channels * stride * stride >= 8, min(rows, columns) >= 4 else { return .direct }
    if max(rows, columns) <= 8 && stride > 1 { return .direct }
    if max(rows, columns) <= 8 && window == 3 {
      // Few tiles read many filters: smaller ones are faster than fewer products.
      let filters = channels * units
      return (min(rows, columns) >= 5 && filters >= 4096) || filters >= 65536 ? .winograd(side: 2) : .direct
    }
    return .winograd(side: sideOfFewestProducts)
  }

  /// The largest tiles only where they save an eighth: they lose three times as much to rounding.
  private var sideOfFewestProducts: Int {
    /// Products a channel and unit, edges that are cut included.
    func products(_ side: Int) -> Int {
      let edge = side + squaredWindow - 1
      return edge * edge * ((filtering.rows + side - 1) / side) * ((filtering.columns + side - 1) / side)
    }
    let (largest, smaller) = (tileSides[tileSides.count - 1], tileSides[tileSides.count - 2])
    return 8 * products(largest) <= 7 * products(smaller) ? largest : smaller
  }

  /// The method by which gradients of filters are summed, given the forward direction's geometry.
  ///
  /// Maps of a few tiles take the smallest, whose sums are half as many: reading and writing them is most of the work.
  func gradientMethod(_ choice: ConvolutionMethod.Choice) -> ConvolutionMethod {
    if case .by = choice { return method(choice) }
    let (rows, columns, channels, _) = filtering
    let stride = sliding.rows.stride
    guard !ConvolutionMethod.isExact, let smallest = tileSides.first, channels * stride * stride >= 8,
      min(rows, columns) >= 4
    else { return .direct }
    return .winograd(side: max(rows, columns) <= 8 ? smallest : sideOfFewestProducts)
  }
}

extension ConvolutionGeometry {
  /// The same for C.
  ///
  /// - Parameters:
  ///   - source: What is filtered: the input, where filters move by more than one position squares of it, or the signal.
  ///   - side: Of the tiles.
  ///   - outputStep: Floats from one position of what is made to the next.
  /// - Returns: The geometry of the tiles.
  func winograd(of source: Shape, side: Int, outputStep: Int) -> VectorWinograd {
    let isBack = direction == .transposed
    let made = isBack ? input : output
    /// On the way back windows begin where those of the forward direction end; squares begin with the first window.
    func before(_ slide: Slide) -> Int {
      slide.stride > 1 ? 0 : isBack ? slide.window - 1 - slide.before : slide.before
    }
    return VectorWinograd(
      images: source.images, rows: source.rows, columns: source.columns, channels: source.channels,
      input_step: source.channels, output_rows: made.rows, output_columns: made.columns, units: made.channels,
      output_step: outputStep, rows_before: before(sliding.rows), columns_before: before(sliding.columns),
      side: side, window: squaredWindow)
  }
}

extension Device {
  /// A convolution, or its way back to the input, by Winograd's filtering.
  ///
  /// - Parameters:
  ///   - source: The input; of the way back the signal.
  ///   - filters: Outputs x rows x columns x inputs of the forward direction.
  ///   - bias: One an output, forward alone.
  ///   - geometry: One that has ``ConvolutionGeometry/tileSides``.
  ///   - side: One of them.
  ///   - target: Images x rows x columns x at least the outputs.
  ///   - landing: Where in it the outputs go.
  mutating func winograd(
    _ source: Tensor, filters: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, side: Int,
    onto target: inout Tensor, _ landing: Landing
  ) {
    let isBack = geometry.direction == .transposed
    let made = isBack ? geometry.input : geometry.output
    let isSquared = geometry.sliding.rows.stride > 1
    let source = isSquared ? squared(source, geometry) : source
    let filters = isSquared ? Self.squared(filters, by: geometry.sliding.rows.stride) : filters
    let plain = geometry.winograd(of: source.shape, side: side, outputStep: target.shape.channels)
    let shares = shares(
      tiles: vector_winograd_tiles(plain), enough: 24, units: made.channels,
      work: made.count * source.shape.channels * 2)
    let finish = landing.finish
    unsafe perform(
      shares, floats: shares.map { vector_winograd_scratch(plain, $0) }, source,
      Self.transformed(filters, isTurned: isBack, side: side), bias, onto: &target, at: landing.channel
    ) { lent, share, scratch in
      unsafe vector_winograd(
        lent.source, Self.aligned(lent.filters), lent.bias, lent.target, plain, share, finish, scratch)
    }
  }

  /// Squares of as many positions as the filters move by, each one position of more channels.
  func squared(_ source: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
    let (window, stride) = (geometry.squaredWindow, geometry.sliding.rows.stride)
    var sliding = VectorSliding(geometry.sliding, input: geometry.input, output: geometry.output)
    sliding.rows.places += window - 1
    sliding.columns.places += window - 1
    let shape = Shape(
      images: source.shape.images, rows: sliding.rows.places, columns: sliding.columns.places,
      channels: stride * stride * source.shape.channels)
    return unsafe Tensor(uninitialized: shape) { target in
      unsafe source.withUnsafeElements { source in
        unsafe vector_space_to_depth(source.baseAddress, target.baseAddress, sliding)
      }
    }
  }

  /// Filters over such squares, zeros past their last rows and columns.
  private static func squared(_ filters: Tensor, by stride: Int) -> Tensor {
    filters.prepared(as: "squared", [Int64(stride)]) {
      let (units, window, channels) = (filters.shape[0], filters.shape[1], filters.shape[3])
      let edge = (window + stride - 1) / stride
      let sliding = VectorSliding(
        images: units, channels: channels,
        rows: VectorSlide(
          length: window, places: edge, window: 1, stride: stride, dilation: 1, before: 0, after: 0),
        columns: VectorSlide(
          length: window, places: edge, window: 1, stride: stride, dilation: 1, before: 0, after: 0))
      return unsafe Tensor(uninitialized: [units, edge, edge, stride * stride * channels]) { target in
        unsafe filters.withUnsafeElements { source in
          unsafe vector_space_to_depth(source.baseAddress, target.baseAddress, sliding)
        }
      }
    }
  }

  /// Filters as the products want them, made once for all devices; they begin at the first 64-byte boundary.
  private static func transformed(_ filters: Tensor, isTurned: Bool, side: Int) -> Tensor {
    filters.prepared(as: "winograd", [Int64(side), isTurned ? 1 : 0]) {
      let (units, window, channels) = (filters.shape[0], filters.shape[1], filters.shape[3])
      let count =
        isTurned
        ? vector_winograd_filters(channels, units, side, window)
        : vector_winograd_filters(units, channels, side, window)
      return unsafe Tensor(uninitialized: [count + 16]) { target in
        unsafe filters.withUnsafeElements { source in
          let start = unsafe aligned(UnsafePointer(target.baseAddress))
          unsafe vector_winograd_filter(
            source.baseAddress, UnsafeMutablePointer(mutating: start), units, channels, side, window,
            isTurned ? 1 : 0)
        }
      }
    }
  }

  /// The first 64-byte boundary in some memory.
  private static func aligned(_ base: UnsafePointer<Float>?) -> UnsafePointer<Float>? {
    unsafe base.map {
      unsafe UnsafeRawPointer($0).alignedUp(toMultipleOf: 64).assumingMemoryBound(to: Float.self)
    }
  }
}
