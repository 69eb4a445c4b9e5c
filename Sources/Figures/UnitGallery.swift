internal import Foundation

/// The units of one layer as cards of a page: pictures side by side, each of which opens larger.
///
/// What the page shows is in files of the run's folder: a script with the layer's data, loaded when its section comes into
/// view; a plain page that needs no script; and pictures of units and of whole images.
public struct UnitGallery: Sendable {
  /// One of a unit's strongest activations.
  public struct Entry: Sendable {
    /// The picture's place among the gallery's ``UnitGallery/images``.
    public var image: Int
    public var value: String
    public var row: Int
    public var column: Int
    /// Top, left, bottom and right of the receptive field, in pixels of the whole picture.
    public var box: [Int]
    /// The same four edges of the picture's part in its tile; the rest of the tile is outside.
    public var inside: [Int]

    public init(image: Int, value: String, row: Int, column: Int, box: [Int], inside: [Int]) {
      (self.image, self.value, self.row, self.column) = (image, value, row, column)
      (self.box, self.inside) = (box, inside)
    }
  }

  /// A unit, which has a card.
  public struct Unit: Sendable {
    public var unit: Int
    public var caption: String
    /// The path of its pictures in the run, each a square grid of tiles, without the ends of their names; nil where there
    /// is nothing to show: `.jpg` projections, `.webp` patches, `-fitted.jpg` other projections, `-views.webp` their
    /// patches and beside them a third grid.
    public var file: String?
    public var strongest: Double
    public var active: Double
    public var selectivity: Double
    /// What a search finds beside its number: classes.
    public var words: [String]
    public var entries: [Entry]

    public init(
      unit: Int, caption: String, file: String?, strongest: Double, active: Double, selectivity: Double,
      words: [String], entries: [Entry]
    ) {
      (self.unit, self.caption, self.file, self.strongest) = (unit, caption, file, strongest)
      (self.active, self.selectivity, self.words, self.entries) = (active, selectivity, words, entries)
    }
  }

  /// A picture that some unit was excited by.
  public struct Image: Sendable {
    /// What the user calls it.
    public var path: String
    /// The small picture's path in the run.
    public var file: String
    /// The extents of the whole picture.
    public var rows: Int
    public var columns: Int

    public init(path: String, file: String, rows: Int, columns: Int) {
      (self.path, self.file, self.rows, self.columns) = (path, file, rows, columns)
    }
  }

  /// How grids of tiles lie in the pictures of units, in pixels.
  public struct Layout: Sendable {
    public var side: Int
    public var tile: (rows: Int, columns: Int)
    public var gap: Int
    public var gutter: Int

    public init(side: Int, tile: (rows: Int, columns: Int), gap: Int, gutter: Int) {
      (self.side, self.tile, self.gap, self.gutter) = (side, tile, gap, gutter)
    }

    var rows: Int { side * (tile.rows + gap) - gap }
    var columns: Int { side * (tile.columns + gap) - gap }
    /// Small tiles are drawn as squares that can be seen.
    var scale: Int { max(1, 36 / max(tile.rows, tile.columns)) }
  }

  public var layer: String
  /// The path of the layer's script and plain page in the run, without their endings.
  public var file: String
  /// What the section says first: how many of how many units, and what is seen.
  public var note: String
  /// Figures for print, by their paths in the run.
  public var sheets: [String]
  public var layout: Layout
  public var images: [Image]
  /// The best first.
  public var units: [Unit]

  public init(
    layer: String, file: String, note: String, sheets: [String], layout: Layout, images: [Image],
    units: [Unit]
  ) {
    (self.layer, self.file, self.note, self.sheets) = (layer, file, note, sheets)
    (self.layout, self.images, self.units) = (layout, images, units)
  }

  /// What stands in the page: a place for the cards, which the script fills.
  func placeholder() -> String {
    let list = (file + ".html").escapedForAddress
    let links = sheets.enumerated().map { index, sheet in
      "<a href=\"\(sheet.escapedForAddress)\">sheet\(sheets.count > 1 ? " \(index + 1)" : "")</a>"
    }
    return """
      <p>\(note.escapedForMarkup) <a href="\(list)">As a list</a>\(links.map { ", " + $0 }.joined()).</p>
      <div class="cards" data-layer="\(layer.escapedForAddress)" data-script="\((file + ".js").escapedForAddress)" \
      data-units="\(units.count)" data-width="\((2 * layout.columns + layout.gutter) * layout.scale)" \
      data-height="\(layout.rows * layout.scale)"></div>
      """
  }

