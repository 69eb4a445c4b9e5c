public import Figures
internal import Foundation
public import Images
internal import Kernels
internal import Tensors

extension UnitFigure {
  /// The figure, a tenth of a millimetre a unit: for each unit of a layer its projections beside its patches.
  ///
  /// - Parameters:
  ///   - width: On paper, in millimetres.
  ///   - columns: Units beside each other; nil for three, or fewer where no layer has so many.
  ///   - dotsPerInch: The resolution of the tiles.
  ///   - points: The height of the letters.
  /// - Returns: The figure, without a caption.
  /// - Throws: `ImageError` where a picture cannot be drawn.
  public func drawing(
    width: Double = 170, columns: Int? = nil, dotsPerInch: Double = 300, points: Double = 8
  ) throws(ImageError) -> Drawing {
    let across = columns ?? max(1, min(3, layers.map(\.units.count).max() ?? 1))
    let page = Page(
      width: (width * 10).rounded(), across: across, pixels: dotsPerInch / 254,
      letters: points / 72 * 254, isBGR: isBGR)
    var parts: [(top: Double, layer: Layer, size: Page.Size)] = []
    var row = page.margin
    for layer in layers {
      let size = page.size(of: layer)
      guard size.tile.columns >= 1, size.tile.rows >= 1 else {
        throw .encoding(
          reason:
            "\(width.short(decimals: 1)) mm have no room for \(across) units of \(size.side * size.side) tiles each"
        )
      }
      parts.append((row, layer, size))
      let lines = (layer.units.count + across - 1) / across
      row += page.heading + Double(lines) * (size.height + page.gap)
    }
    var drawing = Drawing(
      rows: Int((row - page.gap + page.margin).rounded(.up)), columns: Int(page.width), title: title,
      description: caption,
      printedWidth: width)
    for (top, layer, size) in parts {
      drawing.text(layer.name, top: top, column: page.margin, height: page.letters, bold: true)
      for (index, unit) in layer.units.enumerated() {
        try page.draw(
          unit, size, top: top + page.heading + Double(index / across) * (size.height + page.gap),
          left: page.margin + Double(index % across) * (page.cell + page.gap), into: &drawing)
      }
    }
    return drawing
  }

  private var title: String { "\(model): \(layers.map(\.name).joined(separator: ", "))" }

  /// What one sees in the figure, for the text under it.
  public var caption: String {
    let depth = layers.flatMap(\.units).map(\.peaks.count).max() ?? 0
    return
      "Units of \(model). For each unit, the patches of the \(depth) images that activate it most (right), the strongest "
      + "first, and those activations projected back to pixels by the rule '\(rule.rawValue)' (left). Grey is zero; each "
      + "projection has a scale of its own, which one value in a hundred exceeds. Hatched: outside the image."
  }
}

/// Where things stand, in tenths of a millimetre.
private struct Page {
  /// What a unit's tiles measure: rows and columns of a tile, tiles along an edge of a grid, and all with the caption.
  struct Size {
    var tile: (rows: Double, columns: Double)
    var side: Int
    var height: Double
  }

  let width: Double
  let across: Int
  /// Pixels a tenth of a millimetre.
  let pixels: Double
  let letters: Double
  let isBGR: Bool
  let gap = 40.0
  /// Letters and edges reach a little beyond their places.
  let margin = 5.0

  private let between = 4.0
  private let middle = 14.0

  init(width: Double, across: Int, pixels: Double, letters: Double, isBGR: Bool) {
    self.width = width
    self.across = across
    self.pixels = pixels
    self.letters = letters
    self.isBGR = isBGR
  }

  var heading: Double { letters * 1.6 }
  /// The width of a unit.
  var cell: Double { (width - 2 * margin - Double(across - 1) * gap) / Double(across) }

  func size(of layer: UnitFigure.Layer) -> Size {
    let peaks = layer.units.flatMap(\.peaks)
    let side = Int(Double(layer.units.map(\.peaks.count).max() ?? 1).squareRoot().rounded(.up))
    let count = Double(max(1, side))
    let wide = ((cell - middle) / 2 - (count - 1) * between) / count
    let field = peaks.first.map { ($0.projection.shape[0], $0.projection.shape[1]) } ?? (1, 1)
    let high = wide * Double(field.0) / Double(field.1)
    return Size(
      tile: (high, wide), side: max(1, side),
      height: letters * 1.4 + count * high + (count - 1) * between)
  }

  func draw(
    _ unit: UnitFigure.Unit, _ size: Size, top: Double, left: Double, into drawing: inout Drawing
  ) throws(ImageError) {
    let strength =
      unit.isActive ? "max \(Double(unit.strongest).significant)" : "never active"
    drawing.text("unit \(unit.number), \(strength)", top: top, column: left, height: letters)
    let start = left + (cell + middle) / 2
    for index in 0..<size.side * size.side {
      let down = top + letters * 1.4 + Double(index / size.side) * (size.tile.rows + between)
      let aside = Double(index % size.side) * (size.tile.columns + between)
      let peak = index < unit.peaks.count ? unit.peaks[index] : nil
      for (left, isPatch) in [(left + aside, false), (start + aside, true)] {
        guard let peak else {
          drawing.box(
            top: down, left: left, rows: size.tile.rows, columns: size.tile.columns, stroke: .line, width: 2)
          continue
        }
        try draw(peak, isPatch: isPatch, size, top: down, left: left, into: &drawing)
      }
    }
  }

  /// A tile at the resolution of the print; what lies outside the picture is hatched.
  private func draw(
    _ peak: UnitFigure.Peak, isPatch: Bool, _ size: Size, top: Double, left: Double,
    into drawing: inout Drawing
  ) throws(ImageError) {
    let (rows, columns) = (peak.projection.shape[0], peak.projection.shape[1])
    let inside = Box(
      top: max(0, -peak.top), left: max(0, -peak.left), bottom: min(rows, peak.input.rows - peak.top),
      right: min(columns, peak.input.columns - peak.left))
    let scale = (rows: size.tile.rows / Double(rows), columns: size.tile.columns / Double(columns))
    if inside != Box(top: 0, left: 0, bottom: rows, right: columns) {
      drawing.hatch(
        top: top, left: left, rows: size.tile.rows, columns: size.tile.columns, spacing: 9, width: 2)
      drawing.box(
        top: top, left: left, rows: size.tile.rows, columns: size.tile.columns, stroke: .line, width: 2)
    }
    guard inside.rows > 0, inside.columns > 0, peak.patch.rows > 0, peak.patch.columns > 0 else { return }
    let shown = (
      rows: Double(inside.rows) * scale.rows, columns: Double(inside.columns) * scale.columns
    )
    func drawn(_ length: Double, atMost limit: Int) -> Int {
      min(limit, max(1, Int((length * pixels).rounded())))
    }
    let picture: Picture
    if isPatch {
      picture = try peak.patch.resized(
        rows: drawn(shown.rows, atMost: peak.patch.rows),
        columns: drawn(shown.columns, atMost: peak.patch.columns), by: .lanczos)
    } else {
      let part = peak.projection.part(in: inside).shrunk(
        rows: drawn(shown.rows, atMost: inside.rows), columns: drawn(shown.columns, atMost: inside.columns))
      picture = Picture(projection: part, isBGR: isBGR, saturating: 0.01)
    }
    let isSmall = max(rows, columns) <= 16
    drawing.picture(
      picture, top: top + Double(inside.top) * scale.rows, left: left + Double(inside.left) * scale.columns,
      rows: shown.rows, columns: shown.columns, keeping: isSmall ? .exact : .photograph, smooth: !isSmall)
  }
}
