public import Images

/// A figure as a list of marks, written as SVG, and drawn as pixels and as a page of a PDF.
///
/// Places are in units from the top left corner: pixels, unless ``printedWidth`` gives the figure a size on paper. What
/// hangs over the edge is cut off.
public struct Drawing: Sendable {
  /// Which end of a text stands at its place.
  public enum Anchor: String, Sendable {
    case start, middle, end

    /// The share of the text that lies before its place.
    var share: Double {
      switch self {
      case .start: 0
      case .middle: 0.5
      case .end: 1
      }
    }
  }

  /// How an SVG or a PDF keeps a picture's pixels.
  public enum Keeping: Sendable {
    /// As they are (PNG).
    case exact
    /// As a JPEG of high quality, several times smaller: for photographs.
    case photograph

    /// Of the JPEG; nil where there is none.
    var jpegQuality: Int? {
      switch self {
      case .exact: nil
      case .photograph: 92
      }
    }
  }

  enum Mark: Sendable {
    case box(
      top: Double, left: Double, rows: Double, columns: Double, fill: Colour?, stroke: Colour?, width: Double)
    case line([(row: Double, column: Double)], Colour, width: Double, dash: [Double])
    /// `top` is the upper edge of the letters.
    case text(String, top: Double, column: Double, height: Double, bold: Bool, Colour, Anchor)
    case picture(
      Picture, top: Double, left: Double, rows: Double, columns: Double, keeping: Keeping, smooth: Bool)
  }

  public let rows: Int
  public let columns: Int
  public var title: String
  public var description: String
  /// How wide the figure is on paper, in millimetres; nil for one of pixels, 96 to the inch.
  public var printedWidth: Double?
  private(set) var marks: [Mark] = []

  /// An empty drawing: its extents in units, and a title and description for those who cannot see it.
  public init(rows: Int, columns: Int, title: String, description: String, printedWidth: Double? = nil) {
    self.rows = rows
    self.columns = columns
    self.title = title
    self.description = description
    self.printedWidth = printedWidth
  }

  /// A rectangle, in units from the upper left corner; `width` is that of its edge.
  public mutating func box(
    top: Double, left: Double, rows: Double, columns: Double, fill: Colour? = nil, stroke: Colour? = nil,
    width: Double = 1
  ) {
    marks.append(
      .box(top: top, left: left, rows: rows, columns: columns, fill: fill, stroke: stroke, width: width))
  }

  /// A line through points, in units from the upper left corner; `dash` is the lengths of dashes and gaps in turn.
  public mutating func line(
    _ points: [(row: Double, column: Double)], _ colour: Colour, width: Double = 1, dash: [Double] = []
  ) {
    if points.count > 1 { marks.append(.line(points, colour, width: width, dash: dash)) }
  }

  /// A line of text whose upper edge and anchor stand at a place, in units.
  public mutating func text(
    _ text: String, top: Double, column: Double, height: Double = 12, bold: Bool = false,
    _ colour: Colour = .ink, _ anchor: Anchor = .start
  ) {
    marks.append(.text(text, top: top, column: column, height: height, bold: bold, colour, anchor))
  }

  /// The same in whole units.
  public mutating func text(
    _ text: String, top: Int, column: Int, height: Double = 12, bold: Bool = false, _ colour: Colour = .ink,
    _ anchor: Anchor = .start
  ) {
    self.text(text, top: Double(top), column: Double(column), height: height, bold: bold, colour, anchor)
  }

  /// A picture whose upper left corner stands at a place, a pixel a unit.
  public mutating func picture(_ picture: Picture, top: Int, left: Int) {
    self.picture(
      picture, top: Double(top), left: Double(left), rows: Double(picture.rows),
      columns: Double(picture.columns))
  }

  /// A picture in a rectangle, which may be smaller than its pixels are many: then it is sharp on paper.
  ///
  /// - Parameters:
  ///   - picture: The picture.
  ///   - top: The rectangle, in units from the upper left corner.
  ///   - left: The same.
  ///   - rows: The same.
  ///   - columns: The same.
  ///   - keeping: How files keep it.
  ///   - smooth: Whether a larger rectangle blends its pixels; else each is a rectangle, as cells of a map are.
  public mutating func picture(
    _ picture: Picture, top: Double, left: Double, rows: Double, columns: Double,
    keeping: Keeping = .exact, smooth: Bool = true
  ) {
    marks.append(
      .picture(
        picture, top: top, left: left, rows: rows, columns: columns, keeping: keeping, smooth: smooth))
  }

  /// Marks a rectangle as outside of a picture, by an edge and slanting lines `spacing` units apart.
  public mutating func hatch(
    top: Double, left: Double, rows: Double, columns: Double, spacing: Double = 6, width: Double = 1
  ) {
    guard rows > 0, columns > 0 else { return }
    let (bottom, right) = (top + rows, left + columns)
    // Lines on which row + column is a multiple of the spacing meet those of the rectangle beside.
    let first = ((top + left) / spacing).rounded(.down) + 1
    for sum in stride(from: first * spacing, to: bottom + right, by: spacing) {
      let (low, high) = (max(left, sum - bottom), min(right, sum - top))
      if high > low { line([(sum - low, low), (sum - high, high)], .line, width: width) }
    }
  }

  /// Adds another drawing's marks, moved.
  public mutating func add(_ other: Drawing, top down: Int, left across: Int) {
    let (down, across) = (Double(down), Double(across))
    for mark in other.marks {
      switch mark {
      case .box(let top, let left, let rows, let columns, let fill, let stroke, let width):
        box(
          top: top + down, left: left + across, rows: rows, columns: columns, fill: fill, stroke: stroke,
          width: width)
      case .line(let points, let colour, let width, let dash):
        line(points.map { ($0.row + down, $0.column + across) }, colour, width: width, dash: dash)
      case .text(let string, let top, let column, let height, let bold, let colour, let anchor):
        text(string, top: top + down, column: column + across, height: height, bold: bold, colour, anchor)
      case .picture(let shown, let top, let left, let rows, let columns, let keeping, let smooth):
        picture(
          shown, top: top + down, left: left + across, rows: rows, columns: columns, keeping: keeping,
          smooth: smooth)
      }
    }
  }

  /// How wide a line of text is, in units; zero where no text can be set.
  public static func width(of text: String, height: Double = 12, bold: Bool = false) -> Double {
    (try? Sheet.width(of: text.inOneLine, height: height, bold: bold)) ?? 0
  }

  /// A text in lines that are no wider than so many units, broken at spaces.
  public static func wrapped(
    _ text: String, width: Double, height: Double = 12, bold: Bool = false
  ) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      let longer = lines.last.map { $0 + " " + word }
      if let longer, Self.width(of: longer, height: height, bold: bold) <= width {
        lines[lines.count - 1] = longer
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  /// Where letters of a height stand below their upper edge, as a share of the height.
  static let ascent = 0.78
}

extension String {
  /// The text with a stand-in for what no line of text can hold.
  var inOneLine: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.isWritable && $0 != "\n" ? $0 : "\u{FFFD}" }))
  }
}
