package import Figures

/// How well features transfer, as the paper's table 7 and figure 9 have it: by layer, and by training pictures a class.
extension TransferTable {
  /// Names of the classifiers, in the order of their rows.
  private var classifiers: [String] { rows.map(\.classifier).uniqued }
  private var most: Int { rows.map(\.perClass).max() ?? 0 }
  private var axis: String {
    switch measure {
    case .accuracy: "mean accuracy of the classes, %"
    case .averagePrecision: "mean average precision, %"
    }
  }

  private func colour(_ classifier: String) -> Colour {
    .kind(classifiers.firstIndex(of: classifier) ?? 0)
  }

  /// A mark for each layer and classifier with its deviation over the folds, at the largest number of pictures; networks
  /// that were trained whole are lines across.
  package func byLayer() -> Drawing {
    let rows = rows.filter { $0.perClass == most }
    let layers = rows.filter { !$0.isWhole }.map(\.place).uniqued
    let step = 72.0
    let (top, left, high) = (54.0, 62.0, 230.0)
    let wide = Double(max(layers.count, 3)) * step
    let whole = classifiers.filter { name in rows.contains { $0.classifier == name } }
    var drawing = Drawing(
      rows: Int(top + high) + 70 + (whole.count + 1) / 2 * 18, columns: Int(left + wide) + 24,
      title: "Accuracy by layer", description: "\(axis) by layer, with the deviation over folds")
    let scale = Axis([0, 100], within: 0...100)
    func row(_ share: Double) -> Double { top + high * (1 - scale.share(share * 100)) }
    drawing.text("By layer", top: 14, column: 16, height: 15, bold: true)
    drawing.text(axis, top: 30, column: 16, height: 11, .soft)
    for tick in scale.ticks {
      drawing.line([(row(tick / 100), left), (row(tick / 100), left + wide)], .line)
      drawing.text(scale.label(tick), top: row(tick / 100) - 6, column: left - 6, height: 11, .soft, .end)
    }
    for (index, layer) in layers.enumerated() {
      let middle = left + (Double(index) + 0.5) * step
      let names = layer.split(separator: " ", maxSplits: 1).map(String.init)
      for (line, name) in names.enumerated() {
        drawing.text(
          String(name.suffix(11)), top: top + high + 7 + Double(line) * 14, column: middle, height: 11, .soft,
          .middle)
      }
    }
    for (place, classifier) in whole.enumerated() {
      let colour = colour(classifier)
      let own = rows.filter { $0.classifier == classifier }
      if let across = own.first(where: \.isWhole) {
        drawing.line([(row(across.accuracy), left), (row(across.accuracy), left + wide)], colour, width: 2)
      } else {
        // Classifiers stand a little beside each other, so that their whiskers do not cover one another.
        let shift = (Double(place) - Double(whole.count - 1) / 2) * 6
        let points = own.compactMap { entry in
          layers.firstIndex(of: entry.place).map { (entry, left + (Double($0) + 0.5) * step + shift) }
        }
        drawing.line(points.map { (row($0.0.accuracy), $0.1) }, colour, width: 2)
        for (entry, column) in points {
          let (low, high) = (row(entry.accuracy - entry.deviation), row(entry.accuracy + entry.deviation))
          drawing.line([(low, column), (high, column)], colour, width: 1)
          drawing.box(top: row(entry.accuracy) - 3, left: column - 3, rows: 6, columns: 6, fill: colour)
        }
      }
      let line = top + high + 52 + Double(place / 2) * 18
      let column = left + Double(place % 2) * wide / 2
      drawing.line([(line, column), (line, column + 18)], colour, width: 3)
      drawing.text(classifier, top: line - 6, column: column + 24, height: 11)
    }
    return drawing
  }

  /// A curve for each layer and classifier over the training pictures a class, thin ones a deviation above and below; nil
  /// where there is one number of pictures only.
  package func byPictures() -> Drawing? {
    guard Set(rows.map(\.perClass)).count > 1 else { return nil }
    let names = rows.map(\.curve).uniqued
    let series = names.enumerated().flatMap { index, name -> [Drawing.Curve] in
      let rows = rows.filter { $0.curve == name }.sorted { $0.perClass < $1.perClass }
      func curve(_ height: (Row) -> Double, isThin: Bool) -> Drawing.Curve {
        (name, rows.map { (x: Double($0.perClass), y: height($0) * 100) }, .kind(index), isThin)
      }
      return [
        curve({ $0.accuracy - $0.deviation }, isThin: true),
        curve({ $0.accuracy + $0.deviation }, isThin: true),
        curve({ $0.accuracy }, isThin: false),
      ]
    }
    return .curves(
      series, title: "By training pictures", xTitle: "training pictures a class", yTitle: axis,
      yRange: 0...100,
      rows: 340 + (names.count + 1) / 2 * 18, columns: 560)
  }

  /// The rows as the paper's tables have them.
  package var lines: ResultTable {
    let isMultiple = measure == .averagePrecision
    func percent(_ share: Double?) -> String { share.map { ($0 * 100).fixed(decimals: 1) } ?? "" }
    return ResultTable(
      headings: ["layer", "pooling", "features", "classifier", "pictures a class"]
        + (isMultiple ? ["mean AP %", "deviation", "11-point %"] : ["accuracy %", "deviation", "of all %"])
        + ["folds"],
      rows: rows.map { row in
        [
          row.layer, row.pooling, "\(row.features)", row.classifier, "\(row.perClass)", percent(row.accuracy),
          percent(row.deviation), percent(isMultiple ? row.elevenPoint : row.overall), "\(row.folds.count)",
        ]
      })
  }

  /// Each class's figure in each row with the largest number of pictures.
  package var classLines: ResultTable {
    let rows = rows.filter { $0.perClass == most }
    return ResultTable(
      headings: ["class"] + rows.map(\.curve),
      rows: classNames.enumerated().map { index, name in
        [name] + rows.map { $0.classes[index].map { ($0 * 100).fixed(decimals: 1) } ?? "" }
      })
  }
}

extension TransferTable.Row {
  /// Whether a network was trained, and not a classifier on its features.
  fileprivate var isWhole: Bool { costs.isEmpty }
  /// Layer and pooling.
  fileprivate var place: String { pooling == "none" ? layer : "\(layer) \(pooling)" }
  fileprivate var curve: String { isWhole ? classifier : "\(place), \(classifier)" }
}

extension [String] {
  /// Each once, where it stands first.
  fileprivate var uniqued: [String] {
    var seen = Set<String>()
    return filter { seen.insert($0).inserted }
  }
}
