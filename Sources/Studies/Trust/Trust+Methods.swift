internal import Attribution
internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Networks
internal import Tensors

/// Methods of attribution held against each other, and against maps that know nothing of the network.
extension Trust {
  /// The images that methods are compared on, drawn by chance and in the data set's order.
  private var sampled: [Int] {
    var generator = SeededGenerator(mixing: [seed, UInt64(dataset.items.count), 5])
    return dataset.items.indices.shuffled(using: &generator).prefix(sample).sorted()
  }

  private func file(_ id: Int) -> String { "trust/images/\(names[id])" }

  /// Some of the layers with weights, from one end, whose weights are shuffled.
  private struct Variant {
    var isFromTop: Bool
    var share: Double
    var nodes: Set<String>
    var file: String { "trust/weights/\(isFromTop ? "top" : "bottom")-\(Int((share * 100).rounded()))" }
  }

  /// What maps are like once weights are shuffled.
  private struct Shuffled: Codable {
    struct Map: Codable {
      var image: Int
      var likeness: Similarity?
      var entropy: Double
    }
    var maps: [String: [Map]]
  }

  func rows(_ pictures: PreparedPictures, _ work: Work) throws -> [MethodRow] {
    guard let plan, let head = subject.head, !methods.isEmpty else { return [] }
    let ids = sampled
    let mean = try subject.meanInput()
    let trial = MethodTrial(
      subject: subject, methods: methods, metrics: Set(metrics), plan: plan, pictures: pictures, seed: seed)
    let desk = try ExplanationDesk(subject, threads: work.threads, work.cancellation)
    let scores = try ClassScores(subject, head, threads: work.threads, work.cancellation)
    let others =
      methods.contains(.expectedGradients) ? try plan.baselines(from: pictures) : []
    let trials = try work.findings(
      of: Stage<Int, PictureTrial>(
        units: ids, title: "compare methods", counted: "maps", weight: methods.count, file: file,
        isSound: { _, found in
          found.class >= 0 && found.class < head.classes
            && found.isWhole(methods.map(\.rawValue) + MapTrial.controls)
        }
      ) { ids, show in
        try ids.map { id in
          guard
            let (found, arrays) = try trial.trial(
              of: id, at: desk, scores, mean: mean, others: others, work.cancellation, show: show)
          else { return nil }
          try SafeTensors(arrays).write(to: try work.run.preparedPath(of: file(id) + ".safetensors"))
          return found
        }
      })
    try work.requireReadable(pictures)
    let found = zip(ids, trials).compactMap { id, trial in trial.map { (id: id, trial: $0) } }
    let variants = metrics.contains(.weights) ? variants(below: head.scores) : []
    let shuffled = try work.findings(
      of: Stage<Variant, Shuffled>(
        units: variants, title: "shuffle weights", counted: "networks", file: \.file
      ) { some, _ in
        try some.map { try self.shuffled($0, found, plan, pictures, mean, others, work) }
      }
    ).map { $0 ?? Shuffled(maps: [:]) }
    return methods.compactMap { method in
      MethodRow(method.rawValue, isControl: false, found.map(\.trial)).map {
        row($0, shuffled: Array(zip(variants, shuffled)), found)
      }
    } + MapTrial.controls.compactMap { MethodRow($0, isControl: true, found.map(\.trial)) }
  }

  // MARK: Shuffled weights

  private func variants(below value: String) -> [Variant] {
    let weighted = subject.network.weighted(below: value)
    let counts = Set([0.25, 0.5, 0.75, 1].map { Int(($0 * Double(weighted.count)).rounded(.up)) }).sorted()
    var variants: [Variant] = []
    for isFromTop in [true, false] {
      // With the weights of all layers shuffled it is one network, whichever way they are counted.
      for count in counts where count > 0 && (isFromTop || count < weighted.count) {
        let share = Double(count) / Double(weighted.count)
        let nodes = isFromTop ? weighted.suffix(count) : weighted.prefix(count)
        variants.append(Variant(isFromTop: isFromTop, share: share, nodes: Set(nodes)))
      }
    }
    return variants
  }

  private func shuffled(
    _ variant: Variant, _ found: [(id: Int, trial: PictureTrial)], _ plan: ExplanationPlan,
    _ pictures: PreparedPictures, _ mean: Tensor, _ others: [Tensor], _ work: Work
  ) throws -> Shuffled {
    let asked = methods.filter(MethodTrial.isAskedOften)
    guard let head = subject.head, !asked.isEmpty else { return Shuffled(maps: [:]) }
    let desk = try ExplanationDesk(
      subject, network: subject.network.shufflingWeights(of: variant.nodes), threads: work.threads,
      work.cancellation)
    var maps: [String: [Shuffled.Map]] = [:]
    for (id, trial) in found {
      try work.cancellation.check("stopped at \(variant.file); the same command goes on from there.")
      guard let input = try pictures.tensor(id) else { continue }
      let own = try SafeTensors(reading: work.run.path(of: file(id) + ".safetensors"))
      let settings = plan.settings(for: input, id, mean: mean, startingFrom: others)
      let explainer = try desk.explainer(.score(value: head.scores, index: trial.class))
      for method in asked {
        guard let before = own.tensors[method.rawValue] else { continue }
        let map = try explainer.explain(input, by: method, settings).values
        maps[method.rawValue, default: []].append(
          .init(
            image: id, likeness: Similarity(before, map), entropy: MapLikeness.entropy(map.positionSums)))
      }
    }
    return Shuffled(maps: maps)
  }

