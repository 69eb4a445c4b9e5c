package import Figures
package import Images
package import Tensors

/// The paper's figure 5 for one change: pictures under it, the features of each layer and the probability of the class, by
/// its amount.
extension InvarianceCurves {
  /// Pictures that are shown, each in a colour of its own; the others' curves are pale.
  package static let examples = 5
  /// Amounts at which they are shown.
  private static let shown = 9
  private static let (tile, margin, width) = (72, 24, 960)

  /// The amounts at which examples are shown: evenly spread, from the first to the last.
  package var shownAmounts: [Int] {
    let count = min(Self.shown, amounts.count)
    guard count > 1 else { return Array(amounts.indices) }
    return (0..<count).map {
      Int((Double($0 * (amounts.count - 1)) / Double(count - 1)).rounded())
    }
  }

  /// The figure.
  ///
  /// - Parameters:
  ///   - examples: Of the first pictures, what the network sees at ``shownAmounts``.
  ///   - titles: What the layers are called.
  ///   - names: What each picture is called, with its class.
  /// - Returns: The figure.
  /// - Throws: `ImageError` where a picture cannot be resized.
  package func drawing(
    examples: [[Images.Picture]], titles: [String: String], names: [String]
  ) throws(ImageError) -> Drawing {
    let (tile, margin) = (Self.tile, Self.margin)
    let charts = charts(titles)
    let across = 3
    let head = margin + 40
    let strip = head + 20 + examples.count * (tile + 4) + (pictures.count > Self.examples ? 20 : 0) + 16
    let high = (charts.map(\.rows).max() ?? 0) + 12
    var drawing = Drawing(
      rows: strip + (charts.count + across - 1) / across * high + margin, columns: Self.width,
      title: "Invariance to \(change.title)",
      description:
        "Example images, distances of their features and the probability of their class, by \(change.title)")
    drawing.text(drawing.title, top: margin, column: margin, height: 20, bold: true)
    let left = margin + 252
    for (place, index) in shownAmounts.enumerated() {
      drawing.text(
        amounts[index] == change.identity ? "original" : amounts[index].short(decimals: 2), top: head,
        column: left + place * (tile + 4) + tile / 2, height: 12, .soft, .middle)
    }
    for (number, pictures) in examples.enumerated() {
      let top = head + 20 + number * (tile + 4)
      let middle = Double(top + tile / 2)
      drawing.line(
        [(middle, Double(margin)), (middle, Double(margin + 28))], colour(number), width: 3)
      drawing.text(
        Drawing.fitted(names.indices.contains(number) ? names[number] : "", width: 204), top: middle - 8,
        column: Double(margin + 36), height: 12)
      for (place, picture) in pictures.enumerated() {
        drawing.picture(
          try picture.resized(rows: tile, columns: tile, by: .lanczos), top: top,
          left: left + place * (tile + 4))
      }
    }
    if pictures.count > Self.examples {
      let row = Double(strip - 28)
      drawing.line([(row, Double(margin)), (row, Double(margin + 28))], .line, width: 3)
      drawing.text(
        "the other \(pictures.count - Self.examples) images", top: row - 8, column: Double(margin + 36),
        height: 12)
    }
    for (index, chart) in charts.enumerated() {
      drawing.add(
        chart, top: strip + index / across * high,
        left: margin - 8 + index % across * (Self.width - 2 * margin) / across)
    }
    return drawing
  }

  /// A chart a layer, then one of the probability.
  private func charts(_ titles: [String: String]) -> [Drawing] {
    let layers = layers.map { layer in
      chart(
        "features of \(titles[layer] ?? layer)", "distance, relative to the original",
        each: { $0.normalized[layer] ?? [] }, mean: mean[layer] ?? [])
    }
    guard let mean = meanProbability else { return layers }
    return layers + [
      chart(
        "probability of the image's class", "probability",
        each: { ($0.probability ?? []).map(Double.init) }, mean: mean, bounds: 0...1)
    ]
  }

  private func chart(
    _ title: String, _ axis: String, each: (Picture) -> [Double], mean: [Double],
    bounds: ClosedRange<Double> = 0...(.infinity)
  ) -> Drawing {
    func series(_ name: String, _ values: [Double], _ colour: Colour, _ width: Double) -> Series {
      Series(
        name: name, points: zip(amounts, values).map { Series.Point(x: $0, y: $1) }, colour: colour,
        width: width)
    }
    // The examples lie over the others, and the mean over all.
    let order = pictures.indices.sorted {
      ($1 < Self.examples ? 1 : 0, $0) < ($0 < Self.examples ? 1 : 0, $1)
    }
    let own = order.reversed().map { index in
      series("", each(pictures[index]), colour(index), index < Self.examples ? 1.5 : 0.8)
    }
    let range = Chart.fitted(pictures.flatMap(each) + [0])
    let all = pictures.count > 1 ? [series("mean", mean, .ink, 2.5)] : []
    return Chart(
      title: Drawing.fitted(title, width: 280, height: 14, bold: true), xTitle: change.title, yTitle: axis,
      yRange: 0...range.high, bounds: bounds, rows: 280, columns: (Self.width - 2 * Self.margin) / 3
    ).drawing(own + all)
  }

  private func colour(_ picture: Int) -> Colour { picture < Self.examples ? .kind(picture) : .line }
}

extension Invariance.Change {
  /// In words, with the unit of its amounts.
  package var title: String {
    switch self {
    case .vertical: "vertical translation (pixels)"
    case .horizontal: "horizontal translation (pixels)"
    case .scale: "scale (factor)"
    case .rotation: "rotation (degrees)"
    case .brightness: "brightness (levels of 255)"
    case .contrast: "contrast (factor)"
    case .blur: "Gaussian blur (deviation, pixels)"
    case .noise: "Gaussian noise (deviation, levels of 255)"
    case .flip: "horizontal flip (0 or 1)"
    }
  }
}

extension Preprocessing {
  /// A prepared input, 1 x rows x columns x channels, as the picture that it was made of.
  package func picture(of input: Tensor) -> Picture {
    let (rows, columns, count) = (input.shape.rows, input.shape.columns, input.shape.channels)
    let elements = input.elements
    var pixels = [UInt8](repeating: 0, count: rows * columns * 3)
    for place in 0..<rows * columns {
      for colour in 0..<3 {
        let channel = min(channels == .bgr ? 2 - colour : colour, count - 1)
        let level = (elements[place * count + channel] * std[channel] + mean[channel]) / scale
        pixels[place * 3 + colour] = UInt8(min(max(level.isFinite ? level.rounded() : 0, 0), 255))
      }
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }
}
