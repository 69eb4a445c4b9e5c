package import Datasets
internal import Foundation
package import Peaks

extension FeatureTable {
  /// A class that a unit fires for beyond what its share of the pictures explains.
  public struct ClassShare: Codable, Hashable, Sendable {
    /// The class's name.
    public var name: String
    /// How many of the unit's strongest pictures show it.
    public var count: Int
    /// How many strongest pictures were looked at.
    public var strongest: Int
    /// How many times as often it is shown among them as in all pictures.
    public var lift: Double
  }
}

/// For which classes units fire: counts among each unit's strongest pictures, held against chance.
///
/// A class is named where three of the strongest pictures or more show it, and as many would come together by chance, in
/// any of the classes, less than once in a hundred units: the tail of the hypergeometric distribution times the number of
/// classes (Bonferroni) is below 0.01. Its memory is that of the search: at most ``mostStrongest`` peaks a unit.
package struct ClassCounts {
  /// How many of a unit's strongest pictures are looked at: one in a hundred, within these bounds, and no more than one in
  /// five.
  private static let strongest = 30...mostStrongest
  static let mostStrongest = 100
  private static let fewest = 3
  private static let chance = 0.01

  /// Labels of pictures by id, of those that have one and could be read.
  private let labels: [Int: Int]
  private let names: [String]?
  private let sizes: [Int: Int]
  /// The logarithm of each number's factorial.
  private let logFactorials: [Double]

  /// How many peaks a unit must keep for its classes to be told; 0 where pictures have no classes, or all the same.
  package static func depth(for dataset: Dataset) -> Int {
    let labels = dataset.items.compactMap(\.label)
    guard Set(labels).count > 1 else { return 0 }
    let share = min(max(labels.count / 100, strongest.lowerBound), strongest.upperBound)
    return min(share, labels.count / 5)
  }

  /// - Parameters:
  ///   - dataset: The pictures.
  ///   - skipped: Ids of those that could not be read.
  package init(_ dataset: Dataset, without skipped: Set<Int>) {
    let known = dataset.items.filter { !skipped.contains($0.id) }.compactMap { item in
      item.label.map { (item.id, $0) }
    }
    labels = Dictionary(known, uniquingKeysWith: { one, _ in one })
    names = dataset.classNames
    sizes = Dictionary(known.map { ($0.1, 1) }, uniquingKeysWith: +)
    logFactorials = (0..<known.count).reduce(into: [0]) { logs, number in
      logs.append(logs[number] + log(Double(number + 1)))
    }
  }

  /// The classes that a unit fires for, the most frequent among its strongest pictures first.
  ///
  /// - Parameters:
  ///   - peaks: The unit's peaks, strongest first.
  ///   - depth: How many of them are looked at.
  /// - Returns: The classes; none where chance explains all.
  package func classes(of peaks: [Peak], strongest depth: Int) -> [FeatureTable.ClassShare] {
    let shown = peaks.prefix(depth).filter { $0.value > 0 }.compactMap { labels[$0.image] }
    let counts = Dictionary(shown.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.compactMap { label, count -> (label: Int, share: FeatureTable.ClassShare)? in
      guard count >= Self.fewest, let size = sizes[label],
        chance(of: count, in: shown.count, size: size) * Double(sizes.count) < Self.chance
      else { return nil }
      let lift = Double(count) / Double(shown.count) * Double(labels.count) / Double(size)
      return (
        label,
        .init(name: name(of: label), count: count, strongest: shown.count, lift: lift)
      )
    }.sorted { ($1.share.count, $1.share.lift, $0.label) < ($0.share.count, $0.share.lift, $1.label) }
      .map(\.share)
  }

  private func name(of label: Int) -> String {
    names.flatMap { $0.indices.contains(label) ? $0[label] : nil } ?? "class \(label)"
  }

  /// The probability that `count` or more of `drawn` pictures, drawn without choice, belong to a class of `size`.
  private func chance(of count: Int, in drawn: Int, size: Int) -> Double {
    func choices(_ part: Int, of whole: Int) -> Double {
      logFactorials[whole] - logFactorials[part] - logFactorials[whole - part]
    }
    let (all, most) = (labels.count, min(drawn, size))
    guard count <= most else { return 0 }
    return (count...most).filter { drawn - $0 <= all - size }.reduce(0) { sum, number in
      sum + exp(choices(number, of: size) + choices(drawn - number, of: all - size) - choices(drawn, of: all))
    }
  }
}
