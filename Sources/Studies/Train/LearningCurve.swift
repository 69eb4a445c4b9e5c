internal import Figures
internal import Training

extension [EpochEntry] {
  /// The loss beside the accuracies, by epoch.
  func learningCurve() -> Drawing {
    let (rows, columns) = (320, 460)
    func series(_ name: String, _ colour: Int, _ value: (EpochEntry) -> Double?) -> LineChart.Series? {
      let points = compactMap { entry in value(entry).map { (x: Double(entry.epoch), y: $0) } }
      return points.isEmpty ? nil : LineChart.Series(name: name, points: points, colour: .kind(colour))
    }
    let loss = LineChart(
      title: "Loss", xTitle: "epoch", yTitle: "cross-entropy in nats",
      series: [series("training", 0) { $0.loss }].compactMap { $0 })
    let accuracy = LineChart(
      title: "Accuracy", xTitle: "epoch", yTitle: "%",
      series: [
        series("training top-1", 0) { $0.trainTop1 * 100 },
        series("validation top-1", 1) { $0.top1.map { $0 * 100 } },
        series("validation top-5", 2) { $0.top5.map { $0 * 100 } },
      ].compactMap { $0 }, yRange: 0...100)
    var drawing = Drawing(
      rows: rows + 16, columns: 2 * columns + 24, title: "Learning curve",
      description: "Loss and accuracy over \(count) epochs")
    drawing.add(loss.drawing(rows: rows, columns: columns), top: 8, left: 12)
    drawing.add(accuracy.drawing(rows: rows, columns: columns), top: 8, left: 12 + columns)
    return drawing
  }
}
