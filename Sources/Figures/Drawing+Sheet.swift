public import Images

extension Drawing {
  /// The most rows of pixels that are drawn at once.
  private static let band = 16_384

  /// The drawing as pixels.
  ///
  /// - Parameter scale: Pixels a unit.
  /// - Returns: A picture of ``rows`` x ``columns`` times the scale.
  /// - Throws: `ImageError` where there is no memory for so many pixels.
  public func picture(scale: Double = 1) throws(ImageError) -> Picture {
    let rows = max(1, Int((Double(rows) * scale).rounded()))
    let columns = max(1, Int((Double(columns) * scale).rounded()))
    var pixels: [UInt8] = []
    for top in stride(from: 0, to: rows, by: Self.band) {
      let sheet = try Sheet.pixels(rows: min(Self.band, rows - top), columns: columns, scale: scale)
      sheet.move(down: -Double(top) / scale, across: 0)
      try draw(on: sheet)
      pixels += try sheet.picture().pixels
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }

  /// The drawing as pixels of a resolution on paper, in dots per inch.
  ///
  /// - Throws: `ImageError` where there is no memory for so many pixels.
  public func picture(dotsPerInch: Double) throws(ImageError) -> Picture {
    try picture(scale: dotsPerInch / 72 * pointsPerUnit)
  }

  /// The drawing as a PDF of one page: text that can be selected in fonts that are part of it, photographs as JPEGs.
  ///
  /// - Returns: A whole PDF file.
  /// - Throws: `ImageError` where a picture cannot be encoded.
  public func pdf() throws(ImageError) -> [UInt8] {
    let scale = pointsPerUnit
    let page = try Sheet.page(
      height: Double(rows) * scale, width: Double(columns) * scale, scale: scale, title: title.inOneLine)
    try draw(on: page)
    return try page.pdf()
  }

  /// Points, a 72nd of an inch, a unit of the drawing; pixels are a 96th of an inch.
  private var pointsPerUnit: Double {
    printedWidth.map { $0 / 25.4 * 72 / Double(columns) } ?? 0.75
  }

  private func draw(on sheet: borrowing Sheet) throws(ImageError) {
    for mark in marks {
      switch mark {
      case .box(let top, let left, let rows, let columns, let fill, let stroke, let width):
        if let fill { sheet.fill(top: top, left: left, rows: rows, columns: columns, fill.shade) }
        if let stroke {
          sheet.frame(top: top, left: left, rows: rows, columns: columns, stroke.shade, width: width)
        }
      case .line(let points, let colour, let width, let dash):
        sheet.line(points, colour.shade, width: width, dash: dash)
      case .text(let text, let top, let column, let height, let bold, let colour, let anchor):
        sheet.text(
          text.inOneLine, baseline: top + height * Self.ascent, column: column, share: anchor.share,
          height: height, bold: bold, colour.shade)
      case .picture(let picture, let top, let left, let rows, let columns, let keeping, let smooth):
        try sheet.picture(
          picture, top: top, left: left, rows: rows, columns: columns, smooth: smooth,
          jpegQuality: keeping.jpegQuality)
      }
    }
  }
}

extension Colour {
  fileprivate var shade: Sheet.Shade { (red, green, blue) }
}
