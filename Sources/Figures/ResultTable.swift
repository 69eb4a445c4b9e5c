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
      "| "
        + cells.map {
          $0.replacing("|", with: "\\|").split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .joined(separator: " ")
        }.joined(separator: " | ") + " |\n"
    }
    return line(headings) + "|" + String(repeating: "---|", count: headings.count) + "\n"
      + rows.map(line).joined()
  }

  /// In columns for a terminal, two spaces apart; those of numbers are aligned at their ends.
  package var aligned: String {
    let lines = [headings] + rows
    let widths = headings.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let areNumbers = headings.indices.map { column in
      !rows.isEmpty
        && rows.allSatisfy {
          $0[column].isEmpty || $0[column].first?.isNumber == true || $0[column].first == "-"
        }
    }
    return lines.map { line in
      let cells = line.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - line[column].count)
        return areNumbers[column] ? space + line[column] : line[column] + space
      }
      let text = cells.joined(separator: "  ")
      return String(text.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  /// As RFC 4180 has it: cells with commas, quotes or line ends stand in quotes.
  ///
  /// A name that a spreadsheet would take for a formula, such as a picture's `=1+1.png`, stands behind an apostrophe, which
  /// spreadsheets read as "this is text".
  public var csv: String {
    ([headings] + rows).map { row in
      row.map { cell in
        let text = Self.isFormula(cell) ? "'" + cell : cell
        return text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline })
          ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
      }.joined(separator: ",") + "\r\n"
    }.joined()
  }

  fileprivate static func isFormula(_ cell: String) -> Bool {
    guard let first = cell.unicodeScalars.first, Double(cell) == nil else { return false }
    // Numbers with a sign, also beside others, are no formulas.
    return "=@\t\r".unicodeScalars.contains(first)
      || "+-".unicodeScalars.contains(first) && cell.contains { $0.isLetter || "(|!".contains($0) }
  }
}

extension ResultTable {
  /// The table of a text that ``csv`` has written; nil where a quote is not closed, or a row has not as many cells as there
  /// are headings.
  ///
  /// - Parameters:
  ///   - text: The text; a byte order mark at its start is passed over.
  ///   - most: No more rows are read.
  package init?(csv text: String, most: Int) {
    var rows: [[String]] = []
    var (row, cell, isQuoted) = ([String](), "", false)
    func plain(_ cell: String) -> String {
      cell.first == "'" && Self.isFormula(String(cell.dropFirst())) ? String(cell.dropFirst()) : cell
    }
    var rest = text[...]
    if rest.first == "\u{FEFF}" { rest = rest.dropFirst() }
    while rows.count <= most, let next = rest.popFirst() {
      if isQuoted {
        if next != "\"" {
          cell.append(next)
        } else if rest.first == "\"" {
          cell.append(rest.removeFirst())
        } else {
          isQuoted = false
        }
      } else if next == "\"", cell.isEmpty {
        isQuoted = true
      } else if next == "," || next.isNewline {
        row.append(plain(cell))
        cell = ""
        if next.isNewline {
          rows.append(row)
          row = []
        }
      } else {
        cell.append(next)
      }
    }
    guard !isQuoted else { return nil }
    if !row.isEmpty || !cell.isEmpty { rows.append(row + [plain(cell)]) }
    guard let headings = rows.first, rows.allSatisfy({ $0.count == headings.count }) else { return nil }
    self.init(headings: headings, rows: Array(rows.dropFirst().prefix(most)))
  }
}
