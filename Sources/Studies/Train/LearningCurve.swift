internal import Figures
internal import Training

extension [EpochEntry] {
  /// The loss beside the accuracies, by epoch.
  func learningCurve() -> Drawing {
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
        curves.filter { !$0.points.isEmpty }, title: title, xTitle: "epoch", yTitle: axis, yRange: range,
        rows: rows, columns: columns)
    }
    let loss = chart("Loss", "cross-entropy in nats", [curve("training", 0) { $0.loss }])
    let accuracy = chart(
      "Accuracy", "%",
      [
        curve("training top-1", 0) { $0.trainTop1 * 100 },
        curve("validation top-1", 1) { $0.top1.map { $0 * 100 } },
        curve("validation top-5", 2) { $0.top5.map { $0 * 100 } },
      ], 0...100)
    var drawing = Drawing(
      rows: rows + 16, columns: 2 * columns + 24, title: "Learning curve",
      description: "Loss and accuracy over \(count) epochs")
    drawing.add(loss, top: 8, left: 12)
    drawing.add(accuracy, top: 8, left: 12 + columns)
    return drawing
  }
}
