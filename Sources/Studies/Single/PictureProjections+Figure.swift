public import Figures
public import Images
internal import Kernels
internal import Tensors

extension PictureProjections {
  private static let (margin, tile, gap) = (24, 240, 18)

  /// The figure: for each activation the picture with the receptive field, the patch, the projections, and where they are
  /// strong.
  ///
  /// - Throws: `ImageError` where there is no memory for it.
  public func drawing() throws(ImageError) -> Drawing {
    let (margin, tile, gap) = (Self.margin, Self.tile, Self.gap)
    let count = 3 + rules.count
    let width = count * tile + (count - 1) * gap
    let footer = Drawing.wrapped(explanation, width: Double(width), height: 12)
    let shown = Self.fitted(picture.rows, picture.columns)
    let heights = rows.map { row in
      let field = row[0].report.inputBox
      return max(shown.rows, Self.fitted(field.rows, field.columns).rows)
    }
    let top = margin + 64
    var drawing = Drawing(
      rows: top + 19 + heights.reduce(0) { $0 + $1 + 45 } + footer.count * 17 + margin - 8,
      columns: 2 * margin + width, title: title, description: subtitle)
    drawing.text(title, top: margin, column: margin, height: 20, bold: true)
    drawing.text(subtitle, top: margin + 30, column: margin, height: 13, .soft)
    var row = top
    for (index, projections) in rows.enumerated() {
      try draw(projections, top: row, isFirst: index == 0, into: &drawing)
      row += heights[index] + (index == 0 ? 64 : 45)
    }
    for (index, line) in footer.enumerated() {
      drawing.text(line, top: row + index * 17, column: margin, height: 12, .soft)
    }
    return drawing
  }

  private var title: String {
    guard let report = rows.first?.first?.report else { return names.picture }
    return report.name.map { "\($0): its score in \(names.picture)" } ?? "\(report.layer) in \(names.picture)"
  }

  private var subtitle: String {
    let what =
      rows.count == 1
      ? "What excites it, projected back to pixels" : "The strongest units, each projected back to pixels"
    return "\(names.model) · \(what)"
  }

  private var explanation: String {
    let rules = rules.map { rule in
      switch rule {
      case .deconvnet: "deconvnet passes what is positive on its way back (Zeiler & Fergus 2014)"
      case .gradient: "gradient passes what was positive on its way forward (back-propagation)"
      case .guided: "guided passes what was positive both ways (Springenberg et al. 2015)"
      }
    }
    return
      "Projection: what in this image caused this activation; at each ReLU, \(rules.joined(separator: "; ")). "
      + "Grey is zero, and brighter and darker are positive and negative; each projection has a scale of its own, which one "
      + "value in a hundred exceeds (saturated). Overlay: the patch, dark where the "
      + "\(self.rules.count > 1 ? "first projection" : "projection") is nearly zero."
  }

  private static func fitted(_ rows: Int, _ columns: Int) -> (rows: Int, columns: Int) {
    let longest = max(rows, columns, 1)
    return (max(1, rows * tile / longest), max(1, columns * tile / longest))
  }

  private func draw(
    _ projections: [ActivationProjection], top: Int, isFirst: Bool, into drawing: inout Drawing
  ) throws(ImageError) {
    let report = projections[0].report
    drawing.text(caption(of: report), top: top, column: Self.margin, height: 13, bold: true)
    let size = Self.fitted(report.inputBox.rows, report.inputBox.columns)
    let tiles = top + (isFirst ? 38 : 19)
    var left = Self.margin
    func next(_ heading: String) -> Int {
      if isFirst { drawing.text(heading, top: top + 19, column: left, height: 12, .soft) }
      defer { left += Self.tile + Self.gap }
      return left
    }
    try drawWhole(report, top: tiles, left: next("image, receptive field framed"), into: &drawing)
    let patch = picture.cropped(to: report.box.rows * report.box.columns > 0 ? report.box : seen)
    let isSmall = max(report.inputBox.rows, report.inputBox.columns) <= 16
    let sharp = try patch.resized(
      rows: min(2 * size.rows, max(patch.rows, size.rows)),
      columns: min(2 * size.columns, max(patch.columns, size.columns)), by: isSmall ? .nearest : .lanczos)
    drawing.picture(
      sharp, top: Double(tiles), left: Double(next("patch, what the unit sees")), rows: Double(size.rows),
      columns: Double(size.columns), keeping: .photograph, smooth: !isSmall)
    for projection in projections {
      let rule = projection.report.rule
      try draw(projection, size, top: tiles, left: next("projection, rule \(rule)"), into: &drawing)
    }
    let place = next("overlay")
    if projections[0].report.isZero { return }
    let small = try patch.resized(rows: size.rows, columns: size.columns, by: isSmall ? .nearest : .lanczos)
    let strength = ProjectionStrength(of: projections[0].field, rows: size.rows, columns: size.columns)
    drawing.picture(
      strength.dimmed(small), top: Double(tiles), left: Double(place), rows: Double(size.rows),
      columns: Double(size.columns), keeping: .photograph)
  }

