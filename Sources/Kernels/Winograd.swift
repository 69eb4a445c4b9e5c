internal import CVector
internal import Synchronization
internal import Tensors

/// How a convolution is computed.
public enum ConvolutionMethod: Hashable, Sendable {
  /// Every product that the definition names.
  case direct
  /// By Winograd's minimal filtering, for 3x3 filters of stride 1: tiles of `side` x `side` outputs (2, 4 or 5) from 16,
  /// 36 or 49 products a channel where the definition has 36, 144 or 225.
  ///
  /// Errors of rounding are those of the definition with tiles of 2, three times as large with 4, ten times with 5: 1e-5 of the
  /// largest value.
  ///
  /// - Note: Lavin & Gray 2016, "Fast algorithms for convolutional neural networks".
  case winograd(side: Int)

  /// Which method is taken.
  public enum Choice: Hashable, Sendable {
    /// The fastest, by geometry.
    case fastest
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
  /// Whether Winograd's filtering can compute it: 3x3, stride and dilation 1, one group, forward or back to the input.
  var fitsWinograd: Bool {
    func fits(_ slide: Slide) -> Bool {
      slide.window == 3 && slide.stride == 1 && slide.dilation == 1 && (0...2).contains(slide.before)
    }
    return groups == 1 && direction != .gradient && fits(sliding.rows) && fits(sliding.columns)
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
    guard fitsWinograd else { return .direct }
    switch choice {
    case .by(let method): return method
    case .fastest: return ConvolutionMethod.isExact ? .direct : fastest
    }
  }

  private var fastest: ConvolutionMethod {
    let (rows, columns, channels, units) = filtering
    guard channels >= 8, min(rows, columns) >= 4 else { return .direct }
    guard max(rows, columns) > 8 else {
      // Few tiles read many filters: smaller ones are faster than fewer products.
      let filters = channels * units
      return (min(rows, columns) >= 5 && filters >= 4096) || filters >= 65536 ? .winograd(side: 2) : .direct
    }
    /// Products a channel and unit, edges that are cut included.
    func products(_ side: Int) -> Int {
      (side + 2) * (side + 2) * ((rows + side - 1) / side) * ((columns + side - 1) / side)
    }
    // Larger tiles only where they save an eighth: they lose three times as much to rounding.
    return .winograd(side: 8 * products(5) <= 7 * products(4) ? 5 : 4)
  }
}

extension Device {
  /// A convolution, or its way back to the input, by Winograd's filtering.
  ///
  /// - Parameters:
  ///   - source: The input; of the way back the signal.
  ///   - filters: Outputs x 3 x 3 x inputs of the forward direction.
  ///   - bias: One an output, forward alone.
  ///   - geometry: One that ``ConvolutionGeometry/fitsWinograd``.
  ///   - side: A tile's: 2, 4 or 5.
  ///   - target: Images x rows x columns x at least the outputs.
  ///   - landing: Where in it the outputs go.
  mutating func winograd(
    _ source: Tensor, filters: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry, side: Int,
    onto target: inout Tensor, _ landing: Landing
  ) {
    let isBack = geometry.direction == .transposed
    let made = isBack ? geometry.input : geometry.output
    /// On the way back windows begin where those of the forward direction end.
    func before(_ slide: Slide) -> Int { isBack ? 2 - slide.before : slide.before }
    let plain = VectorWinograd(
      images: source.shape.images, rows: source.shape.rows, columns: source.shape.columns,
      channels: source.shape.channels, input_step: source.shape.channels, output_rows: made.rows,
      output_columns: made.columns, units: made.channels, output_step: target.shape.channels,
      rows_before: before(geometry.sliding.rows), columns_before: before(geometry.sliding.columns),
      side: side)
    let shares = shares(
      tiles: vector_winograd_tiles(plain), enough: 24, units: made.channels,
      work: made.count * source.shape.channels * 9 / 4)
    let finish = landing.finish
    unsafe perform(
      shares, floats: shares.map { vector_winograd_scratch(plain, $0) }, source,
      Self.transformed(filters, isTurned: isBack, side: side), bias, onto: &target, at: landing.channel
    ) { lent, share, scratch in
      unsafe vector_winograd(
        lent.source, Self.aligned(lent.filters), lent.bias, lent.target, plain, share, finish, scratch)
    }
  }

  /// Filters as the products want them, made once for all devices; they begin at the first 64-byte boundary.
  private static func transformed(_ filters: Tensor, isTurned: Bool, side: Int) -> Tensor {
    filters.prepared(as: "winograd", [Int64(side), isTurned ? 1 : 0]) {
      let (units, channels) = (filters.shape[0], filters.shape[3])
      let count =
        isTurned
        ? vector_winograd_filters(channels, units, side) : vector_winograd_filters(units, channels, side)
      return unsafe Tensor(uninitialized: [count + 16]) { target in
        unsafe filters.withUnsafeElements { source in
          let start = unsafe aligned(UnsafePointer(target.baseAddress))
          unsafe vector_winograd_filter(
            source.baseAddress, UnsafeMutablePointer(mutating: start), units, channels, side, isTurned ? 1 : 0
          )
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
