/// How one picture is laid over another: what each edge loses, and whether one of them is mirrored.
public struct Alignment: Codable, Hashable, Sendable {
  /// In shares of the side: above zero cut from the training picture, below zero from the test picture.
  public var top: Float = 0
  public var left: Float = 0
  public var bottom: Float = 0
  public var right: Float = 0
  /// Whether the test picture is mirrored first.
  public var isMirrored = false

  /// The most that an edge may lose.
  static let most: Float = 0.12

  /// Windows that lose a twentieth of each side and a tenth, at corners, edges and centre, cut from the training
  /// picture.
  static let crops: [Alignment] = [0.05, 0.1].flatMap { (cut: Float) in
    [0, cut / 2, cut].flatMap { (top: Float) in
      [0, cut / 2, cut].map { (left: Float) in
        Alignment(top: top, left: left, bottom: cut - top, right: cut - left)
      }
    }
  }

  /// The same laid the other way: what was cut from one picture is cut from the other.
  var exchanged: Alignment {
    Alignment(top: -top, left: -left, bottom: -bottom, right: -right, isMirrored: isMirrored)
  }

  var mirrored: Alignment {
    Alignment(top: top, left: left, bottom: bottom, right: right, isMirrored: !isMirrored)
  }

  /// What is seen of the training picture.
  func vector(ofTraining thumbnail: SummedThumbnail, count: Int) -> [Float] {
    thumbnail.vector(of: window, count: count)
  }

  /// What is seen of the test picture, the way round that the training picture is.
  func vector(ofTest thumbnail: SummedThumbnail, count: Int) -> [Float] {
    var seen = exchanged
    if isMirrored { swap(&seen.left, &seen.right) }
    return thumbnail.vector(of: seen.window, count: count, mirrored: isMirrored)
  }

  /// The part of the training picture that is not cut off.
  private var window: Thumbnail.Window {
    let side = Float(Thumbnail.side)
    return (
      side * max(top, 0), side * max(left, 0), side * (1 - max(bottom, 0)), side * (1 - max(right, 0))
    )
  }

  /// Points a side that pictures are compared at once they lie over each other.
  static let points = 48

  /// The normalised correlation of what is seen of both.
  func correlation(_ training: SummedThumbnail, _ test: SummedThumbnail) -> Float {
    let one = vector(ofTraining: training, count: Self.points)
    let other = vector(ofTest: test, count: Self.points)
    var sum: Float = 0
    for index in one.indices { sum += one[index] * other[index] }
    return sum
  }

  /// The alignment near this one by which two pictures correlate most, and the correlation.
  ///
  /// Found edge by edge in smaller and smaller steps; pairs that stay far below the threshold are given up early.
  func improved(_ training: Thumbnail, _ test: Thumbnail, threshold: Float) -> (Alignment, Float) {
    let (training, test) = (SummedThumbnail(training), SummedThumbnail(test))
    var best = self
    var value = correlation(training, test)
    for (step, shortfall) in [(0.05, 0.2), (0.025, 0.1), (0.0125, 0.05), (0.00625, 0)] as [(Float, Float)] {
      for _ in 0..<4 {
        var isBetter = false
        for move in Self.moves {
          let next = best.moved(move, by: step)
          guard next.isModest else { continue }
          let found = next.correlation(training, test)
          if found > value + 1e-6 { (best, value, isBetter) = (next, found, true) }
        }
        if !isBetter { break }
      }
      if value < threshold - shortfall { break }
    }
    return (best, value)
  }

  /// An edge alone, opposite edges together, all four.
  private static let moves: [SIMD4<Float>] = [
    [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, -1, 0], [0, 1, 0, -1], [1, 1, 1, 1],
  ].flatMap { (move: SIMD4<Float>) in [move, -move] }

  private func moved(_ move: SIMD4<Float>, by step: Float) -> Alignment {
    Alignment(
      top: top + step * move[0], left: left + step * move[1], bottom: bottom + step * move[2],
      right: right + step * move[3], isMirrored: isMirrored)
  }

  private var isModest: Bool { [top, left, bottom, right].allSatisfy { abs($0) <= Self.most } }
}
