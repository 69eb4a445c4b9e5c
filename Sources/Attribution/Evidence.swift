internal import Kernels
public import Tensors

/// What a walk back needs to know of one picture's forward pass, cut to the seed's receptive field.
///
/// It outlives the trace that it was cut from, and is as small as the field.
public struct Evidence: Sendable {
  /// One node's part.
  struct Item: Sendable {
    /// What a max pool recorded.
    var switches: Switches?
    var values: [String: Tensor] = [:]
  }

  /// Whether the seed is at one place, so that all is cut to its receptive field.
  let isWindow: Bool
  /// Where the seed is in its layer; zero for a seed that is not at one place.
  let row: Int
  let column: Int
  /// The signal at the layer: 1 x 1 x 1 x channels for one activation, else the layer's shape.
  let signal: Tensor
  let items: [String: Item]
  /// The same of a reference's pass, for rules that compare both.
  var reference: [String: Item]?

  /// The same way back for another signal: what a pass over one picture asks of the switches of another's.
  ///
  /// - Parameter other: Of the same layer and place.
  /// - Returns: This evidence with the other's signal.
  package func carrying(signalOf other: Evidence) -> Evidence {
    precondition(signal.shape == other.signal.shape, "a signal of \(other.signal.shape) for \(signal.shape)")
    return Evidence(
      isWindow: isWindow, row: row, column: column, signal: other.signal, items: items, reference: reference)
  }
}

extension Evidence {
  /// The same with winners of every max pool drawn by chance: what of a projection does not come from switches.
  package func drawingSwitches(seed: UInt64) -> Evidence {
    var generator = SeededGenerator(seed: seed)
    var drawn = items
    for name in items.keys.sorted() {
      if let switches = items[name]?.switches { drawn[name]?.switches = switches.drawn(using: &generator) }
    }
    return Evidence(
      isWindow: isWindow, row: row, column: column, signal: signal, items: drawn, reference: reference)
  }
}

/// One seed carried back to the network's input, or to the value where its walk ends.
public struct PixelProjection: Sendable {
  /// Rows x columns x channels, in the network's channel order; a value without rows and columns is one position.
  public let pixels: Tensor
  /// Where its first row and column lie there; negative where it hangs over the edge.
  public let top: Int
  public let left: Int

  /// Another window of the same projection, zero beyond what it holds.
  package func window(top: Int, left: Int, rows: Int, columns: Int) -> PixelProjection {
    let (held, across, channels) = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
    let elements = pixels.elements
    let cut = Tensor([rows, columns, channels]) { target in
      for index in 0..<rows * columns * channels {
        let row = index / (columns * channels) + top - self.top
        let column = index / channels % columns + left - self.left
        let isHeld = (0..<held).contains(row) && (0..<across).contains(column)
        target[index] = isHeld ? elements[(row * across + column) * channels + index % channels] : 0
      }
    }
    return PixelProjection(pixels: cut, top: top, left: left)
  }

  /// The same placed in a whole input, 1 x rows x columns x channels, zero outside.
  public func placed(in input: Shape) -> Tensor {
    guard input.rank == 4 else { return pixels.reshaped(to: input) }
    let (rows, columns, channels) = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
    var whole = Tensor(Shape(images: 1, rows: input.rows, columns: input.columns, channels: channels))
    let elements = pixels.elements
    whole.withMutableSpan { target in
      for row in max(0, -top)..<max(0, -top, min(rows, input.rows - top)) {
        for column in max(0, -left)..<max(0, -left, min(columns, input.columns - left)) {
          for channel in 0..<channels {
            target[((row + top) * input.columns + column + left) * channels + channel] =
              elements[(row * columns + column) * channels + channel]
          }
        }
      }
    }
    return whole
  }
}
