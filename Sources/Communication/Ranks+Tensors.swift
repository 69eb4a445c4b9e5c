internal import Foundation
public import Tensors

extension Ranks {
  /// The tensors of every rank that has one, in the order of ranks, on every rank.
  public func gathered(_ own: Tensor?) throws(RankError) -> [Tensor] {
    guard count > 1 else { return own.map { [$0] } ?? [] }
    var bytes = Data()
    if let own {
      let extents = own.shape.dimensions
      for number in [extents.count] + extents {
        bytes += (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
      }
      bytes += Self.bytes(own.elements)
    }
    return try gathered(bytes).compactMap { bytes in
      func number(_ place: Int) -> Int {
        bytes.dropFirst(8 * place).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      }
      guard !bytes.isEmpty else { return nil }
      let rank = number(0)
      return Tensor(
        Shape((1...max(rank, 1)).prefix(rank).map(number)),
        elements: Self.floats(Data(bytes.dropFirst(8 * (rank + 1)))))
    }
  }
}