  private func caption(of report: ActivationProjection.Report) -> String {
    if let name = report.name {
      return "class \(report.unit), \(name)"
        + (report.value.map { ": score \(Double($0).significant)" } ?? "")
    }
    guard let value = report.value, let row = report.row, let column = report.column else {
      return "unit \(report.unit): its whole map"
    }
    let saturated = report.upperBound.flatMap {
      report.isSaturated ? " (saturated at \(Double($0).significant))" : nil
    }
    return "unit \(report.unit): activation \(Double(value).significant) at row \(row), column \(column)"
      + (saturated ?? "")
  }

  /// The whole picture with the part that the network sees and, in it, what the unit sees.
  private func drawWhole(
    _ report: ActivationProjection.Report, top: Int, left: Int, into drawing: inout Drawing
  ) throws(ImageError) {
    let size = Self.fitted(picture.rows, picture.columns)
    // Twice the pixels are sharp on fine screens too.
    let shown = try picture.resized(
      rows: min(picture.rows, 2 * size.rows), columns: min(picture.columns, 2 * size.columns), by: .lanczos)
    drawing.picture(
      shown, top: Double(top), left: Double(left), rows: Double(size.rows), columns: Double(size.columns),
      keeping: .photograph)
    let scale = Double(size.rows) / Double(picture.rows)
    let across = Double(size.columns) / Double(picture.columns)
    func edge(_ box: Box) -> [(row: Double, column: Double)] {
      let (low, high) = (Double(top) + Double(box.top) * scale, Double(top) + Double(box.bottom) * scale)
      let (first, last) = (
        Double(left) + Double(box.left) * across, Double(left) + Double(box.right) * across
      )
      return [(low, first), (low, last), (high, last), (high, first), (low, first)]
    }
    if seen != Box(top: 0, left: 0, bottom: picture.rows, right: picture.columns) {
      drawing.line(edge(seen), Colour(255, 255, 255), width: 1, dash: [4, 4])
    }
    drawing.line(edge(report.box), Colour(255, 255, 255), width: 4)
    drawing.line(edge(report.box), .kind(1), width: 2)
  }

  private func draw(
    _ projection: ActivationProjection, _ size: (rows: Int, columns: Int), top: Int, left: Int,
    into drawing: inout Drawing
  ) throws(ImageError) {
    guard !projection.report.isZero else {
      return Self.drawNothing(
        size, top: top, left: left, projection.report.value == 0 ? "the activation is 0" : "zero everywhere",
        into: &drawing)
    }
    let field = projection.field
    let small = field.shrunk(
      rows: min(field.shape[0], size.rows), columns: min(field.shape[1], size.columns))
    drawing.picture(
      Picture(projection: small, isBGR: projection.isBGR, saturating: 0.01), top: Double(top),
      left: Double(left), rows: Double(size.rows), columns: Double(size.columns),
      smooth: max(field.shape[0], field.shape[1]) > 16)
  }

  /// The place of a tile that has nothing to show.
  private static func drawNothing(
    _ size: (rows: Int, columns: Int), top: Int, left: Int, _ reason: String,
    into drawing: inout Drawing
  ) {
    let (rows, columns) = (Double(size.rows), Double(size.columns))
    drawing.box(top: Double(top), left: Double(left), rows: rows, columns: columns, stroke: .line)
    let middle = (row: Double(top) + rows / 2, column: Double(left) + columns / 2)
    drawing.text(reason, top: middle.row - 16, column: middle.column, height: 13, .soft, .middle)
    drawing.text("nothing to project", top: middle.row + 2, column: middle.column, height: 13, .soft, .middle)
  }
}
