internal import Figures
internal import Tensors

/// What methods of attribution are compared by; where objects are is always looked at.
public enum MapMetric: String, CaseIterable, Codable, Sendable {
  /// Deletion and insertion: the probability as positions are hidden in the map's order.
  case curves
  /// Positions filled from their neighbours.
  case road
  /// Whether maps predict what hiding squares does.
  case infidelity
  /// How far maps move under small noise.
  case sensitivity
  /// How like maps of different classes are.
  case classes
  /// How like maps of networks with shuffled weights are.
  case weights
}

/// What was measured of a method's maps, over the pictures: one of `methods` in `trust.json`.
public struct MethodRow: Codable, Sendable {
  /// The mean heights of curves with one thing shown where positions are hidden.
  public struct Areas: Codable, Sendable {
    /// What hidden positions show: `mean` or `blur`.
    public var fill: String
    /// `probability` or `score`.
    public var of: String
    /// With the most relevant positions hidden first.
    public var mostFirst: Double
    /// With the least relevant hidden first.
    public var leastFirst: Double
  }

  /// The method, or the control: `random`, `centre`, `sobel`.
  public var method: String
  public var isControl: Bool
  public var images: Int
  /// The mean probability as the most relevant positions turn to the mean colour: lower is better.
  public var deletion: Double?
  /// The mean probability as the most relevant positions appear in a blurred picture: higher is better.
  public var insertion: Double?
  /// The symmetric relevance gain: the mean probability with the least relevant positions turned to the mean colour first, less
  /// that with the most relevant first.
  public var srg: Double?
  public var areas: [Areas]
  public var road: Double?
  public var infidelity: Double?
  public var sensitivity: Double?
  /// How many pictures it is known of where the object explained is.
  public var located: Int
  public var pointing: Double?
  public var energy: Double?
  public var massAccuracy: Double?
  public var rankAccuracy: Double?
  /// The share of pictures in which the map's maximum lies on the object's own pixels.
  public var onObject: Double?
  /// The share in which it lies on the part whose removal takes the most from the score.
  public var onDecisivePart: Double?
  /// How the map's sums over parts are ranked as the parts' true effects are, a picture's mean.
  public var partCorrelation: Double?
  package var otherClass: Similarity?
  /// Likeness to the maps of networks with shuffled weights, from the classifier down and from the input up.
  public var fromTop: [TrustTable.Step] = []
  public var fromBottom: [TrustTable.Step] = []
  /// How much the entropy of maps rises when all weights are shuffled, as a share of it (efficient MPRT).
  public var entropyRise: Double?
  /// The mean curve of deletion: the probability over the share hidden, in fiftieths.
  public var deletionCurve: [Double]
  /// The mean curve of insertion, over the share shown.
  public var insertionCurve: [Double]
}

extension MethodRow {
  /// The means over pictures of one method's, or control's, maps.
  init?(_ name: String, isControl: Bool, _ trials: [PictureTrial]) {
    let maps = trials.compactMap { $0.maps[name] }
    guard !maps.isEmpty else { return nil }
    func mean(_ read: (PictureTrial.Map) -> Double?) -> Double? {
      let found = maps.compactMap(read)
      return found.isEmpty ? nil : found.mean
    }
    func curve(_ fill: String, _ read: (HidingCurves) -> [Double]) -> [Double] {
      (0...HidingCurves.steps).map { step in
        mean { $0.curves[fill].map { read($0.probability)[step] } } ?? 0
      }
    }
    (method, self.isControl, images) = (name, isControl, maps.count)
    areas = ["mean", "blur"].filter { maps[0].curves[$0] != nil }.flatMap { fill in
      let of: [(String, (PictureTrial.Map.Curves) -> HidingCurves)] = [
        ("probability", \.probability), ("score", \.score),
      ]
      return of.map { what, read in
        Areas(
          fill: fill, of: what, mostFirst: mean { $0.curves[fill].map { read($0).areas.mostFirst } } ?? 0,
          leastFirst: mean { $0.curves[fill].map { read($0).areas.leastFirst } } ?? 0)
      }
    }
    let (grey, blurred) = (areas.first { $0.fill == "mean" }, areas.first { $0.fill == "blur" })
    deletion = grey?.mostFirst
    insertion = blurred?.leastFirst
    srg = grey.map { $0.leastFirst - $0.mostFirst }
    deletionCurve = grey == nil ? [] : curve("mean", \.mostFirst)
    insertionCurve = blurred == nil ? [] : curve("blur") { $0.leastFirst.reversed() }
    road = mean(\.road)
    infidelity = mean(\.infidelity)
    sensitivity = mean(\.sensitivity)
    located = maps.count { $0.localization != nil }
    pointing = mean { $0.localization.map { $0.pointing ? 1 : 0 } }
    energy = mean { $0.localization?.energy }
    massAccuracy = mean { $0.localization?.massAccuracy }
    rankAccuracy = mean { $0.localization?.rankAccuracy }
    onObject = mean { $0.parts.map { $0.isOnObject ? 1 : 0 } }
    onDecisivePart = mean { $0.parts.map { $0.isOnDecisive ? 1 : 0 } }
    partCorrelation = mean { $0.parts?.correlation }
    otherClass = Similarity.mean(maps.compactMap(\.otherClass))
  }

  /// What a table shows: a heading, and a number or none.
  private typealias Column = (title: String, read: @Sendable (MethodRow) -> Double?)

  private static let columns: [(title: String, columns: [Column])] = [
    (
      "What hiding parts does",
      [
        ("deletion", { $0.deletion }), ("insertion", { $0.insertion }), ("SRG", { $0.srg }),
        ("ROAD", { $0.road }), ("infidelity", { $0.infidelity }),
      ]
    ),
    (
      "Where the object is",
      [
        ("pointing", { $0.pointing }), ("energy", { $0.energy }), ("mass acc.", { $0.massAccuracy }),
        ("rank acc.", { $0.rankAccuracy }), ("on object", { $0.onObject }),
        ("on decisive part", { $0.onDecisivePart }), ("rank of parts", { $0.partCorrelation }),
      ]
    ),
    (
      "What maps depend on",
      [
        ("max-sensitivity", { $0.sensitivity }), ("other class, cosine", { $0.otherClass?.cosine }),
        ("random weights, cosine", { $0.fromTop.last?.cosine }),
        ("rank", { $0.fromTop.last?.rank }), ("entropy rise", { $0.entropyRise }),
      ]
    ),
  ]

  /// The rows as tables by subject, without columns that say nothing.
  static func tables(_ rows: [MethodRow]) -> [(title: String, table: ResultTable)] {
    columns.compactMap { title, all in
      let columns = all.filter { column in rows.contains { column.read($0) != nil } }
      let rows = rows.filter { row in columns.contains { $0.read(row) != nil } }
      return columns.isEmpty ? nil : (title, table(rows, columns))
    }
  }

  /// All of it as one table.
  static func table(_ rows: [MethodRow]) -> ResultTable { table(rows, columns.flatMap(\.columns)) }

  private static func table(_ rows: [MethodRow], _ columns: [Column]) -> ResultTable {
    ResultTable(
      headings: ["method", "images"] + columns.map(\.title),
      rows: rows.map { row in
        [row.isControl ? "control: \(row.method)" : row.method, "\(row.images)"]
          + columns.map { column in column.read(row).map { $0.fixed(decimals: 3) } ?? "" }
      })
  }
}
