/// The extents of a tensor, outermost first.
///
/// A tensor of four dimensions is images x rows x columns x channels, always in that order; filters are
/// outputs x rows x columns x inputs. ONNX's order (channels before rows) exists only at the doors that
/// read and write files.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let dimensions: [Int]

  public init(_ dimensions: [Int]) {
    for extent in dimensions { precondition(extent >= 0, "an extent of \(extent) in \(dimensions)") }
    self.dimensions = dimensions
  }

  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// The shape of feature maps or pictures.
  public init(images: Int, rows: Int, columns: Int, channels: Int) {
    self.init([images, rows, columns, channels])
  }

  public var rank: Int { dimensions.count }

  /// The number of elements; 1 for a scalar.
  public var count: Int { dimensions.reduce(1, *) }

  public subscript(axis: Int) -> Int { dimensions[axis] }

  public var images: Int { four(0) }
  public var rows: Int { four(1) }
  public var columns: Int { four(2) }
  public var channels: Int { four(3) }

  private func four(_ axis: Int) -> Int {
    precondition(rank == 4, "rows, columns and channels belong to shapes of rank 4, not \(self)")
    return dimensions[axis]
  }

  public var description: String {
    dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "x")
  }
}
