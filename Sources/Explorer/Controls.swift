internal import Attribution
internal import Datasets
internal import Figures
internal import Images
internal import Kernels
internal import Studies
internal import Tensors

/// What a unit's projections would look like if they told nothing of it: each beside the evidence, with how alike they are.
///
/// A picture that stays the same when the switches, the unit or the weights are others' does not show the unit (Nie et al.
/// 2018; Mahendran & Vedaldi 2016; Adebayo et al. 2018).
struct Controls: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case evidence, wrongSwitches, randomSwitches, otherUnit, otherImage, randomWeights

    /// How it is made; nil for the evidence itself.
    var control: ProjectionControls.Kind? { ProjectionControls.Kind(rawValue: rawValue) }

    var title: String {
      switch self {
      case .evidence: "The projections"
      case .wrongSwitches: "Switches of another image"
      case .randomSwitches: "Switches by chance"
      case .otherUnit: "Another unit, same place"
      case .otherImage: "The same unit, next image"
      case .randomWeights: "Shuffled weights"
      }
    }

    var meaning: String {
      switch self {
      case .evidence: "As the unit's page shows them."
      case .wrongSwitches:
        "The same activation carried back through the switches and ReLUs of the next image's pass: what is left comes from the weights alone."
      case .randomSwitches:
        "The same activation with the winner of every window of every max pool drawn by chance: what is left does not come from switches."
      case .otherUnit:
        "The unit that is strongest at the same place of the same image: what is alike comes from the image and the place."
      case .otherImage:
        "The unit's projection of its next image: what is alike belongs to the unit, or to images that are alike."
      case .randomWeights:
        "The same activation in the network with each layer's weights shuffled: what is alike comes from the architecture and the image."
      }
    }
  }

  struct Row: Sendable {
    let kind: Kind
    /// The mean over the images of the cosine with the projection, of signed values; nil for the evidence itself.
    let cosine: Double?
    /// The projections beside each other.
    let picture: [UInt8]
  }

  let rows: [Row]

  /// Images that are looked at, and the side of a tile.
  private static let (most, side, gap) = (6, 96, 4)

  /// - Parameters:
  ///   - unit: The unit.
  ///   - layer: Its layer.
  ///   - rule: How signals pass rectifiers.
  ///   - view: The run.
  ///   - threads: How many compute.
  /// - Throws: What a pass throws.
  init(
    of unit: RunView.Unit, in layer: RunView.Layer, rule: RectifierRule, view: RunView, threads: Int
  ) throws {
    let entries = unit.entries.prefix(Self.most)
    let samples = try entries.compactMap { entry in
      try view.run.pictures.tensor(entry.image).map {
        ProjectionControls.Sample(unit: unit.number, row: entry.row, column: entry.column, input: $0)
      }
    }
    let made = try ProjectionControls(
      view.study.subject.network, value: layer.value, rule: rule, threads: threads
    ).controlled(samples)
    let preprocessing = view.run.configuration.preprocessing
    rows = try Kind.allCases.map { kind in
      let projections = made.map { one in kind.control.map { one.controls[$0] } ?? one.evidence }
      let alike = zip(made, projections).compactMap { one, control in
        control.flatMap { Similarity(one.evidence.pixels, $0.pixels)?.cosine }
      }
      var canvas = Canvas(
        rows: Self.side, columns: max(1, projections.count) * (Self.side + Self.gap) - Self.gap, shade: 128)
      for (place, projection) in projections.enumerated() {
        guard let projection else { continue }
        let small = preprocessing.shown(projection: projection.pixels, side: Self.side)
        let scale = max(1, Self.side / max(small.rows, small.columns))
        canvas.place(
          try small.resized(rows: scale * small.rows, columns: scale * small.columns, by: .nearest), top: 0,
          left: place * (Self.side + Self.gap))
      }
      return Row(
        kind: kind,
        cosine: kind == .evidence || alike.isEmpty ? nil : alike.reduce(0, +) / Double(alike.count),
        picture: try canvas.picture.encoded(as: .sharpJPEG(quality: 70)))
    }
  }
}
