import Figures
import Testing

@Suite struct ResultTables {
  @Test func `commas, quotes and ends of lines stand in quotes`() {
    #expect(
      ResultTable(headings: ["a", "b"], rows: [["1,5", "x\"y"], ["n\nm", ""]]).csv
        == "a,b\r\n\"1,5\",\"x\"\"y\"\r\n\"n\nm\",\r\n")
  }

  @Test func `a name is no formula, and a number stays one`() {
    let names = ["=1+1.png", "@SUM(1).png", "-a", "+cmd|' /C calc'!A0", "-1+cmd|x", "\t=1"]
    let plain = ["-1.5", "+2", "-1e-5", "-inf", "-", "-0.1 ± 0.2", "-20...20/5", "a=b", ""]
    let table = ResultTable(headings: ["name"], rows: (names + plain).map { [$0] })
    #expect(
      table.csv
        == (["name"] + names.map { "'" + $0 } + plain).map { $0 + "\r\n" }.joined())
  }

  @Test func `a row of Markdown is one line, whatever its names hold`() {
    let table = ResultTable(headings: ["a", "b"], rows: [["x\ny", "p|q"]])
    #expect(table.markdown == "| a | b |\n|---|---|\n| x y | p\\|q |\n")
  }

  @Test func `what was written as CSV is read back, and what is torn is not`() throws {
    let rows = [["1,5", "x\"y"], ["n\nm", ""], ["=1+1.png", "-1.5"], ["'quoted'", "\"\""], ["", ""]]
    let table = ResultTable(headings: ["a,", "b"], rows: rows)
    let read = try #require(ResultTable(csv: table.csv, most: 100))
    #expect(read.headings == table.headings && read.rows == rows)
    #expect(ResultTable(csv: "\u{FEFF}" + table.csv, most: 2)?.rows == Array(rows.prefix(2)))
    #expect(ResultTable(csv: "a,b\n1,2", most: 9)?.rows == [["1", "2"]])
    for torn in ["", "a,b\n\"1,2", "a,b\n1", "a,b\n1,2,3\n"] {
      #expect(ResultTable(csv: torn, most: 9) == nil, "\(torn)")
    }
  }
}
