public import Tensors

/// A window sliding along one axis: extents in positions of that axis.
public struct Slide: Hashable, Sendable {
  public var window: Int
  public var stride: Int
  public var dilation: Int
  /// Positions of padding before the first and after the last; negative padding is not allowed.
  public var before: Int
  public var after: Int
  /// Positions past the padding that give a last, incomplete window a place (ONNX `ceil_mode`).
  ///
  /// They are padding like any other, but no average counts them.
  public var room: Int

  /// A window along one axis, in positions; `before` and `after` are its padding.
  public init(
    window: Int, stride: Int = 1, dilation: Int = 1, before: Int = 0, after: Int = 0, room: Int = 0
  ) {
    precondition(
      window > 0 && stride > 0 && dilation > 0 && before >= 0 && after >= 0 && room >= 0,
      "window \(window), stride \(stride), dilation \(dilation) must be positive and padding \(before), \(after), \(room) not negative"
    )
    self.window = window
    self.stride = stride
    self.dilation = dilation
    self.before = before
    self.after = after
    self.room = room
  }

  /// What the window covers from its first to its last position, dilation counted in.
  public var reach: Int { (window - 1) * dilation + 1 }

  /// The same window over a map without padding.
  package var unpadded: Slide { Slide(window: window, stride: stride, dilation: dilation) }

  /// The same window, with the room as padding: every position of every window counts.
  package var countingRoom: Slide {
    Slide(window: window, stride: stride, dilation: dilation, before: before, after: after + room)
  }

  /// The positions of one window that an average divides by.
  ///
  /// - Parameters:
  ///   - place: Which window, counted from 0; it may lie off the map.
  ///   - length: The map's positions.
  ///   - countsPadding: Whether positions in the padding count; those in the ``room`` never do.
  /// - Returns: How many positions count.
  package func counted(at place: Int, over length: Int, countsPadding: Bool) -> Int {
    let inside = countsPadding ? -before..<length + after : 0..<length
    return (0..<window).count { inside.contains(place * stride - before + $0 * dilation) }
  }

  /// The number of places the window takes over `length` positions.
  ///
  /// - Throws: ``KernelError/windowExceedsInput(window:length:padding:)`` where it has none.
  public func places(over length: Int) throws(KernelError) -> Int {
    let padding = before + after + room
    let spare = length + padding - reach
    guard spare >= 0 else {
      throw .windowExceedsInput(window: reach, length: length, padding: padding)
    }
    return spare / stride + 1
  }
}

/// A window sliding over rows and columns.
public struct Sliding: Hashable, Sendable {
  public var rows: Slide
  public var columns: Slide

  /// One window down and one across.
  public init(rows: Slide, columns: Slide) {
    self.rows = rows
    self.columns = columns
  }

  /// A square window that moves, and is padded, alike on both axes.
  public init(window: Int, stride: Int = 1, dilation: Int = 1, padding: Int = 0) {
    let slide = Slide(window: window, stride: stride, dilation: dilation, before: padding, after: padding)
    self.init(rows: slide, columns: slide)
  }

  /// The same windows over maps without padding.
  package var unpadded: Sliding { Sliding(rows: rows.unpadded, columns: columns.unpadded) }

  /// The same windows, with the room as padding: every position of every window counts.
  package var countingRoom: Sliding { Sliding(rows: rows.countingRoom, columns: columns.countingRoom) }

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
