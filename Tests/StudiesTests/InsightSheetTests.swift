import Figures
import Foundation
import Images
import NetworkFixtures
import Networks
import Studies
import Tensors
import Testing

@Suite struct InsightSheets {
  private static func picture(_ index: Int) -> Tensor {
    var generator = SeededGenerator(seed: UInt64(300 + index))
    return Tensor.random([1, 47, 53, 3], using: &generator)
  }

  @Test func `one scale shows what dominates, own scales show each filter`() {
    let filters = Tensor([2, 1, 1, 1], elements: [1, 0.1])
    let common = FilterGrid.tiles(of: filters, isBGR: false, scale: .common)
    let own = FilterGrid.tiles(of: filters, isBGR: false, scale: .own)
    #expect(common.map { $0.pixels[0] } == [255, 140])
    #expect(own.map { $0.pixels[0] } == [255, 255])
  }

  @Test func `a grid of small filters keeps their edges`() throws {
    let tiles = [0, 255].map { Picture(rows: 1, columns: 1, pixels: [$0, $0, $0]) }
    let grid = try FilterGrid.picture(of: tiles, side: 21)
    #expect((grid.rows, grid.columns) == (10, 21))
    #expect(grid.pixels[0] == 0 && grid.pixels[20 * 3] == 255)
  }

  @Test func `a model's column names what is wrong and counts what is right`() throws {
    let network = try TinyNetworks.plain()
    let study = Diagnosis(network, threads: 1)
    let report = try study.report(name: "a <b>", count: 4, input: { Self.picture($0) })
    let filters = study.banks[0].filters
    let tiles = FilterGrid.tiles(of: filters, isBGR: false, scale: .own)
    let column: DiagnosisSheet.Column = (report, tiles, tiles, [])
    let two = try DiagnosisSheet.drawing(title: "Features", columns: [column, column])
    let svg = try two.svg()
    #expect(svg.contains("a &lt;b&gt;"))
    #expect(svg.contains("projections of conv2: none to show"))
    #expect(svg.contains("of \(report.findings.count) measures are within their limits"))
    #expect(DiagnosisSheet.table(of: [report, report]).rows.count == 2 * report.findings.count)
    let picture = try two.picture()
    #expect((picture.rows, picture.columns) == (two.rows, two.columns))
  }

  @Test func `an evolution has a tile a unit and epoch, and curves a layer`() throws {
    let study = Evolution(unitsPerLayer: 2, seed: 0, threads: 1)
    let table = try study.table(
      over: [1, 2], network: { try TinyNetworks.plain(seed: UInt64($0)) }, images: ["a", "b"],
      input: { Self.picture($0) }, search: { try Evolutions.search($1, $2, count: 2) })
    let grey = Picture(rows: 9, columns: 9, pixels: [UInt8](repeating: 90, count: 243))
    let tile = EvolutionSheet.Tile(
      grey, inside: Box(top: 0, left: 0, bottom: 9, right: 9), of: (9, 9))
    let sheet = try EvolutionSheet.drawing(
      title: "Evolution", subtitle: "", epochs: table.epochs,
      layers: table.layers.map {
        (
          name: $0.layer,
          rows: $0.units.map {
            ($0.unit, [tile, nil], [false, true])
          }
        )
      })
    let svg = try sheet.svg()
    #expect(svg.components(separatedBy: "<image").count == 7)
    #expect(try EvolutionSheet.charts(of: table).svg().contains("conv3"))
    #expect(EvolutionSheet.table(of: table).rows.map { $0[0] } == ["conv1", "conv2", "conv3"])
  }
}
