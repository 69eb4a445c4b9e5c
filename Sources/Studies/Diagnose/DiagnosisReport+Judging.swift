internal import Figures
internal import Tensors

extension DiagnosisReport {
  /// Every number with its verdict.
  func judged() -> [Finding] {
    var findings: [Finding] = []
    for layer in layers {
      findings += [dead(layer), owned(layer), vanishing(layer), dominance(layer), duplicates(layer)]
        .compactMap { $0 }
      if let first, first.layer == layer.layer { findings += judged(first) }
      if let second, second.layer == layer.layer { findings.append(judged(second)) }
    }
    return findings
  }

  /// What is wrong, the worst first.
  var wrong: [Finding] {
    [Verdict.trouble, .watch].flatMap { verdict in findings.filter { $0.verdict == verdict } }
  }

  private func finding(
    _ measure: Measure, _ layer: String, _ value: Double, units: [Int] = [], _ text: String
  ) -> Finding {
    let verdict = measure.verdict(of: value)
    return Finding(
      layer: layer, measure: measure, value: value, verdict: verdict, watch: measure.thresholds.watch,
      trouble: measure.thresholds.trouble, units: units, text: text,
      remedy: verdict == .ok ? nil : measure.remedy)
  }

  private func share(_ part: Int, of layer: Layer) -> Double {
    Double(part) / Double(max(layer.units.count, 1))
  }

  private func dead(_ layer: Layer) -> Finding? {
    guard pictures > 0 else { return nil }
    let dead = layer.units.indices.filter { layer.units[$0].active == 0 }
    return finding(
      .dead, layer.layer, share(dead.count, of: layer), units: dead,
      "\(dead.count) of \(layer.units.count) units are never active on \(pictures.counted("images"))")
  }

  private func owned(_ layer: Layer) -> Finding? {
    guard pictures >= Diagnosis.picturesForOwnership else { return nil }
    let few = pictures / 100
    let owned = layer.units.indices.filter {
      let unit = layer.units[$0]
      return unit.active > 0 && (unit.topShare > Diagnosis.ownedShare || unit.active < few)
    }.sorted { (layer.units[$1].topShare, $0) < (layer.units[$0].topShare, $1) }
    return finding(
      .owned, layer.layer, share(owned.count, of: layer), units: owned,
      "\(owned.count) of \(layer.units.count) units have over \(Diagnosis.ownedShare.percent) of their activation in 1% "
        + "of the images, or are active in fewer than \(few)")
  }

  private func vanishing(_ layer: Layer) -> Finding {
    let rms = layer.units.map(\.rms)
    let vanishing = rms.indices.filter { rms[$0] <= Diagnosis.vanishingRatio * rms.median }
    return finding(
      .vanishing, layer.layer, share(vanishing.count, of: layer), units: vanishing,
      "\(vanishing.count) of \(rms.count) filters have under \(Diagnosis.vanishingRatio.percent) of the median RMS, "
        + "\(rms.median.significant)")
  }

  private func dominance(_ layer: Layer) -> Finding {
    let rms = layer.units.map(\.rms)
    let dominating = rms.indices.filter {
      rms[$0] > Diagnosis.clip && rms[$0] > Diagnosis.dominatingRatio * rms.median
    }.sorted { (rms[$1], $0) < (rms[$0], $1) }
    let total = rms.reduce(0) { $0 + $1 * $1 }
    let held = dominating.reduce(0) { $0 + rms[$1] * rms[$1] }
    return finding(
      .dominance, layer.layer, total > 0 ? held / total : 0, units: dominating,
      "\(dominating.count) filters dominate (RMS above \(Diagnosis.clip) and \(Int(Diagnosis.dominatingRatio)) times the "
        + "median, \(rms.median.significant)) with \((total > 0 ? held / total : 0).percent) of the squared weights; "
        + "\(rms.count { $0 > Diagnosis.clip }) are above the clip, the largest at \((rms.max() ?? 0).significant)"
    )
  }

  private func duplicates(_ layer: Layer) -> Finding {
    finding(
      .duplicates, layer.layer, share(layer.repeating.count, of: layer), units: layer.repeating,
      "\(layer.repeating.count) of \(layer.units.count) filters repeat another (a cosine above "
        + "\(Diagnosis.duplicateCosine))"
        + (layer.duplicates.first.map { ", above all \($0.units[0]) and \($0.units[1])" } ?? ""))
  }

  private func judged(_ first: FirstLayer) -> [Finding] {
    let bands = first.bands
    let spread =
      "low \(bands.low.percent), middle \(bands.middle.percent), high \(bands.high.percent) of the energy"
    return [
      finding(.middle, first.layer, bands.middle, spread), finding(.high, first.layer, bands.high, spread),
      finding(
        .folding, first.layer, first.aboveLimit,
        "\(first.aboveLimit.percent) of the filters' energy is above \(first.limit.description)"),
    ]
  }

  private func judged(_ second: SecondLayer) -> Finding {
    finding(
      .aliasing, second.layer, second.aboveLimit,
      "\(second.aboveLimit.percent) of the energy of \(second.projections) projections is above "
        + (first?.limit.description ?? "the first layer's limit"))
  }
}

extension FrequencyLimit: CustomStringConvertible {
  /// As `0.125 cycles a pixel, the first layer's Nyquist limit`.
  public var description: String {
    (rows == columns ? rows.significant : "\(rows.significant) by \(columns.significant)")
      + " cycles a pixel, the first layer's Nyquist limit"
  }
}
