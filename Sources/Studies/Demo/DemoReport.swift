internal import Datasets
public import Figures
internal import Images
internal import Tensors
internal import Training

/// What the demo's stages found, read from the files that they wrote.
public struct DemoReport {
  /// What `demo.json` holds.
  public struct Findings: Encodable, Sendable {
    struct Layer: Encodable, Sendable {
      var layer: String
      /// The mean share of a unit's strongest pictures that show one class.
      var agreement: Double
      /// The epoch by which half of the projected units have settled.
      var settled: Int?
    }

    var model: String
    /// The last network's accuracy on scenes that it has not seen.
    var top1: Double?
    var layers: [Layer]
    var diagnosis: [DiagnosisReport.Finding]
    /// What hiding the object did, over the pictures that are labelled right.
    var occlusion: Occlusion?

    struct Occlusion: Encodable, Sendable {
      var pictures: Int
      var fallOverObject: Double
      var fallElsewhere: Double
      /// The share of pictures whose lowest probability is over the object.
      var lowestOverObject: Double
    }
  }

  let plan: DemoPlan
  public let findings: Findings
  /// Units of the shown layer whose strongest pictures agree most, the most active of them, each on a class of its own.
  public let highlights: [Int]

  /// - Parameter plan: A demo whose stages, but the highlights, are done.
  /// - Throws: ``StudyError`` where one of their files is missing or damaged.
  public init(_ plan: DemoPlan) throws {
    self.plan = plan
    let features = try Self.read(FeatureTable.self, plan.path(.features) + "/features.json")
    let evolution = try Self.read(EvolutionTable.self, plan.path(.evolution) + "/evolution.json")
    let diagnosis = try Self.read(Diagnose.Result.self, plan.path(.diagnosis) + "/diagnosis.json")
    let gallery = try Dataset.parse(plan.gallery)
    let labels = Dictionary(
      gallery.items.compactMap { item in item.label.map { (item.path, $0) } },
      uniquingKeysWith: { one, _ in one })
    let layers = features.layers.map { layer in
      let shares = features.agreement(in: layer.layer, of: labels).map(\.share)
      return Findings.Layer(
        layer: layer.layer, agreement: shares.mean,
        settled: evolution.layers.first { $0.layer == layer.layer }?.settled)
    }
    findings = Findings(
      model: plan.path(.trained) + "/models/final.onnx",
      top1: try CheckpointFolder(run: plan.path(.trained)).entries().last?.top1, layers: layers,
      diagnosis: diagnosis.models.flatMap(\.findings).filter { $0.verdict != .ok },
      occlusion: try Self.occlusion(plan))
    highlights = Self.highlights(features.agreement(in: plan.shownLayer, of: labels))
  }

  private static func read<Value: Decodable>(_ type: Value.Type, _ file: String) throws -> Value {
    guard let value = decoded(type, from: file) else {
      throw StudyError("\(file) is missing or damaged. Delete the demo's folder and start again.")
    }
    return value
  }

  private static func occlusion(_ plan: DemoPlan) throws -> Findings.Occlusion? {
    let scenes = try Dataset.parse(plan.occluded)
    let effects = try zip(scenes.items, scenes.resultNames).compactMap {
      item, name -> OcclusionMap.ObjectEffect? in
      let file = plan.path(.occlusion) + "/occlusion/\(name).json"
      let map = try read(OcclusionMap.self, file)
      // The network's input is the scene itself, so their pixels are the same.
      guard map.base?.label == item.label, let object = scenes.regions(of: item.id).first else { return nil }
      return map.effect(ofHiding: object.box)
    }
    guard !effects.isEmpty else { return nil }
    return Findings.Occlusion(
      pictures: effects.count, fallOverObject: effects.map(\.inside).mean,
      fallElsewhere: effects.map(\.outside).mean,
      lowestOverObject: Double(effects.count(where: \.isLowestInside)) / Double(effects.count))
  }

  private static func highlights(_ agreement: [FeatureTable.Agreement]) -> [Int] {
    var seen = Set<Int>()
    let clearest = agreement.sorted { ($1.share, $1.strongest, $0.unit) < ($0.share, $0.strongest, $1.unit) }
      .filter { seen.insert($0.label).inserted }
    return clearest.prefix(4).map(\.unit).sorted()
  }

