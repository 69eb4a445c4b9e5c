import Figures
import Testing

@Suite struct RunPages {
  private let hostile = "<img src=x onerror=alert(1)>&\"'"

  private func page(named name: String) -> String {
    RunPage(
      title: name, facts: [(name, name)],
      sections: [
        .init(
          title: name,
          bodies: [
            .figures([(file: "figures/" + name, columns: 3, rows: 4, description: name)]),
            .table(headings: [name], rows: [[name], ["plain"]]), .text(name),
          ])
      ]
    ).html()
  }

  @Test func `no name becomes markup`() {
    let html = page(named: hostile)
    #expect(!html.contains("<img src=x") && !html.contains("onerror=alert(1)>"))
    #expect(html.contains("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;"))
    let combined = page(named: "<\u{338}script>alert(1)</script>")
    #expect(!combined.unicodeScalars.elementsEqual(page(named: "x").unicodeScalars))
    #expect(!combined.utf8.lazy.map { UInt8($0) }.contains(sequence: Array("<\u{338}script".utf8)))
  }

  @Test func `a figure is found by its path, whatever that holds`() {
    let html = page(named: "a b/ç\"?#%.x")
    #expect(html.contains("src=\"figures/a%20b/%c3%a7%22%3f%23%25.x.png\""))
    #expect(html.contains("width=\"3\" height=\"4\""))
  }

  @Test func `nothing comes from elsewhere`() {
    let html = page(named: "conv1")
    #expect(!html.contains("http:") && !html.contains("https:") && !html.contains("src=\"//"))
    #expect(html.hasPrefix("<!doctype html>") && html.contains("<html lang=\"en\">"))
    #expect(html.contains("<td>plain</td>") && html.contains("2 rows"))
  }
}

extension Collection where Element: Equatable {
  fileprivate func contains(sequence other: [Element]) -> Bool {
    indices.contains { self[$0...].starts(with: other) }
  }
}
