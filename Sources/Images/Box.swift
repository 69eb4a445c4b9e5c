/// A rectangle of pixels: `top` and `left` belong to it, `bottom` and `right` do not.
public struct Box: Hashable, Sendable, Codable, CustomStringConvertible {
  public var top: Int
  public var left: Int
  public var bottom: Int
  public var right: Int

  /// Edges in pixels.
  ///
  /// Nothing is checked: a box may be empty, reversed or off its picture.
  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  public var rows: Int { bottom - top }
  public var columns: Int { right - left }

  /// Coded as `[top, left, bottom, right]`.
  public init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    (top, left) = (try container.decode(Int.self), try container.decode(Int.self))
    (bottom, right) = (try container.decode(Int.self), try container.decode(Int.self))
  }

  /// Coded as `[top, left, bottom, right]`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for edge in [top, left, bottom, right] { try container.encode(edge) }
  }

  public var description: String { "[\(top), \(left), \(bottom), \(right)]" }
}