  /// What was found, in words.
  public var sentences: [String] {
    var sentences: [String] = []
    if let top1 = findings.top1 {
      sentences.append("It classifies \(top1.percent) of the validation scenes correctly; chance is 10%.")
    }
    if let low = findings.layers.first, let high = findings.layers.last {
      sentences.append(
        "Of a unit's top nine images, \(low.agreement.percent) show the same class on average in \(low.layer) and "
          + "\(high.agreement.percent) in \(high.layer).")
    }
    let settled = findings.layers.compactMap { layer in layer.settled.map { "\(layer.layer) \($0)" } }
    if !settled.isEmpty {
      sentences.append("Half of the features have settled by this epoch: \(settled.joined(separator: ", ")).")
    }
    if let effect = findings.occlusion {
      let (over, elsewhere) = (effect.fallOverObject.percent, effect.fallElsewhere.percent)
      let lowest = effect.lowestOverObject.percent
      sentences.append(
        "Hiding part of the object lowers its class's probability by \(over) on average, hiding as much elsewhere by "
          + "\(elsewhere). The lowest probability is over the object in \(lowest) of "
          + "\(effect.pictures.counted("images")).")
    }
    let trouble = findings.diagnosis.filter { $0.verdict == .trouble }
    sentences.append(
      trouble.isEmpty
        ? "All measures of the diagnosis are within the second limit."
        : "Beyond the second limit of the diagnosis: "
          + trouble.map { "\($0.layer), \($0.measure.title)" }.joined(separator: "; ") + ".")
    return sentences
  }

  // MARK: Page

  /// The demo's own page.
  public func page() throws -> RunPage {
    let layers = findings.layers.map(\.layer)
    return RunPage(
      title: "What a small network has learned",
      facts: [("network", "a small ZFNet, trained just now"), ("images", "scenes: drawn by Switchback")],
      sections: [
        RunPage.Section(
          title: "Findings",
          bodies: sentences.map { .text($0) }
            + [try sheets(.highlights, [plan.shownLayer], "four feature maps of \(plan.shownLayer)")]),
        try section(
          .trained, "Learning", ["learning"], "loss and accuracy by epoch",
          "The network learns to classify ten kinds of objects that share their parts: wheels, eyes, wings, windows, legs."
        ),
        try section(
          .features, "Features", try sheets(.features, layers, "projections beside images, unit by unit"),
          "On the right of each unit its top images, on the left each of those activations projected back to pixels "
            + "(deconvnet)."),
        try section(
          .evolution, "Evolution", ["evolution", "settling"], "strongest activations projected, by epoch",
          "Random units at the epochs that training saved, and how soon each layer settles."),
        try section(
          .diagnosis, "Diagnosis", ["diagnosis"],
          "first-layer filters, second-layer projections and findings",
          "Dead, dominating and repeated filters, and frequencies too high for the first layer's stride."),
        try section(
          .occlusion, "Occlusion", [plan.isQuick ? "occlusion-16" : "occlusion-16-1"], "occlusion maps",
          "A grey square hides each part of the image in turn. Where the probability of the true class falls (blue), the "
            + "network relies on that part."),
      ])
  }

  private func section(
    _ stage: DemoPlan.Stage, _ title: String, _ names: [String], _ description: String, _ text: String
  ) throws -> RunPage.Section {
    try section(stage, title, try figures(stage, names, description), text)
  }

  private func section(
    _ stage: DemoPlan.Stage, _ title: String, _ figures: RunPage.Section.Body, _ text: String
  ) throws -> RunPage.Section {
    RunPage.Section(
      title: title,
      bodies: [
        .text(text), .command(DemoPlan.typed(plan.line(stage))), figures,
        .link(text: "All of it", page: "\(stage.rawValue)/index.html"),
      ])
  }

  /// The sheets of a stage of features, those of layers of more units than one shows.
  private func sheets(
    _ stage: DemoPlan.Stage, _ layers: [String], _ description: String
  ) throws -> RunPage.Section.Body {
    .figures(
      try layers.flatMap { layer in
        try Self.read(Features.Sheets.self, plan.path(stage) + "/figures/\(layer).json").pages.map {
          ("\(stage.rawValue)/figures/\($0.name)", $0.columns, $0.rows, description)
        }
      })
  }

  private func figures(
    _ stage: DemoPlan.Stage, _ names: [String], _ description: String
  ) throws -> RunPage.Section.Body {
    .figures(
      try names.map { name in
        let (rows, columns) = try Picture.extents(of: plan.path(stage) + "/figures/\(name).png")
        return ("\(stage.rawValue)/figures/\(name)", columns, rows, description)
      })
  }
}