  private func row(
    _ row: MethodRow, shuffled: [(Variant, Shuffled)], _ found: [(id: Int, trial: PictureTrial)]
  ) -> MethodRow {
    var row = row
    for (variant, result) in shuffled {
      guard let maps = result.maps[row.method] else { continue }
      let alike = maps.compactMap(\.likeness)
      if let mean = Similarity.mean(alike) {
        let step = TrustTable.Step(
          share: variant.share, projections: alike.count, cosine: mean.cosine, rank: mean.rank)
        if variant.isFromTop { row.fromTop.append(step) }
        if !variant.isFromTop || variant.share == 1 { row.fromBottom.append(step) }
      }
      guard variant.share == 1 else { continue }
      let entropies = Dictionary(
        uniqueKeysWithValues: found.map { ($0.id, $0.trial.maps[row.method]?.entropy ?? 0) })
      let rises = maps.compactMap { map in
        entropies[map.image].flatMap { $0 > 0 ? (map.entropy - $0) / $0 : nil }
      }
      row.entropyRise = rises.isEmpty ? nil : rises.mean
    }
    row.fromBottom.sort { $0.share < $1.share }
    return row
  }

  // MARK: Report

  /// What critics say of these numbers; a person reads it beside them.
  static let caveats = [
    "Deletion and insertion show the network pictures it has not been trained on; how hidden positions are filled changes the "
      + "order of methods (Rong et al. 2022, Blücher et al. 2024). Compare with the random order, and look at both fills.",
    "A map of the middle or of the edges does well wherever objects are in the middle or have edges: a method that is not above "
      + "these controls has not shown that it knows the network.",
    "Low likeness under shuffled weights is also what noise has, and shuffling from the top down keeps the sizes of activations "
      + "(Binder et al. 2023, Yona & Greenfeld 2021). No number passes or fails a method.",
    "Where an object is says where a person would look, not what the network uses; only removing parts says that.",
  ]

  func sections(of rows: [MethodRow]) -> [Report.Section] {
    guard let first = rows.first else { return [] }
    var bodies: [Report.Section.Body] = []
    if metrics.contains(.curves) {
      let deletion = chart(
        rows, "Deletion: the most relevant hidden first", x: "share hidden, turned to the mean colour",
        read: \.deletionCurve)
      let insertion = chart(
        rows, "Insertion: the most relevant shown first", x: "share shown, the rest blurred",
        read: \.insertionCurve)
      bodies += [
        .figure("figures/deletion", deletion.description) { deletion },
        .figure("figures/insertion", insertion.description) { insertion },
      ]
    }
    if rows.contains(where: { !$0.fromTop.isEmpty }) {
      let weights = weightsChart(rows)
      bodies.append(.figure("figures/weights", weights.description) { weights })
    }
    bodies += MethodRow.tables(rows).map { .table($0.table) }
    bodies.append(
      .text(
        "How to read this: means over \(first.images) images. Deletion: lower is better; insertion, SRG and ROAD (what the most "
          + "relevant positions decide more than the least relevant): higher. Infidelity: the share of what hiding a hundred "
          + "squares does that the map does not predict, 0 to 1. Max-sensitivity: how far the map moves under noise of 2 % of the "
          + "range, over its size. Pointing, energy, mass and rank accuracy: of \(first.located) images in which it is known where "
          + "what is explained is. On decisive part: the map's maximum lies on the part whose removal takes the most from the "
          + "score; rank of parts: Spearman's correlation of sums over parts with these true effects."))
    bodies += Self.caveats.map { .text($0) }
    let isAskedOften = metrics.contains { [.sensitivity, .classes, .weights].contains($0) }
    if isAskedOften, methods.contains(where: { !MethodTrial.isAskedOften($0) }) {
      bodies.append(
        .text(
          "RISE was not asked under noise, for other classes and with shuffled weights: each map takes thousands of passes."
        ))
    }
    return [Report.Section("Methods", bodies)]
  }

  private static func colour(_ index: Int, _ row: MethodRow) -> Colour {
    row.isControl ? .soft : .kind(index)
  }

  private func chart(_ rows: [MethodRow], _ title: String, x: String, read: (MethodRow) -> [Double])
    -> Drawing
  {
    let series = rows.enumerated().map { index, row in
      Series(
        name: row.method,
        points: read(row).enumerated().map {
          Series.Point(x: Double($0.offset) / Double(HidingCurves.steps), y: $0.element)
        }, colour: Self.colour(index, row), width: row.isControl ? 1 : 2,
        marker: Series.Marker.allCases[index % Series.Marker.allCases.count], markerStep: 10)
    }
    return Chart(
      title: title, xTitle: x, yTitle: "probability of the class explained", rows: 320, columns: 720
    ).drawing(series)
  }

  private func weightsChart(_ rows: [MethodRow]) -> Drawing {
    let series = rows.enumerated().filter { !$0.element.fromTop.isEmpty }.map { index, row in
      Series(
        name: row.method,
        points: [Series.Point(x: 0, y: 1)] + row.fromTop.map { Series.Point(x: $0.share, y: $0.rank) },
        colour: Self.colour(index, row), marker: .square)
    }
    return Chart(
      title: "What is left of maps with shuffled weights",
      xTitle: "share of layers shuffled, from the classifier down",
      yTitle: "rank correlation of magnitudes", rows: 320, columns: 720
    ).drawing(series)
  }
}
