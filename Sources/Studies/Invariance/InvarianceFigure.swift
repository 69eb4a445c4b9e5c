internal import Figures

/// The paper's figure 5 for one change: features at each layer and the probability of the class, by its amount.
extension InvarianceCurves {
  /// A chart a layer, then one of the probability.
  func drawing() -> Drawing {
    var charts = layers.map { layer in
      chart(
        "\(layer): distance", "over the original's length", each: { $0.normalized[layer] ?? [] },
        mean: mean[layer] ?? [])
    }
    if let mean = meanProbability {
      charts.append(
        chart(
          "probability of the class", "probability", each: { ($0.probability ?? []).map(Double.init) },
          mean: mean, range: 0...1))
    }
    let (rows, columns) = (300, 400)
    var drawing = Drawing(
      rows: rows + 56, columns: charts.count * columns + 24, title: "Under \(change.rawValue)",
      description:
        "Distances of features and the class's probability by the amount of \(change.rawValue)")
    drawing.text("under \(change.rawValue)", top: 16, column: 24, height: 20, bold: true)
    for (index, chart) in charts.enumerated() {
      drawing.add(chart, top: 50, left: 12 + index * columns)
    }
    return drawing
  }

  private func chart(
    _ title: String, _ axis: String, each: (Picture) -> [Double], mean: [Double],
    range: ClosedRange<Double>? = nil
  ) -> Drawing {
    func points(_ values: [Double]) -> [(x: Double, y: Double)] {
      zip(amounts, values).map { (x: $0, y: $1) }
    }
    var series = pictures.prefix(40).enumerated().map { index, picture -> Drawing.Curve in
      (picture.image, points(each(picture)), .kind(index), true)
    }
    series.append(
      (pictures.count == 1 ? "one picture" : "mean of \(pictures.count) pictures", points(mean), .ink, false))
    return .curves(series, title: title, xTitle: unit, yTitle: axis, yRange: range, columns: 400)
  }

  private var unit: String {
    switch change {
    case .vertical: "pixels down"
    case .horizontal: "pixels to the right"
    case .scale: "scale"
    case .rotation: "degrees"
    case .brightness: "levels of 255 lighter"
    case .contrast: "contrast"
    case .blur: "deviation of the blur in pixels"
    case .noise: "deviation of the noise in levels of 255"
    case .flip: "mirrored"
    }
  }
}
