public import Figures
public import Figures
public import Images

/// The paper's figure 2 for one layer: for each unit a grid of projections beside the pictures they came from.
public struct FeatureSheet: Sendable {
  /// One feature map.
  public struct Unit: Sendable {
    public var caption: String
    /// Strongest first; nil where there is none.
    public var projections: [Picture?]
    public var patches: [Picture?]

    public init(caption: String, projections: [Picture?], patches: [Picture?]) {
      self.caption = caption
      self.projections = projections
      self.patches = patches
    }
  }

  public var title: String
  public var subtitle: String
  /// Rows and columns that a unit sees, in pixels of the network's input.
  public var field: (rows: Int, columns: Int)
  public var units: [Unit]

  public init(title: String, subtitle: String, field: (rows: Int, columns: Int), units: [Unit]) {
    self.title = title
    self.subtitle = subtitle
    self.field = field
    self.units = units
  }

  /// The extents at which a field's tiles are drawn.
  ///
  /// Small fields are blown up until they can be read; large ones shrink until nine fit beside each other. Tiles may be
  /// given at the field's extents or at these.
  public static func tile(ofField rows: Int, _ columns: Int) -> (rows: Int, columns: Int) {
    let longest = max(rows, columns, 1)
    let target = longest <= 16 ? 36 : longest <= 64 ? 48 : longest <= 120 ? 72 : 96
    return (max(1, rows * target / longest), max(1, columns * target / longest))
  }

  /// Where everything lies, in pixels.
  struct Plan {
    /// Tiles a side of a unit's grids.
    let side: Int
    let tileRows: Int
    let tileColumns: Int
    /// Units a row of the sheet.
    let across: Int
    let count: Int

    let gap = 1
    let between = 6
    let margin = 28
    let header = 64
    let caption = 20

    var gridRows: Int { side * tileRows + (side - 1) * gap }
    var gridColumns: Int { side * tileColumns + (side - 1) * gap }
    var unitRows: Int { caption + gridRows }
    var unitColumns: Int { 2 * gridColumns + between }
    var rows: Int { 2 * margin + header + lines * unitRows + max(0, lines - 1) * 18 }
    var columns: Int { 2 * margin + across * unitColumns + (across - 1) * 22 }
    private var lines: Int { (count + across - 1) / across }

    /// The top left corner of a unit's caption.
    func origin(_ index: Int) -> (top: Int, left: Int) {
      (
        margin + header + (index / across) * (unitRows + 18), margin + (index % across) * (unitColumns + 22)
      )
    }
  }

  var plan: Plan {
    let tile = Self.tile(ofField: field.rows, field.columns)
    let depth = units.map { max($0.patches.count, $0.projections.count) }.max() ?? 1
    return Plan(
      side: max(1, Int(Double(depth).squareRoot().rounded(.up))), tileRows: tile.rows,
      tileColumns: tile.columns,
      across: max(1, min(4, units.count)), count: units.count)
  }

  /// A unit's two grids as one picture.
  private func grids(_ unit: Unit, _ plan: Plan) throws(ImageError) -> Picture {
    var canvas = Canvas(rows: plan.gridRows, columns: plan.unitColumns)
    for (offset, tiles) in [(0, unit.projections), (plan.gridColumns + plan.between, unit.patches)] {
      for index in 0..<plan.side * plan.side {
        let top = index / plan.side * (plan.tileRows + plan.gap)
        let left = offset + index % plan.side * (plan.tileColumns + plan.gap)
        guard let tile = index < tiles.count ? tiles[index] : nil else {
          canvas.fill(
            top: Double(top), left: Double(left), rows: Double(plan.tileRows),
            columns: Double(plan.tileColumns),
            Colour(238, 238, 238))
          continue
        }
        let isSmall = max(field.rows, field.columns) <= 16
        canvas.place(
          try tile.resized(rows: plan.tileRows, columns: plan.tileColumns, by: isSmall ? .nearest : .lanczos),
          top: top, left: left)
      }
    }
    return canvas.picture
  }

  /// The sheet: text that can be selected, and one picture a unit.
  ///
  /// - Returns: A drawing as large as its units need.
  /// - Throws: `ImageError` where a tile cannot be resized.
  public func drawing() throws(ImageError) -> Drawing {
    let plan = plan
    var drawing = Drawing(rows: plan.rows, columns: plan.columns, title: title, description: subtitle)
    drawing.text(title, top: Double(plan.margin), column: Double(plan.margin), height: 20, bold: true)
    drawing.text(subtitle, top: Double(plan.margin + 30), column: Double(plan.margin), height: 13, .soft)
    for (index, unit) in units.enumerated() {
      let (top, left) = plan.origin(index)
      drawing.text(unit.caption, top: Double(top + 2), column: Double(left), height: 12, Colour(60, 60, 60))
      drawing.picture(try grids(unit, plan), top: top + plan.caption, left: left)
    }
    return drawing
  }
}
