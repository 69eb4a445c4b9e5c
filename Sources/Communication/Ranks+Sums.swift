internal import CMPI
public import Foundation

extension Ranks {
  /// Joins what every rank has into one, on rank 0.
  ///
  /// Along a tree: no rank joins more than twice the logarithm of their number, and rank 0 never holds more than two.
  ///
  /// - Parameters:
  ///   - own: What this rank has.
  ///   - bytes: It as bytes.
  ///   - join: Joins another rank's bytes to it; in whatever order, the result must be the same.
  /// - Throws: ``RankError``, or what `bytes` and `join` throw.
  public func joined<Value>(
    _ own: inout Value, bytes: (Value) throws -> Data, join: (inout Value, Data) throws -> Void
  ) throws {
    var distance = 1
    while distance < count {
      if rank % (2 * distance) == distance {
        return try send(try bytes(own), to: rank - distance, .tree)
      }
      if rank + distance < count { try join(&own, try receive(from: rank + distance, .tree).bytes) }
      distance *= 2
    }
  }

  /// The sum of arrays that stand on several ranks: those of rank 0 in their order, then those of rank 1, and so on, added
  /// one by one from the first, so that its bytes do not depend on which rank has which.
  ///
  /// The sum goes from rank to rank in pieces, each rank adding its own, and the last gives it to all.
  ///
  /// - Parameters:
  ///   - own: This rank's arrays, each of `size` numbers; there may be none.
  ///   - size: How many numbers an array has.
  /// - Returns: The sum; nil where no rank has an array.
  /// - Throws: ``RankError``.
  public func sum(_ own: [[Float]], size: Int) throws(RankError) -> [Float]? {
    guard count > 1 else {
      guard var sum = own.first else { return nil }
      for array in own.dropFirst() { Self.add(array, 0..<size, to: &sum) }
      return sum
    }
    let hasBefore = rank > 0 ? try receive(from: rank - 1, .sum).bytes.first == 1 : false
    let has = hasBefore || !own.isEmpty
    let isLast = rank == count - 1
    if !isLast { try send(Data([has ? 1 : 0]), to: rank + 1, .sum) }
    var whole: [Float] = []
    if isLast { whole.reserveCapacity(has ? size : 0) }
    if has {
      for start in stride(from: 0, to: size, by: Self.piece) {
        let range = start..<min(start + Self.piece, size)
        var sum = hasBefore ? Self.floats(try receive(from: rank - 1, .sum).bytes) : Array(own[0][range])
        for array in hasBefore ? own[...] : own.dropFirst() { Self.add(array, range, to: &sum) }
        if isLast { whole += sum } else { try send(Self.bytes(sum), to: rank + 1, .sum) }
      }
    }
    let bytes = try broadcast(Self.bytes(whole), from: count - 1)
    return bytes.isEmpty ? nil : isLast ? whole : Self.floats(bytes)
  }

  /// Numbers in a piece of a sum: a mebibyte.
  private static let piece = 1 << 18

  /// Adds a part of an array to numbers of the part's size.
  private static func add(_ array: [Float], _ range: Range<Int>, to sum: inout [Float]) {
    precondition(range.upperBound <= array.count && range.count == sum.count, "sums of other sizes")
    unsafe array.withUnsafeBufferPointer { array in
      unsafe sum.withUnsafeMutableBufferPointer { sum in
        for index in 0..<range.count { unsafe sum[index] += array[range.lowerBound + index] }
      }
    }
  }

  /// Numbers as the bytes that they are.
  public static func bytes(_ numbers: [Float]) -> Data {
    unsafe numbers.withUnsafeBytes { unsafe Data($0) }
  }

  /// The numbers that bytes are.
  public static func floats(_ bytes: Data) -> [Float] {
    precondition(bytes.count % 4 == 0, "\(bytes.count) bytes are no numbers")
    return unsafe [Float](unsafeUninitializedCapacity: bytes.count / 4) { numbers, count in
      count = bytes.count / 4
      _ = unsafe bytes.copyBytes(to: numbers)
    }
  }
}
