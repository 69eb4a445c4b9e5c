/// Rows of a result under headings, written as Markdown or CSV.
public struct ResultTable: Sendable {
  public var headings: [String]
  public var rows: [[String]]

  /// A table of as many cells a row as there are headings.
  public init(headings: [String], rows: [[String]]) {
    for row in rows {
      precondition(row.count == headings.count, "\(row.count) cells under \(headings.count) headings")
    }
    self.headings = headings
    self.rows = rows
  }

  public var markdown: String {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    return line(headings) + "|" + String(repeating: "---|", count: headings.count) + "\n"
      + rows.map(line).joined()
  }

  /// As RFC 4180 has it: cells with commas, quotes or line ends stand in quotes.
  ///
  /// A cell that a spreadsheet would compute, as a picture named `=HYPERLINK(...)`, begins with an apostrophe, which makes
  /// it text there. Numbers stay as they are.
  public var csv: String {
    ([headings] + rows).map { row in
      row.map { cell in
        let text = cell.isFormula ? "'" + cell : cell
        return text.unicodeScalars.contains(where: { ",\"\n\r".unicodeScalars.contains($0) })
          ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
      }.joined(separator: ",") + "\r\n"
    }.joined()
  }
}

extension String {
  /// Whether a spreadsheet takes it for a formula.
  fileprivate var isFormula: Bool {
    guard let first = unicodeScalars.first, "=+-@\t\r\n＝＋－＠".unicodeScalars.contains(first) else {
      return false
    }
    return Double(self) == nil
  }
}
