internal import Foundation
public import Images

/// A figure as a list of marks, drawn alike as SVG and as pixels.
///
/// Places are in pixels from the top left corner. What hangs over the edge is cut off.
public struct Drawing: Sendable {
  /// Which end of a text stands at its place.
  public enum Anchor: String, Sendable {
    case start, middle, end
  }

  enum Mark: Sendable {
    case box(top: Double, left: Double, rows: Double, columns: Double, fill: Colour?, stroke: Colour?)
    case line([(row: Double, column: Double)], Colour, width: Double)
    /// `top` is the upper edge of the letters.
    case text(String, top: Double, column: Double, height: Double, bold: Bool, Colour, Anchor)
    case picture(Picture, top: Int, left: Int)
  }

  public let rows: Int
  public let columns: Int
  public var title: String
  public var description: String
  private(set) var marks: [Mark] = []

  /// An empty drawing: its extents in pixels, and a title and description for those who cannot see it.
  public init(rows: Int, columns: Int, title: String, description: String) {
    self.rows = rows
    self.columns = columns
    self.title = title
    self.description = description
  }

  /// A filled rectangle, in pixels from the upper left corner.
  public mutating func box(
    top: Double, left: Double, rows: Double, columns: Double, fill: Colour? = nil, stroke: Colour? = nil
  ) {
    marks.append(.box(top: top, left: left, rows: rows, columns: columns, fill: fill, stroke: stroke))
  }

  /// A line through points, in pixels from the upper left corner.
  public mutating func line(_ points: [(row: Double, column: Double)], _ colour: Colour, width: Double = 1) {
    if points.count > 1 { marks.append(.line(points, colour, width: width)) }
  }

  /// A line of text whose baseline and anchor stand at a place, in pixels.
  public mutating func text(
    _ text: String, top: Double, column: Double, height: Double = 12, bold: Bool = false,
    _ colour: Colour = .ink,
    _ anchor: Anchor = .start
  ) {
    marks.append(.text(text, top: top, column: column, height: height, bold: bold, colour, anchor))
  }

  /// The same in whole pixels.
  public mutating func text(
    _ text: String, top: Int, column: Int, height: Double = 12, bold: Bool = false, _ colour: Colour = .ink,
    _ anchor: Anchor = .start
  ) {
    self.text(text, top: Double(top), column: Double(column), height: height, bold: bold, colour, anchor)
  }

  /// A picture whose upper left corner stands at a place, in pixels; cut at the drawing's edges.
  public mutating func picture(_ picture: Picture, top: Int, left: Int) {
    marks.append(.picture(picture, top: top, left: left))
  }

  /// Adds another drawing's marks, moved.
  public mutating func add(_ other: Drawing, top: Int, left: Int) {
    let (down, across) = (Double(top), Double(left))
    for mark in other.marks {
      switch mark {
      case .box(let top, let left, let rows, let columns, let fill, let stroke):
        box(top: top + down, left: left + across, rows: rows, columns: columns, fill: fill, stroke: stroke)
      case .line(let points, let colour, let width):
        line(points.map { ($0.row + down, $0.column + across) }, colour, width: width)
      case .text(let string, let top, let column, let height, let bold, let colour, let anchor):
        text(string, top: top + down, column: column + across, height: height, bold: bold, colour, anchor)
      case .picture(let shown, let itsTop, let itsLeft):
        picture(shown, top: itsTop + top, left: itsLeft + left)
      }
    }
  }

  /// The drawing as SVG: text that can be selected, pictures inside.
  ///
  /// - Returns: A whole SVG file.
  /// - Throws: `ImageError` where a picture cannot be encoded.
  public func svg() throws(ImageError) -> String {
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(columns)" height="\(rows)" viewBox="0 0 \(columns) \(rows)" \
      font-family="DejaVu Sans, Helvetica, Arial, sans-serif" role="img">
      <title>\(title.escapedForMarkup)</title>
      <desc>\(description.escapedForMarkup)</desc>
      <rect width="100%" height="100%" fill="white"/>

      """
    for mark in marks { svg += try Self.svg(mark) + "\n" }
    return svg + "</svg>\n"
  }

  private static func svg(_ mark: Mark) throws(ImageError) -> String {
    switch mark {
    case .box(let top, let left, let rows, let columns, let fill, let stroke):
      "<rect x=\"\(left.short)\" y=\"\(top.short)\" width=\"\(columns.short)\" height=\"\(rows.short)\" "
        + "fill=\"\(fill?.hexadecimal ?? "none")\"" + (stroke.map { " stroke=\"\($0.hexadecimal)\"" } ?? "")
        + "/>"
    case .line(let points, let colour, let width):
      "<polyline fill=\"none\" stroke=\"\(colour.hexadecimal)\" stroke-width=\"\(width.short)\" "
        + "stroke-linejoin=\"round\" points=\""
        + points.map { "\($0.column.short),\($0.row.short)" }.joined(separator: " ") + "\"/>"
    case .text(let text, let top, let column, let height, let bold, let colour, let anchor):
      "<text x=\"\(column.short)\" y=\"\((top + height * 0.78).short)\" font-size=\"\(height.short)\" "
        + "fill=\"\(colour.hexadecimal)\" text-anchor=\"\(anchor.rawValue)\""
        + (bold ? " font-weight=\"bold\"" : "") + ">\(text.escapedForMarkup)</text>"
    case .picture(let picture, let top, let left):
      "<image x=\"\(left)\" y=\"\(top)\" width=\"\(picture.columns)\" height=\"\(picture.rows)\" "
        + "href=\"data:image/png;base64,\(Data(try picture.encodedPNG()).base64EncodedString())\"/>"
    }
  }

  /// The drawing as pixels.
  ///
  /// - Returns: A picture of ``rows`` x ``columns``.
  /// - Throws: `ImageError` where there is no font.
  public func picture() throws(ImageError) -> Picture {
    var canvas = Canvas(rows: rows, columns: columns)
    for mark in marks {
      switch mark {
      case .box(let top, let left, let rows, let columns, let fill, let stroke):
        if let fill { canvas.fill(top: top, left: left, rows: rows, columns: columns, fill) }
        if let stroke {
          let (bottom, right) = (top + rows, left + columns)
          canvas.line(
            [(top, left), (top, right), (bottom, right), (bottom, left), (top, left)], stroke, width: 1)
        }
      case .line(let points, let colour, let width): canvas.line(points, colour, width: width)
      case .text(let text, let top, let column, let height, let bold, let colour, let anchor):
        try canvas.text(text, top: top, column: column, height: height, bold: bold, colour, anchor)
      case .picture(let picture, let top, let left): canvas.place(picture, top: top, left: left)
      }
    }
    return canvas.picture
  }
}

extension Double {
  /// With two decimals at most, for files.
  fileprivate var short: String { short(decimals: 2) }
}
