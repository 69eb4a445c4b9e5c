/// Where in a resized picture's central square a crop is cut, and whether it is mirrored left to right.
///
/// - Note: Zeiler & Fergus 2014, section 3: ten crops, from the corners and the centre of the central square, with and
///   without horizontal flips.
public struct Placement: Hashable, Sendable {
  /// From 0, at the top, to 1, at the bottom.
  public var down: Double
  /// From 0, at the left, to 1, at the right.
  public var across: Double
  public var isMirrored: Bool

  /// - Parameters:
  ///   - down: From 0, the top, to 1, the bottom; values outside are our own mistake.
  ///   - across: From 0, the left, to 1, the right; likewise.
  ///   - isMirrored: Whether the crop is mirrored left to right.
  public init(down: Double, across: Double, isMirrored: Bool = false) {
    precondition(
      (0...1).contains(down) && (0...1).contains(across), "a place of \(down) down, \(across) across")
    self.down = down
    self.across = across
    self.isMirrored = isMirrored
  }

  public static let center = Placement(down: 0.5, across: 0.5)

  /// The four corners and the centre, then the same mirrored.
  public static let ten: [Placement] = [false, true].flatMap { isMirrored in
    [(0.0, 0.0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)].map { down, across in
      Placement(down: down, across: across, isMirrored: isMirrored)
    }
  }

  /// Where a crop begins along one axis, whose place on the spare part is `share`.
  func start(
    _ share: Double, of crop: Int, in length: Int, beside other: Int, rounding: Preprocessing.Rounding
  ) -> Int {
    // The centre is the picture's own, whatever the square.
    if share == 0.5 {
      let spare = length - crop
      return spare / 2 + (rounding == .even && spare % 4 == 3 ? 1 : 0)
    }
    let side = max(min(length, other), crop)
    return (length - side) / 2 + Int((share * Double(side - crop)).rounded())
  }
}
