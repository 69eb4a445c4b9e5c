internal import Foundation
public import Images

extension Drawing {
  /// The drawing as SVG: text that can be selected, pictures inside, dark where the reader prefers dark pages.
  ///
  /// Light colours are attributes of their marks and dark ones rules of a style sheet, so that a program that knows
  /// nothing of dark pages, and paper, are light.
  ///
  /// - Returns: A whole SVG file.
  /// - Throws: `ImageError` where a picture cannot be encoded.
  public func svg() throws(ImageError) -> String {
    let size = printedWidth.map { width in
      let height = width * Double(rows) / Double(columns)
      return "width=\"\(width.short)mm\" height=\"\(height.short)mm\""
    }
    var svg = """
      <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" \
      \(size ?? "width=\"\(columns)\" height=\"\(rows)\"") viewBox="0 0 \(columns) \(rows)" \
      font-family="\(Sheet.fonts)" role="img">
      <title>\(title.escapedForMarkup)</title>
      <desc>\(description.escapedForMarkup)</desc>
      \(darkStyle)
      <rect width="\(columns)" height="\(rows)"\(Self.paint(fill: .paper))/>

      """
    for mark in marks { svg += try Self.svg(mark) + "\n" }
    return svg + "</svg>\n"
  }

  /// A rule for each colour in use that another one stands for on dark pages.
  private var darkStyle: String {
    var (fills, strokes): ([Colour], [Colour]) = ([.paper], [])
    for mark in marks {
      switch mark {
      case .box(_, _, _, _, let fill, let stroke, _):
        fills += [fill].compactMap(\.self)
        strokes += [stroke].compactMap(\.self)
      case .line(_, let colour, _, _): strokes.append(colour)
      case .text(_, _, _, _, _, let colour, _): fills.append(colour)
      case .picture: break
      }
    }
    let rules = [("fill", fills), ("stroke", strokes)].flatMap { property, colours in
      Set(colours.filter { $0.dark != nil }).map { colour in
        ".\(colour.cssClass(property)){\(property):\(Colour.hexadecimal(colour.dark ?? []))}"
      }.sorted()
    }
    return "<style>@media screen and (prefers-color-scheme:dark){\(rules.joined())}</style>"
  }

  /// The attributes that paint a mark.
  private static func paint(fill: Colour?, stroke: Colour? = nil, width: Double? = nil) -> String {
    let painted = [("fill", fill), ("stroke", stroke)]
    let classes = painted.compactMap { property, colour in
      colour.flatMap { $0.dark == nil ? nil : $0.cssClass(property) }
    }
    return " fill=\"\(fill?.hexadecimal ?? "none")\"" + (stroke.map { " stroke=\"\($0.hexadecimal)\"" } ?? "")
      + (stroke == nil ? "" : width.map { " stroke-width=\"\($0.short)\"" } ?? "")
      + (classes.isEmpty ? "" : " class=\"\(classes.joined(separator: " "))\"")
  }

  private static func svg(_ mark: Mark) throws(ImageError) -> String {
    switch mark {
    case .box(let top, let left, let rows, let columns, let fill, let stroke, let width):
      "<rect x=\"\(left.short)\" y=\"\(top.short)\" width=\"\(columns.short)\" height=\"\(rows.short)\""
        + paint(fill: fill, stroke: stroke, width: width) + "/>"
    case .line(let points, let colour, let width, let dash):
      "<polyline" + paint(fill: nil, stroke: colour, width: width) + " stroke-linejoin=\"round\""
        + (dash.isEmpty
          ? "" : " stroke-dasharray=\"\(dash.map(\.short).joined(separator: " "))\"") + " points=\""
        + points.map { "\($0.column.short),\($0.row.short)" }.joined(separator: " ") + "\"/>"
    case .text(let text, let top, let column, let height, let bold, let colour, let anchor):
      "<text x=\"\(column.short)\" y=\"\((top + height * ascent).short)\""
        + " font-size=\"\(height.short)\"" + paint(fill: colour) + " text-anchor=\"\(anchor.rawValue)\""
        + (bold ? " font-weight=\"bold\"" : "") + ">\(text.escapedForMarkup)</text>"
    case .picture(let picture, let top, let left, let rows, let columns, let keeping, let smooth):
      "<image x=\"\(left.short)\" y=\"\(top.short)\" width=\"\(columns.short)\" height=\"\(rows.short)\" "
        + "preserveAspectRatio=\"none\"" + (smooth ? "" : " image-rendering=\"pixelated\"")
        + " xlink:href=\"\(try address(picture, keeping))\"/>"
    }
  }

  private static func address(_ picture: Picture, _ keeping: Keeping) throws(ImageError) -> String {
    if let quality = keeping.jpegQuality {
      return "data:image/jpeg;base64,\(Data(try picture.encodedJPEG(quality: quality)).base64EncodedString())"
    }
    return "data:image/png;base64,\(Data(try picture.encodedPNG()).base64EncodedString())"
  }
}

extension Colour {
  fileprivate func cssClass(_ property: String) -> String { "\(property)-\(hexadecimal.dropFirst())" }
}

extension Double {
  /// With two decimals at most, for files.
  fileprivate var short: String { short(decimals: 2) }
}
