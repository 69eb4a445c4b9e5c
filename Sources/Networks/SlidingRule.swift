public import Kernels
public import Tensors

/// How a model says where a window slides; a `Sliding` once the size of the map is known.
public struct SlidingRule: Hashable, Sendable {
  /// The padding around a map, as ONNX's `auto_pad` and `pads` have it.
  public enum Padding: Hashable, Sendable {
    case explicit(top: Int, left: Int, bottom: Int, right: Int)
    /// As many places as the stride divides the map into; an odd position goes after the map.
    case sameUpper
    /// The same, but an odd position goes before the map.
    case sameLower
  }

  /// Rows, then columns.
  public var window: [Int]
  public var strides: [Int]
  public var dilations: [Int]
  public var padding: Padding
  /// Whether a last window that only begins inside the padded map counts (`ceil_mode`).
  public var roundsUp: Bool

  /// - Parameters:
  ///   - window: Rows, columns.
  ///   - strides: Positions from one place to the next, down and across.
  ///   - dilations: Positions from one tap of the window to the next, down and across.
  ///   - padding: Positions around the map.
  ///   - roundsUp: Whether a last, incomplete window counts (`ceil_mode`).
  public init(
    window: [Int], strides: [Int] = [1, 1], dilations: [Int] = [1, 1],
    padding: Padding = .explicit(top: 0, left: 0, bottom: 0, right: 0), roundsUp: Bool = false
  ) {
    self.window = window
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
    self.roundsUp = roundsUp
  }

  /// The same along one side alone.
  func along(rows: Bool, roundsUp: Bool) -> SlidingRule {
    func pair(_ numbers: [Int]) -> [Int] { rows ? [numbers[0], 1] : [1, numbers[1]] }
    var side = self
    (side.window, side.strides, side.dilations) = (pair(window), pair(strides), pair(dilations))
    if case .explicit(let top, let left, let bottom, let right) = padding {
      side.padding =
        rows
        ? .explicit(top: top, left: 0, bottom: bottom, right: 0)
        : .explicit(top: 0, left: left, bottom: 0, right: right)
    }
    side.roundsUp = roundsUp
    return side
  }

  var isDilated: Bool { dilations != [1, 1] }

  /// The windows over a map of this shape.
  public func resolved(over map: Shape) -> Sliding {
    Sliding(rows: slide(axis: 0, over: map.rows), columns: slide(axis: 1, over: map.columns))
  }

  private func slide(axis: Int, over length: Int) -> Slide {
    var slide = Slide(window: window[axis], stride: strides[axis], dilation: dilations[axis])
    switch padding {
    case .explicit(let top, let left, let bottom, let right):
      slide.before = axis == 0 ? top : left
      slide.after = axis == 0 ? bottom : right
    case .sameUpper, .sameLower:
      let places = (length + slide.stride - 1) / slide.stride
      let needed = max((places - 1) * slide.stride + slide.reach - length, 0)
      slide.before = padding == .sameLower ? (needed + 1) / 2 : needed / 2
      slide.after = needed - slide.before
    }
    let spare = length + slide.before + slide.after - slide.reach
    if roundsUp, spare >= 0, spare % slide.stride != 0 {
      // The window past the end counts only if it begins inside the map or the padding before it.
      let places = spare / slide.stride + 2
      if (places - 1) * slide.stride < length + slide.before {
        slide.room = slide.stride - spare % slide.stride
      }
    }
    return slide
  }
}
