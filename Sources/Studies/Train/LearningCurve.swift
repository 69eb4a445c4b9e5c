internal import Figures
internal import Training

extension [EpochEntry] {
  /// The loss beside what was measured of the network, by epoch.
  func learningCurve(of kind: Loss) -> Drawing {
    let columns = 456
    let ticks = map { (value: Double($0.epoch), label: "\($0.epoch)") }
    // Points of a long training would run together.
    let isMarked = count <= 24
    func series(
      _ name: String, _ colour: Int, _ marker: Series.Marker, _ value: (EpochEntry) -> Double?
    ) -> Series {
      Series(
        name: name,
        points: compactMap { entry in value(entry).map { Series.Point(x: Double(entry.epoch), y: $0) } },
        colour: .kind(colour), marker: isMarked ? marker : nil)
    }
    func chart(
      _ title: String, _ axis: String, _ series: [Series], _ range: ClosedRange<Double>
    ) -> Drawing {
      Chart(
        title: title, xTitle: "epoch", yTitle: axis, xTicks: ticks, yRange: range, rows: 320, columns: columns
      ).drawing(series)
    }
    let worst = map(\.loss).filter(\.isFinite).max() ?? 0
    let accuracies = [
      series("training top-1", 0, .square) { $0.trainTop1.map { $0 * 100 } },
      series("validation top-1", 1, .diamond) { $0.top1.map { $0 * 100 } },
      series("validation top-5", 2, .cross) { $0.top5.map { $0 * 100 } },
      series("validation mean AP", 1, .diamond) { $0.meanAveragePrecision.map { $0 * 100 } },
    ].filter { !$0.points.isEmpty }
    var charts = [
      chart(
        "Loss on training images", "\(kind.rawValue) in nats", [series("", 0, .square) { $0.loss }],
        0...Swift.max(worst, 1e-3))
    ]
    if !accuracies.isEmpty { charts.append(chart("Accuracy", "%", accuracies, 0...100)) }
    var drawing = Drawing(
      rows: (charts.map(\.rows).max() ?? 0) + 24, columns: charts.count * columns + 48,
      title: "Learning curve",
      description: "Loss and accuracy over \(count) epochs")
    for (place, chart) in charts.enumerated() { drawing.add(chart, top: 12, left: 24 + place * columns) }
    return drawing
  }
}
