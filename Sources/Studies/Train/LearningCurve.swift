internal import Figures
internal import Training

extension [EpochEntry] {
  /// The loss beside what was measured of the network, by epoch.
  func learningCurve(of kind: Loss) -> Drawing {
    let (rows, columns) = (320, 460)
    func curve(_ name: String, _ colour: Int, _ value: (EpochEntry) -> Double?) -> Drawing.Curve {
      (
        name, compactMap { entry in value(entry).map { (x: Double(entry.epoch), y: $0) } }, .kind(colour),
        false
      )
    }
    func chart(
      _ title: String, _ axis: String, _ curves: [Drawing.Curve], _ range: ClosedRange<Double>? = nil
    ) -> Drawing {
      .curves(
        curves, title: title, xTitle: "epoch", yTitle: axis, yRange: range,
        rows: rows, columns: columns)
    }
    let accuracies = [
      curve("training top-1", 0) { $0.trainTop1.map { $0 * 100 } },
      curve("validation top-1", 1) { $0.top1.map { $0 * 100 } },
      curve("validation top-5", 2) { $0.top5.map { $0 * 100 } },
      curve("validation mean AP", 1) { $0.meanAveragePrecision.map { $0 * 100 } },
    ].filter { !$0.points.isEmpty }
    var charts = [chart("Loss", "\(kind.rawValue) in nats", [curve("training", 0) { $0.loss }])]
    if !accuracies.isEmpty { charts.append(chart("Accuracy", "%", accuracies, 0...100)) }
    var drawing = Drawing(
      rows: rows + 16, columns: charts.count * columns + 24, title: "Learning curve",
      description: "Loss and accuracy over \(count) epochs")
    for (place, chart) in charts.enumerated() { drawing.add(chart, top: 8, left: 12 + place * columns) }
    return drawing
  }
}
