import Figures
import Testing

@Suite struct ResultTables {
  private func cells(_ cell: String) -> String {
    String(ResultTable(headings: ["name"], rows: [[cell]]).csv.dropFirst("name\r\n".count).dropLast())
  }

  @Test(arguments: ["=1+1", "+44", "-cat.jpg", "@SUM(A1)", "\t=1", "＝1", "-", "+-3"])
  func `what a spreadsheet would compute is text`(cell: String) {
    let isNumber = Double(cell) != nil
    #expect(cells(cell) == (isNumber ? cell : "'" + cell))
  }

  @Test(arguments: ["-3.5", "+44", "-1e-07", "cat=.jpg", "a-b", "", "conv1", "é"])
  func `numbers and other names stay as they are`(cell: String) { #expect(cells(cell) == cell) }

  @Test func `commas, quotes and line ends are quoted, in a formula too`() {
    #expect(cells("a,b") == "\"a,b\"")
    #expect(cells("=HYPERLINK(\"x\",1)") == "\"'=HYPERLINK(\"\"x\"\",1)\"")
    #expect(cells("two\r\nlines") == "\"two\r\nlines\"")
  }
}
