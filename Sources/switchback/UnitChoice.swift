internal import ArgumentParser
internal import Foundation
internal import Networks

/// Units by number: `all`, a range as Swift writes it, or a list.
struct UnitChoice {
  private let contains: (Int) -> Bool
  /// Units that some layer must have.
  private let named: [Int]

  init(_ text: String) throws {
    let bounds = { (separator: String) -> (Int, Int)? in
      let parts = text.components(separatedBy: separator)
      guard parts.count == 2, let low = Int(parts[0]), let high = Int(parts[1]), low >= 0, high >= low else {
        return nil
      }
      return (low, high)
    }
    let list = text.split(separator: ",", omittingEmptySubsequences: false).map {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    if text == "all" {
      contains = { _ in true }
      named = []
    } else if let (low, high) = bounds("..<"), low < high {
      contains = { (low..<high).contains($0) }
      named = [low]
    } else if let (low, high) = bounds("...") {
      contains = { (low...high).contains($0) }
      named = [low]
    } else if list.allSatisfy({ ($0 ?? -1) >= 0 }) {
      let units = Set(list.compactMap { $0 })
      contains = units.contains
      named = units.sorted()
    } else {
      throw ValidationError("--units takes 0..<64, 3...9, a list such as 1,5,8, or all; not '\(text)'.")
    }
  }

  func units(of count: Int) -> [Int] { (0..<count).filter(contains) }

  /// - Throws: `NetworkError.unknownUnit` where a unit of the list, or a range's first, is in none of the layers.
  func check(_ layers: [SearchedLayer]) throws(NetworkError) {
    guard let largest = layers.max(by: { $0.units < $1.units }) else { return }
    for unit in named where unit >= largest.units {
      throw .unknownUnit(unit: unit, layer: largest.name, units: largest.units)
    }
  }
}
