internal import Foundation
internal import Networks

/// Units by number: `all`, a range as Swift writes it, or a list.
public struct UnitChoice: Sendable, CustomStringConvertible {
  /// As the user wrote it.
  public let description: String
  private let range: Range<Int>?
  private let listed: Set<Int>

  /// The first 64.
  public init() {
    (description, range, listed) = ("0..<64", 0..<64, [])
  }

  /// - Parameter text: `0..<64`, `3...9`, a list such as `1,5,8`, or `all`.
  /// - Throws: ``StudyError`` for anything else.
  public init(_ text: String) throws(StudyError) {
    description = text
    func bounds(_ separator: String) -> (Int, Int)? {
      let parts = text.components(separatedBy: separator).compactMap { Int($0) }
      return parts.count == 2 && parts[0] >= 0 && parts[1] >= parts[0] && parts[1] < .max
        ? (parts[0], parts[1]) : nil
    }
    let list = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0.trimmingCharacters(in: .whitespaces)) ?? -1
    }
    if text == "all" {
      (range, listed) = (0..<Int.max, [])
    } else if let (low, high) = bounds("..<"), low < high {
      (range, listed) = (low..<high, [])
    } else if let (low, high) = bounds("...") {
      (range, listed) = (low..<high + 1, [])
    } else if list.allSatisfy({ $0 >= 0 }) {
      (range, listed) = (nil, Set(list))
    } else {
      throw StudyError("--units takes 0..<64, 3...9, a list such as 1,5,8, or all; not '\(text)'.")
    }
  }

  /// Whether every unit of any layer is chosen.
  var isAll: Bool { range == 0..<Int.max }

  /// The chosen ones of a layer's units, ascending.
  package func units(of count: Int) -> [Int] {
    (0..<count).filter { range?.contains($0) ?? listed.contains($0) }
  }

  /// - Throws: `NetworkError.unknownUnit` where a unit of the list, or a range's first, is in none of the layers.
  func check(_ layers: [StudiedLayer]) throws(NetworkError) {
    guard let largest = layers.max(by: { $0.units < $1.units }) else { return }
    for unit in listed.sorted() + [range?.lowerBound].compactMap({ $0 })
    where unit >= largest.units && unit > 0 {
      throw .unknownUnit(unit: unit, layer: largest.name, units: largest.units)
    }
  }
}