  /// The layer's script: its data, handed to the page.
  public func script() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(Data(self))
    return "switchbackLayer(\(String(decoding: data, as: UTF8.self)))\n"
  }

  /// What the script holds.
  private struct Data: Encodable {
    struct Unit: Encodable {
      var n: Int
      var caption: String
      var file: String?
      var max: Double
      var active: Double
      var selectivity: Double
      var words: String
      /// Image, row, column, the box's four edges, and those of the part inside the picture.
      var at: [[Int]]
      var values: [String]
    }

    struct Image: Encodable {
      var path: String
      var file: String
      var rows: Int
      var columns: Int
    }

    var layer: String
    var side: Int
    var rows: Int
    var columns: Int
    var gap: Int
    var gutter: Int
    var scale: Int
    var images: [Image]
    var units: [Unit]

    init(_ gallery: UnitGallery) {
      let layout = gallery.layout
      layer = gallery.layer
      (side, rows, columns) = (layout.side, layout.tile.rows, layout.tile.columns)
      (gap, gutter, scale) = (layout.gap, layout.gutter, layout.scale)
      images = gallery.images.map {
        Image(path: $0.path, file: $0.file.escapedForAddress, rows: $0.rows, columns: $0.columns)
      }
      units = gallery.units.map { unit in
        Unit(
          n: unit.unit, caption: unit.caption, file: unit.file?.escapedForAddress, max: unit.strongest,
          active: unit.active, selectivity: unit.selectivity, words: unit.words.joined(separator: "\n"),
          at: unit.entries.map { [$0.image, $0.row, $0.column] + $0.box + $0.inside },
          values: unit.entries.map(\.value))
      }
    }
  }

  /// The layer's plain page: every unit with its picture and its numbers, without a script.
  ///
  /// - Parameter title: Of the run.
  /// - Returns: A whole HTML file.
  public func page(title: String) -> String {
    let up = String(repeating: "../", count: file.count { $0 == "/" })
    let units = units.map { unit in
      let pictures = unit.file.map { file in
        let shown = [(".jpg", "projections"), (".webp", "patches")].map { ending, name in
          let address = up + (file + ending).escapedForAddress
          return
            "<a href=\"\(address)\"><img loading=\"lazy\" src=\"\(address)\" width=\"\(layout.columns * layout.scale)\" "
            + "height=\"\(layout.rows * layout.scale)\" alt=\"\(name)\"></a>"
        }
        return "<p>" + shown.joined(separator: " ") + "</p>"
      }
      let rows = unit.entries.enumerated().map { rank, entry in
        let image = images[entry.image]
        return "<tr><td>\(rank + 1)</td><td>\(entry.value)</td><td><a href=\""
          + "\(up + image.file.escapedForAddress)\">\(image.path.escapedForMarkup)</a></td><td>\(entry.row), "
          + "\(entry.column)</td><td>\(entry.box.map(String.init).joined(separator: ", "))</td></tr>"
      }
      return "<section id=\"\(unit.unit)\"><h2>unit \(unit.unit)</h2><p>\(unit.caption.escapedForMarkup)</p>"
        + (pictures ?? "") + "<div class=\"wide\"><table><thead><tr>"
        + ["rank", "value", "image", "row, column", "box: top, left, bottom, right"].map {
          "<th scope=\"col\">\($0)</th>"
        }.joined() + "</tr></thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></div></section>"
    }
    return RunPage.document(
      title: "\(layer) · \(title)", style: RunPage.style,
      body: """
        <header><h1>\(layer.escapedForMarkup)</h1><p>\(note.escapedForMarkup) \
        <a href="\(up)index.html">The run's page</a></p></header>
        <main>
        \(units.joined(separator: "\n"))
        </main>
        """)
  }
}
