public import Tensors

/// A window sliding along one axis: extents in positions of that axis.
public struct Slide: Hashable, Sendable {
  public var window: Int
  public var stride: Int
  public var dilation: Int
  /// Positions of padding before the first and after the last; negative padding is not allowed.
  public var before: Int
  public var after: Int

  public init(window: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0) {
    precondition(
      window > 0 && stride > 0 && dilation > 0 && before >= 0 && after >= 0,
      "window \(window), stride \(stride), dilation \(dilation) must be positive and padding \(before), \(after) not negative"
    )
    self.window = window
    self.stride = stride
    self.dilation = dilation
    self.before = before
    self.after = after
  }

  /// What the window covers from its first to its last position, dilation counted in.
  public var reach: Int { (window - 1) * dilation + 1 }

  /// The number of places the window takes over `length` positions.
  ///
  /// - Throws: ``KernelError/windowExceedsInput(window:length:padding:)`` where it has none.
  public func places(over length: Int) throws(KernelError) -> Int {
    let spare = length + before + after - reach
    guard spare >= 0 else {
      throw .windowExceedsInput(window: reach, length: length, padding: before + after)
    }
    return spare / stride + 1
  }
}

/// A window sliding over rows and columns.
public struct Sliding: Hashable, Sendable {
  public var rows: Slide
  public var columns: Slide

  public init(rows: Slide, columns: Slide) {
    self.rows = rows
    self.columns = columns
  }

  /// A square window that moves, and is padded, alike on both axes.
  public init(window: Int, stride: Int = 1, dilation: Int = 1, padding: Int = 0) {
    let slide = Slide(window: window, stride: stride, dilation: dilation, before: padding, after: padding)
    self.init(rows: slide, columns: slide)
  }

  /// The positions of one window.
  public var count: Int { rows.window * columns.window }

  /// The shape that sliding over `input` leaves, with as many channels as said, or as the input has.
  ///
  /// - Throws: ``KernelError/windowExceedsInput(window:length:padding:)`` where the window has no place.
  public func output(over input: Shape, channels: Int? = nil) throws(KernelError) -> Shape {
    Shape(
      images: input.images, rows: try rows.places(over: input.rows),
      columns: try columns.places(over: input.columns), channels: channels ?? input.channels)
  }
}
