public import Figures

/// Loss and accuracy by epoch.
public struct LearningCurve: Sendable {
  /// One epoch; shares from 0 to 1.
  public struct Point: Hashable, Sendable {
    public var epoch: Int
    public var loss: Double
    public var trainTop1: Double
    public var top1: Double?
    public var top5: Double?

    public init(epoch: Int, loss: Double, trainTop1: Double, top1: Double? = nil, top5: Double? = nil) {
      self.epoch = epoch
      self.loss = loss
      self.trainTop1 = trainTop1
      self.top1 = top1
      self.top5 = top5
    }
  }

  public var points: [Point]

  public init(points: [Point]) {
    self.points = points
  }

  /// The loss beside the accuracies.
  public func drawing() -> Drawing {
    let (rows, columns) = (320, 460)
    func series(_ name: String, _ colour: Int, _ value: (Point) -> Double?) -> LineChart.Series? {
      let places = points.compactMap { point in value(point).map { (x: Double(point.epoch), y: $0) } }
      return places.isEmpty ? nil : LineChart.Series(name: name, points: places, colour: .kind(colour))
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
      description: "Loss and accuracy over \(points.count) epochs")
    drawing.add(loss.drawing(rows: rows, columns: columns), top: 8, left: 12)
    drawing.add(accuracy.drawing(rows: rows, columns: columns), top: 8, left: 12 + columns)
    return drawing
  }
}
