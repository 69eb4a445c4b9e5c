package import Figures
package import Figures
package import Images

/// The paper's figure 2 for one layer: for each unit a grid of projections beside the pictures they came from.
package struct FeatureSheet: Sendable {
  /// One feature map.
  package struct Unit: Sendable {
    package var caption: String
    /// Strongest first; nil where there is none.
    package var projections: [Picture?]
    package var patches: [Picture?]

    package init(caption: String, projections: [Picture?], patches: [Picture?]) {
      self.caption = caption
      self.projections = projections
      self.patches = patches
    }
  }

  package var title: String
  package var subtitle: String
  /// Rows and columns that a unit sees, in pixels of the network's input.
  package var field: (rows: Int, columns: Int)
  package var units: [Unit]

  package init(title: String, subtitle: String, field: (rows: Int, columns: Int), units: [Unit]) {
    self.title = title
    self.subtitle = subtitle
    self.field = field
    self.units = units
  }

  /// The extents at which a field's tiles are drawn; tiles may be given at the field's extents or at these.
  ///
  /// Small fields are blown up until they can be read; large ones shrink until nine fit beside each other.
  package static func tile(ofField rows: Int, _ columns: Int) -> (rows: Int, columns: Int) {
    let longest = max(rows, columns, 1)
    let target = longest <= 16 ? 36 : longest <= 64 ? 48 : longest <= 120 ? 72 : 96
    return (max(1, rows * target / longest), max(1, columns * target / longest))
  }

  private let gap = 1
  private let between = 6
  private let margin = 28
  private let header = 64
  private let caption = 20

  private var tile: (rows: Int, columns: Int) { Self.tile(ofField: field.rows, field.columns) }
  /// Tiles a side of a unit's grids.
  private var side: Int {
    let depth = units.map { max($0.patches.count, $0.projections.count) }.max() ?? 1
    return max(1, Int(Double(depth).squareRoot().rounded(.up)))
  }
  /// Units a row of the sheet.
  private var across: Int { max(1, min(4, units.count)) }
  private var gridRows: Int { side * tile.rows + (side - 1) * gap }
  private var gridColumns: Int { side * tile.columns + (side - 1) * gap }
  private var unitRows: Int { caption + gridRows }
  private var unitColumns: Int { 2 * gridColumns + between }

  /// A unit's two grids as one picture.
  private func grids(_ unit: Unit) throws(ImageError) -> Picture {
    var canvas = Canvas(rows: gridRows, columns: unitColumns)
    let (side, size) = (side, tile)
    for (offset, tiles) in [(0, unit.projections), (gridColumns + between, unit.patches)] {
      for index in 0..<side * side {
        let top = index / side * (size.rows + gap)
        let left = offset + index % side * (size.columns + gap)
        guard let tile = index < tiles.count ? tiles[index] : nil else {
          canvas.fill(
            top: Double(top), left: Double(left), rows: Double(size.rows), columns: Double(size.columns),
            Colour(238, 238, 238))
          continue
        }
        let isSmall = max(field.rows, field.columns) <= 16
        canvas.place(
          try tile.resized(rows: size.rows, columns: size.columns, by: isSmall ? .nearest : .lanczos),
          top: top, left: left)
      }
    }
    return canvas.picture
  }

  /// The sheet, as large as its units need: text that can be selected, and one picture a unit.
  package func drawing() throws(ImageError) -> Drawing {
    let lines = (units.count + across - 1) / across
    var drawing = Drawing(
      rows: 2 * margin + header + lines * unitRows + max(0, lines - 1) * 18,
      columns: 2 * margin + across * unitColumns + (across - 1) * 22, title: title, description: subtitle)
    drawing.text(title, top: Double(margin), column: Double(margin), height: 20, bold: true)
    drawing.text(subtitle, top: Double(margin + 30), column: Double(margin), height: 13, .soft)
    for (index, unit) in units.enumerated() {
      let top = margin + header + (index / across) * (unitRows + 18)
      let left = margin + (index % across) * (unitColumns + 22)
      drawing.text(unit.caption, top: Double(top + 2), column: Double(left), height: 12, Colour(60, 60, 60))
      drawing.picture(try grids(unit), top: top + caption, left: left)
    }
    return drawing
  }
}
