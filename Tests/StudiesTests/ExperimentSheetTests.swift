import Figures
import Foundation
import Images
import Networks
import Studies
import Testing

@Suite struct ExperimentSheets {
  private func table() throws -> AblationTable {
    func errors(_ value: Double) -> Ablation.Errors {
      .init(trainTop1: value, top1: value + 1, top5: value / 2)
    }
    let ablation = Ablation(
      variants: [
        .init(name: "whole <1>", base: "zfnet", published: errors(33)),
        .init(name: "cut", base: "alexnet", edits: .init(removing: [3, 4]), published: errors(41)),
        .init(name: "own", base: "zfnet"),
      ], seeds: [1, 2], input: 64, width: 0.05)
    func outcome(_ name: String, _ seed: UInt64, _ value: Double) -> AblationTable.Outcome {
      .init(variant: name, seed: seed, errors: errors(value), seconds: 90)
    }
    return AblationTable(
      ablation, costs: try ablation.costs(classes: 4),
      outcomes: [
        outcome("whole <1>", 1, 60), outcome("whole <1>", 2, 62), outcome("cut", 1, 40), outcome("own", 1, 7),
      ])
  }

  @Test func `a table of variants has the paper's columns, deviations and the published errors`() throws {
    let lines = try table().lines
    #expect(
      lines.headings.prefix(6) == [
        "variant", "architecture", "train top-1 error %", "val top-1 error %", "val top-5 error %",
        "published",
      ])
    #expect(
      lines.rows.map { Array($0.prefix(6)) } == [
        ["whole <1>", "zfnet", "61.0 ± 1.4", "62.0 ± 1.4", "30.5 ± 0.7", "33.0 / 34.0 / 16.5"],
        ["cut", "alexnet", "40.0", "41.0", "20.0", "41.0 / 42.0 / 20.5"],
        ["own", "zfnet", "7.0", "8.0", "3.5", ""],
      ])
    #expect(lines.rows[0].suffix(2) == ["2", "90 s"])
    let order = try table().agreementLines
    #expect(order.rows.map { $0[1] } == ["0 of 1", "0 of 1", "0 of 1"])
    #expect(order.rows[0][3] == "whole <1> < cut")
  }

  @Test func `variants are drawn, a group each`() throws {
    let drawing = try table().drawing(title: "Layers")
    let svg = try drawing.svg()
    for word in ["whole &lt;1&gt;", "cut", "val top-5", "published", "61.0"] {
      #expect(svg.contains(word), "\(word)")
    }
    let picture = try drawing.picture()
    #expect((picture.rows, picture.columns) == (drawing.rows, drawing.columns))
  }

  @Test func `pairs stand side by side, four in a row, in their own proportions`() throws {
    let wide = Picture(rows: 10, columns: 40, pixels: [UInt8](repeating: 9, count: 1200))
    let pair: Drawing.Pair = ([wide, wide], "0.990", ["a.jpg", String(repeating: "b", count: 60)])
    let one = try Drawing.pairs([pair], title: "Pairs", sides: ("A", "B"))
    let five = try Drawing.pairs([pair, pair, pair, pair, pair], title: "Pairs", sides: ("A", "B"))
    #expect(five.columns == one.columns && five.rows > one.rows)
    let svg = try five.svg()
    #expect(svg.components(separatedBy: "<image").count == 11)
    #expect(svg.contains("width=\"112\" height=\"28\"") && svg.contains("0.990") && svg.contains("…bbb"))
  }
}
