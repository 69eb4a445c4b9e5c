internal import Tensors

/// What variants of a network came to, a row each, and whether their order is the published one.
public struct AblationTable: Codable, Hashable, Sendable {
  /// One trained network.
  public struct Outcome: Codable, Hashable, Sendable {
    public var variant: String
    public var seed: UInt64
    public var errors: Ablation.Errors
    /// What its training took, validation apart.
    public var seconds: Double

    package init(variant: String, seed: UInt64, errors: Ablation.Errors, seconds: Double) {
      self.variant = variant
      self.seed = seed
      self.errors = errors
      self.seconds = seconds
    }
  }

  /// A variant over its seeds.
  public struct Row: Codable, Hashable, Sendable {
    public var name: String
    public var base: String
    public var cost: Ablation.Cost
    public var outcomes: [Outcome]
    public var mean: Ablation.Errors
    /// Between seeds, by n - 1; absent where there is one seed.
    public var deviation: Ablation.Errors?
    /// Of training one network.
    public var seconds: Double
    public var published: Ablation.Errors?
  }

  /// Which error rows are ordered by.
  public enum Column: String, Codable, CaseIterable, Sendable {
    case trainTop1, top1, top5

    public var title: String {
      switch self {
      case .trainTop1: "train top-1"
      case .top1: "val top-1"
      case .top5: "val top-5"
      }
    }

    /// This column's error, in percent.
    public func value(of errors: Ablation.Errors) -> Double {
      switch self {
      case .trainTop1: errors.trainTop1
      case .top1: errors.top1
      case .top5: errors.top5
      }
    }
  }

  /// How far the variants stand in the published order, by one error.
  public struct Agreement: Codable, Hashable, Sendable {
    /// Two variants that stand the other way round.
    public struct Swap: Codable, Hashable, Sendable {
      /// The better one as published, and the worse.
      public var better: String
      public var worse: String
      public var published: [Double]
      public var found: [Double]
      /// Whether the difference found is below twice its own deviation; absent where there is one seed.
      public var isWithinSpread: Bool?
    }

    public var column: Column
    /// Pairs of variants whose published errors differ.
    public var pairs: Int
    public var inOrder: Int
    /// Spearman's correlation of ranks; absent where either side has one rank alone.
    public var rankCorrelation: Double?
    public var swaps: [Swap]
  }

  public var rows: [Row]
  public var agreement: [Agreement]

  /// The table of the networks trained so far; a variant with none has no row.
  package init(_ ablation: Ablation, costs: [Ablation.Cost], outcomes: [Outcome]) {
    precondition(
      costs.count == ablation.variants.count, "\(costs.count) costs, \(ablation.variants.count) variants")
    rows = zip(ablation.variants, costs).compactMap { variant, cost in
      let own = outcomes.filter { $0.variant == variant.name }
      guard !own.isEmpty else { return nil }
      func errors(_ summary: ([Double]) -> Double) -> Ablation.Errors {
        Ablation.Errors(
          trainTop1: summary(own.map(\.errors.trainTop1)), top1: summary(own.map(\.errors.top1)),
          top5: summary(own.map(\.errors.top5)))
      }
      return Row(
        name: variant.name, base: variant.base, cost: cost, outcomes: own, mean: errors(\.mean),
        deviation: own.count > 1 ? errors(\.deviation) : nil, seconds: own.map(\.seconds).mean,
        published: variant.published)
    }
    let known = rows.filter { $0.published != nil }
    agreement = known.count > 1 ? Column.allCases.map { Self.agreement(of: known, by: $0) } : []
  }

  private static func agreement(of rows: [Row], by column: Column) -> Agreement {
    let published = rows.map { $0.published.map(column.value) ?? 0 }
    let found = rows.map { column.value(of: $0.mean) }
    var (pairs, inOrder) = (0, 0)
    var swaps: [Agreement.Swap] = []
    for one in rows.indices {
      for other in rows.indices where published[one] < published[other] {
        pairs += 1
        if found[one] < found[other] {
          inOrder += 1
        } else {
          swaps.append(
            Agreement.Swap(
              better: rows[one].name, worse: rows[other].name, published: [published[one], published[other]],
              found: [found[one], found[other]],
              isWithinSpread: isWithinSpread(rows[one], rows[other], column)))
        }
      }
    }
    return Agreement(
      column: column, pairs: pairs, inOrder: inOrder,
      rankCorrelation: correlation(of: published.ranks, and: found.ranks), swaps: swaps)
  }

  private static func isWithinSpread(_ one: Row, _ other: Row, _ column: Column) -> Bool? {
    guard let first = one.deviation, let second = other.deviation else { return nil }
    func variance(_ row: Row, _ deviation: Ablation.Errors) -> Double {
      let deviation = column.value(of: deviation)
      return deviation * deviation / Double(row.outcomes.count)
    }
    let difference = abs(column.value(of: one.mean) - column.value(of: other.mean))
    return difference <= 2 * (variance(one, first) + variance(other, second)).squareRoot()
  }

  private static func correlation(of one: [Double], and other: [Double]) -> Double? {
    let (mean, otherMean) = (one.mean, other.mean)
    let product = zip(one, other).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - otherMean) }
    let spread = one.deviation * other.deviation
    return spread > 0 ? product / Double(one.count - 1) / spread : nil
  }
}

extension [Double] {
  /// Each one's rank from 1; equals share the mean of theirs.
  fileprivate var ranks: [Double] {
    map { value in Double(count { $0 < value }) + Double(count { $0 == value } + 1) / 2 }
  }
}
