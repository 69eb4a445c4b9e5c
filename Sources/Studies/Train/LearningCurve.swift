internal import Figures
internal import Training

extension [EpochEntry] {
  /// The loss beside the accuracies, by epoch.
  func learningCurve() -> Drawing {
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
      ).drawing(series.filter { !$0.points.isEmpty })
    }
    let worst = Axis(map(\.loss).filter(\.isFinite) + [0], within: nil)
    let loss = chart(
      "Loss on training images", "cross-entropy, nats", [series("", 0, .square) { $0.loss }],
      0...Swift.max(worst.high, 1e-3))
    let accuracy = chart(
      "Accuracy", "%",
      [
        series("training top-1", 0, .square) { $0.trainTop1 * 100 },
        series("validation top-1", 1, .diamond) { $0.top1.map { $0 * 100 } },
        series("validation top-5", 2, .cross) { $0.top5.map { $0 * 100 } },
      ], 0...100)
    var drawing = Drawing(
      rows: Swift.max(loss.rows, accuracy.rows) + 24, columns: 2 * columns + 48, title: "Learning curve",
      description: "Loss and accuracy over \(count) epochs")
    drawing.add(loss, top: 12, left: 24)
    drawing.add(accuracy, top: 12, left: 24 + columns)
    return drawing
  }
}
