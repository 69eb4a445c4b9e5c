internal import Attribution
internal import Figures
internal import Images
internal import Tensors

/// Pictures in rows, and beside each what every method says of it.
enum ExplanationSheet {
  struct Row {
    var caption: String
    var picture: Picture
    /// In the methods' order; rows x columns, or that x channels.
    var maps: [Tensor?]
  }

  private static let (tile, gap, margin) = (128, 12, 24)

  static func drawing(title: String, methods: [Method], rows: [Row]) throws(ImageError) -> Drawing {
    let step = tile + gap
    let columns = max(2 * margin + (methods.count + 1) * step - gap, 480)
    let head = margin + 64
    var drawing = Drawing(
      rows: head + rows.count * (tile + 34) + margin, columns: columns, title: title,
      description: "a row for each image, a column for each method")
    drawing.text(
      Drawing.fitted(title, width: Double(columns - 2 * margin), height: 20, bold: true), top: margin,
      column: margin, height: 20, bold: true)
    for (index, method) in methods.enumerated() {
      drawing.text(
        Drawing.fitted(method.rawValue, width: Double(tile), height: 11), top: margin + 40,
        column: margin + (index + 1) * step, height: 11, .soft)
    }
    for (number, row) in rows.enumerated() {
      let top = head + number * (tile + 34)
      drawing.text(
        Drawing.fitted(row.caption, width: Double(columns - 2 * margin), height: 12), top: top,
        column: margin, height: 12)
      let picture = row.picture
      let scale = Double(tile) / Double(max(picture.rows, picture.columns, 1))
      let (high, wide) = (
        max(1, Int(Double(picture.rows) * scale)), max(1, Int(Double(picture.columns) * scale))
      )
      drawing.picture(
        try picture.resized(rows: high, columns: wide, by: .lanczos), top: top + 18, left: margin)
      for (index, map) in row.maps.enumerated() {
        guard let map else { continue }
        drawing.picture(
          try shown(map, aboutItsMean: methods[index] == .rise).resized(
            rows: high, columns: wide, by: .lanczos), top: top + 18,
          left: margin + (index + 1) * step)
      }
    }
    return drawing
  }

  /// A map in colours: of each position the sum over channels, one in a hundred of them beyond the scale.
  ///
  /// What is a score everywhere is shown by how far it is from its mean.
  private static func shown(_ map: Tensor, aboutItsMean isAboutMean: Bool) -> Picture {
    let (rows, columns) = (map.shape[0], map.shape[1])
    let channels = max(map.shape.count / max(rows * columns, 1), 1)
    let elements = map.elements
    let zero = isAboutMean ? elements.reduce(0, +) / Float(max(elements.count, 1)) : 0
    let sums = (0..<rows * columns).map { place in
      (0..<channels).reduce(-zero) { $0 + elements[place * channels + $1] }
    }
    let sizes = sums.map(abs).sorted()
    let most = max(
      sizes.isEmpty ? 0 : sizes[min(sizes.count - 1, sizes.count * 99 / 100)], .leastNormalMagnitude)
    return Picture(
      rows: rows, columns: columns,
      pixels: sums.flatMap { value -> [UInt8] in
        let colour = Colour.signed(Double(value / most))
        return [colour.red, colour.green, colour.blue]
      })
  }
}
