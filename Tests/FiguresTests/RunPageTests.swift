import Figures
import Foundation
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

  private func gallery(named name: String) -> UnitGallery {
    UnitGallery(
      layer: name, file: "gallery/" + name, note: "1 of 9 units, " + name,
      sheets: ["figures/" + name + ".svg"],
      layout: .init(side: 3, tile: (40, 40), gap: 2, gutter: 10),
      images: [.init(path: name, file: "gallery/pictures/0.webp", rows: 30, columns: 50)],
      units: [
        .init(
          unit: 7, caption: "max 3, " + name, file: "gallery/deconvnet/" + name + "/7", strongest: 3,
          active: 0.5,
          selectivity: 0.25, words: [name],
          entries: [
            .init(image: 0, value: "3", row: 1, column: 2, box: [3, 4, 5, 6], inside: [0, 7, 40, 40])
          ])
      ])
  }

  @Test(arguments: [
    "conv1", "<img src=x onerror=alert(1)>&\"'", "a/b", "\u{2028}</script><script>alert(1)</script>",
    "a\rb\u{1}\u{85}",
  ])
  func `a gallery keeps names as they are, and none becomes markup`(name: String) throws {
    let gallery = gallery(named: name)
    let page = RunPage(title: "run", facts: [], sections: [.init(title: name, bodies: [.gallery(gallery)])])
      .html()
    let plain = gallery.page(title: name)
    for html in [page, plain] {
      #expect(
        !html.contains("<img src=x") && !html.contains("<script>alert") && !html.contains("onerror=alert(1)>")
      )
    }
    #expect(
      plain.contains("href=\"../") && plain.contains("<td>3, 4, 5, 6</td>") && !plain.contains("<script"))
    let layer = try #require(page.firstMatch(of: /data-layer="([^"]*)"/)).1
    #expect(String(layer).removingPercentEncoding == name)
    #expect(page.contains("data-units=\"1\"") && !page.contains("http:") && !page.contains("https:"))
    let script = try gallery.script()
    #expect(script.hasPrefix("switchbackLayer({") && script.hasSuffix("})\n"))
    let json = Data(script.dropFirst("switchbackLayer(".count).dropLast(2).utf8)
    let data = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    #expect(data["layer"] as? String == name)
    let units = try #require(data["units"] as? [[String: Any]])
    #expect(
      units[0]["n"] as? Int == 7 && units[0]["at"] as? [[Int]] == [[0, 1, 2, 3, 4, 5, 6, 0, 7, 40, 40]])
    let images = try #require(data["images"] as? [[String: Any]])
    #expect(images[0]["path"] as? String == name && images[0]["columns"] as? Int == 50)
  }

  @Test func `only a page with a gallery has its script`() {
    #expect(!page(named: "x").contains("switchbackLayer"))
  }

  @Test func `a figure is found by its path, whatever that holds`() {
    let html = page(named: "a b/ç\"?#%.x")
    #expect(html.contains("src=\"figures/a%20b/%c3%a7%22%3f%23%25.x.svg\""))
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
