package import Figures

/// How well features transfer, as the paper's table 7 and figure 9 have it: by layer, and by training pictures a class.
extension TransferTable {
  private var most: Int { rows.map(\.perClass).max() ?? 0 }
  private var axis: String {
    switch measure {
    case .accuracy: "accuracy, mean over classes, %"
    case .averagePrecision: "mean average precision, %"
    }
  }

  private var folds: Int { rows.map(\.folds.count).max() ?? 0 }

  /// What error bars are; empty where there are none.
  private var spread: String {
    folds > 1 ? "Bars: one standard deviation over \(folds) folds." : "One fold: the spread is not known."
  }

  /// The one way in which all layers are pooled; nil where they differ.
  private var pooling: String? {
    let all = rows.filter { !$0.isWhole }.map(\.pooling).uniqued
    return all.count == 1 ? all[0] : nil
  }

  /// What a figure calls a row's features.
  private func place(of row: Row) -> String { pooling == nil ? row.place : row.layer }

  private var poolingNote: String { pooling.map { " Pooling: \($0)." } ?? "" }

  private static let (width, margin) = (960, 24)

  private func sheet(_ title: String, _ parts: [Drawing], across: Int, notes: String) -> Drawing {
    let (width, margin) = (Self.width, Self.margin)
    let lines = Drawing.wrapped(notes, width: Double(width - 2 * margin))
    let head = margin + 36 + lines.count * 16 + 12
    let high = parts.map(\.rows).max() ?? 0
    var drawing = Drawing(
      rows: head + (parts.count + across - 1) / across * high + margin, columns: width, title: title,
      description: "\(title): \(axis)")
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.paragraph(
      notes, top: Double(margin + 34), column: Double(margin), width: Double(width - 2 * margin))
    for (index, part) in parts.enumerated() {
      drawing.add(
        part, top: head + index / across * high,
        left: margin + index % across * (width - 2 * margin) / across)
    }
    return drawing
  }

  /// A dot for each layer and classifier with its deviation over the folds, at the largest number of pictures; networks
  /// that were trained whole are lines across.
  package func byLayer() -> Drawing {
    let rows = rows.filter { $0.perClass == most }
    let features = rows.filter { !$0.isWhole }
    let kinds = features.map(\.classifier).uniqued
    var plot = DotPlot(
      groups: [
        (
          title: "",
          rows: features.map(place(of:)).uniqued.map { name in
            let own = kinds.map { kind in
              features.first { place(of: $0) == name && $0.classifier == kind }
            }
            return DotPlot.Row(
              label: name,
              dots: own.enumerated().compactMap { kind, row in
                row.map { row in
                  let (low, high) = (row.accuracy - row.deviation, row.accuracy + row.deviation)
                  return DotPlot.Dot(
                    row.accuracy * 100, interval: row.deviation > 0 ? low * 100...high * 100 : nil, kind: kind
                  )
                }
              }, cells: own.map { $0?.written ?? "" })
          }
        )
      ], kinds: kinds, axis: axis, headings: kinds, bounds: 0...100)
    plot.across = rows.filter(\.isWhole).map { ($0.classifier, $0.accuracy * 100) }
    let title = "By layer, with \(most.counted("training images")) for each class"
    return sheet(
      title, [plot.drawing(columns: Self.width - 2 * Self.margin, title: title)], across: 1,
      notes: spread + poolingNote + " The axis is fitted to the values.")
  }

  /// A chart a classifier, a curve a layer over the training pictures of each class; nil where there is one number of
  /// pictures only.
  package func byPictures() -> Drawing? {
    let sizes = Set(rows.map(\.perClass)).sorted()
    guard sizes.count > 1 else { return nil }
    let features = rows.filter { !$0.isWhole }
    let places = features.map(place(of:)).uniqued
    let whole = rows.filter(\.isWhole).map(\.classifier).uniqued
    func series(_ name: String, _ rows: [Row], _ colour: Colour, _ marker: Series.Marker) -> Series {
      Series(
        name: name,
        points: rows.sorted { $0.perClass < $1.perClass }.map {
          Series.Point(x: Double($0.perClass), y: $0.accuracy * 100, spread: $0.deviation * 100)
        }, colour: colour, marker: marker)
    }
    let kinds = features.map(\.classifier).uniqued
    let sides = kinds.isEmpty ? [""] : kinds
    let charts = sides.map { kind in
      Chart(
        title: kind, xTitle: "training images for each class", yTitle: axis,
        xTicks: sizes.map { (value: Double($0), label: "\($0)") }, yRange: range, bounds: 0...100, rows: 380,
        columns: (Self.width - 2 * Self.margin) / min(sides.count, 2)
      ).drawing(
        places.enumerated().map { index, name in
          series(
            name, features.filter { place(of: $0) == name && $0.classifier == kind },
            .ordinal(index, of: places.count), .square)
        }.filter { !$0.points.isEmpty }
          + whole.map { name in series(name, rows.filter { $0.classifier == name }, .mark, .cross) })
    }
    return sheet(
      "By number of training images", charts, across: min(sides.count, 2),
      notes: spread + poolingNote
        + " Layers from dark, the lowest, to light. The axis is fitted to the values.")
  }

  /// One axis for all charts.
  private var range: ClosedRange<Double> {
    let ends = rows.flatMap { [$0.accuracy - $0.deviation, $0.accuracy + $0.deviation] }
    let axis = Chart.fitted(ends.map { min(max($0 * 100, 0), 100) })
    return axis.low...axis.high
  }

  /// The rows as the paper's tables have them.
  package var lines: ResultTable {
    let isMultiple = measure == .averagePrecision
    func percent(_ share: Double?) -> String { share.map { ($0 * 100).fixed(decimals: 1) } ?? "" }
    return ResultTable(
      headings: ["layer", "pooling", "features", "classifier", "images per class"]
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
  fileprivate var written: String {
    (accuracy * 100).fixed(decimals: 1)
      + (folds.count > 1 ? " ± " + (deviation * 100).fixed(decimals: 1) : "")
  }
  fileprivate var curve: String { isWhole ? classifier : "\(place), \(classifier)" }
}

extension [String] {
  /// Each once, where it stands first.
  fileprivate var uniqued: [String] {
    var seen = Set<String>()
    return filter { seen.insert($0).inserted }
  }
}
