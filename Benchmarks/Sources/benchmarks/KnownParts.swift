import ArgumentParser
import Switchback

/// Whether units found by a class's name see what the drawer knows of the class: on scenes, the share of a projection's
/// energy that lies in the object's parts, against their area and against the parts of the class's other pictures.
struct KnownParts: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "known-parts")

  @Argument(help: "A network trained on scenes:, an ONNX file.") var model: String
  @Argument(help: "The class.") var name = "bicycle"
  @Option(help: "The scenes.") var pictures = "scenes:split=validation,count=3000"
  @Option(help: "The layer.") var layer = "conv5"
  @Option(help: "How many of a unit's nine show the class; the explorer's search takes 2.") var least = 5

  /// Means over a unit's pictures of the class.
  private typealias Shares = (own: Float, area: Float, others: Float, areaOfOthers: Float)

  func run() throws {
    let network = try Network(onnx: model)
    let preprocessing = network.preprocessing ?? .imageNet
    let dataset = try Dataset.parse(pictures)
    guard let label = (dataset.classNames ?? []).firstIndex(of: name) else {
      throw ValidationError("there is no class '\(name)'.")
    }
    let input: @Sendable (Int) throws -> Tensor? = {
      try dataset.picture($0).prepared(preprocessing).tensor
    }
    let shape = try network.inputShape(images: 1)
    let value = try network.layer(named: layer).featureMaps
    let units = try network.shapes(inputs: [network.inputs[0].name: shape])[value]?.channels ?? 0
    let start = PeakSearch.State(peaks: PeakTable(units: [(value, units)], keeping: 9))
    let peaks = try PeakSearch(network, values: [value], threads: 2)
      .run(from: start, count: dataset.items.count, input: input) { _ in true }.peaks

    let shown = dataset.items.filter { $0.label == label }.map(\.id)
    let masks = Dictionary(uniqueKeysWithValues: shown.map { ($0, parts(of: $0, in: dataset, shape)) })
    let found = (peaks.layers[value]?.units ?? []).enumerated().compactMap {
      unit, peaks -> [Gallery.Place]? in
      let places = peaks.enumerated().filter { $0.element.value > 0 && masks[$0.element.image] != nil }
        .map { Gallery.Place(unit: unit, rank: $0.offset, peak: $0.element) }
      return places.count >= least ? places : nil
    }
    for rule in RectifierRule.allCases {
      let gallery = try Gallery(network, value: value, rule: rule, threads: 2)
      let fields = try Projector(network, value: value, rule: rule, threads: 2)
      var shares: [Int: [Shares]] = [:]
      try gallery.project(found.flatMap(\.self), input: input) { results in
        for (place, projection) in results {
          let field = fields.fieldInInput(
            of: .activation(unit: place.unit, row: place.peak.row, column: place.peak.column))
          let energy = energy(projection.placed(in: shape))
          guard energy.contains(where: { $0 > 0 }), let mask = masks[place.peak.image] else { continue }
          let area = mask.indices.map { pixel -> Float in
            let (row, column) = (pixel / shape.columns, pixel % shape.columns)
            return field.top..<field.bottom ~= row && field.left..<field.right ~= column ? 1 : 0
          }
          let others = shown.filter { $0 != place.peak.image }.compactMap { masks[$0] }
          func mean(_ weights: [Float]) -> Float {
            others.map { share(of: weights, in: $0) }.reduce(0, +) / Float(others.count)
          }
          shares[place.unit, default: []].append(
            (share(of: energy, in: mask), share(of: area, in: mask), mean(energy), mean(area)))
        }
      }
      report(rule, shares.values.map(mean))
    }
  }

  /// Which pixels of a scene lie in a part's box. The network's input is the scene itself.
  private func parts(of id: Int, in dataset: Dataset, _ shape: Shape) -> [Bool] {
    var mask = [Bool](repeating: false, count: shape.rows * shape.columns)
    for box in (dataset.regions(of: id).first?.parts ?? []).map(\.box) {
      for row in box.top..<box.bottom {
        for column in box.left..<box.right { mask[row * shape.columns + column] = true }
      }
    }
    return mask
  }

  /// Squares, summed over a pixel's channels.
  private func energy(_ pixels: Tensor) -> [Float] {
    let (elements, channels) = (pixels.elements, pixels.shape.channels)
    return (0..<elements.count / channels).map { pixel in
      elements[pixel * channels..<(pixel + 1) * channels].reduce(0) { $0 + $1 * $1 }
    }
  }

  private func share(of weights: [Float], in mask: [Bool]) -> Float {
    zip(weights, mask).reduce(0) { $1.1 ? $0 + $1.0 : $0 } / weights.reduce(0, +)
  }

  private func mean(_ shares: [Shares]) -> Shares {
    func mean(_ read: (Shares) -> Float) -> Float { shares.map(read).reduce(0, +) / Float(shares.count) }
    return (mean(\.own), mean(\.area), mean(\.others), mean(\.areaOfOthers))
  }

  private func report(_ rule: RectifierRule, _ units: [Shares]) {
    guard !units.isEmpty else { return print("no unit of \(layer) has \(least) pictures of '\(name)'") }
    let all = mean(units)
    let beyond = units.count { $0.own - $0.area > $0.others - $0.areaOfOthers }
    print(
      "\(rule.rawValue): \(units.count) units; \(all.own) of the energy lies in the object's parts, which are \(all.area) of the "
        + "field; in other pictures' parts \(all.others); \(units.count { $0.own > $0.area }) units are above the area and "
        + "\(beyond) further above it than with other pictures' parts")
  }
}
