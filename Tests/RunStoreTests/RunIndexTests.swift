import Foundation
import Images
import RunStore
import Studies
import TestSupport
import Testing

@Suite struct RunIndexes {
  let folder: TemporaryFolder
  let run: RunFolder
  private let pictures = ["a.jpg", "it's \"b\".jpg", "c.jpg"]

  init() throws {
    folder = try TemporaryFolder()
    run = try RunFolder.open(at: folder.file("run"), kind: "features", configuration: ["top": 2])
  }

  private var table: FeatureTable {
    func entry(_ image: String, _ value: Float) -> FeatureTable.Entry {
      .init(image: image, value: value, row: 1, column: 2, box: Box(top: 0, left: 1, bottom: 8, right: 9))
    }
    return FeatureTable(
      model: "tiny.onnx",
      layers: [
        .init(
          layer: "conv1",
          units: [
            .init(unit: 0, top: [entry(pictures[1], 5), entry(pictures[0], 3)]),
            .init(unit: 1, top: [entry(pictures[0], 7.25), entry(pictures[1], 1)]),
          ]),
        .init(
          layer: "conv2",
          units: [.init(unit: 0, top: [entry(pictures[1], 2)]), .init(unit: 1, top: [])]),
      ])
  }

  @Test func `a unit's peaks come strongest first`() throws {
    try run.writeIndex(table, pictures: pictures)
    let index = try RunIndex(path: run.path(of: "index.sqlite"))
    let peaks = try index.peaks(layer: "conv1", unit: 1)
    #expect(peaks.map(\.picture) == ["a.jpg", pictures[1]])
    #expect(peaks.map(\.value) == [7.25, 1] && peaks.map(\.rank) == [0, 1])
    #expect(try index.peaks(layer: "conv2", unit: 1).isEmpty)
    #expect(try index.peaks(layer: "nowhere", unit: 0).isEmpty)
  }

  @Test func `a picture's units come by rank, then layer, then unit`() throws {
    try run.writeIndex(table, pictures: pictures)
    let index = try RunIndex(path: run.path(of: "index.sqlite"))
    let rows = try index.units(excitedBy: pictures[1], limit: 10)
    #expect(rows.map { "\($0.layer) \($0.unit) \($0.rank)" } == ["conv1 0 0", "conv2 0 0", "conv1 1 1"])
    #expect(try index.units(excitedBy: pictures[1], limit: 2) == Array(rows.prefix(2)))
    #expect(try index.units(excitedBy: "c.jpg", limit: 10).isEmpty)
    #expect(try index.units(excitedBy: "'; DROP TABLE peak; --", limit: 10).isEmpty)
  }

  @Test func `the same table gives the same bytes, over whatever was there`() throws {
    try run.writeIndex(table, pictures: pictures)
    let path = URL(fileURLWithPath: run.path(of: "index.sqlite"))
    let first = try Data(contentsOf: path)
    try folder.write(Array("half an index".utf8), to: "run/index.sqlite.partial")
    try folder.write(Array("no index".utf8), to: "run/index.sqlite")
    try run.writeIndex(table, pictures: pictures)
    #expect(try Data(contentsOf: path) == first)
    #expect(!FileManager.default.fileExists(atPath: path.path + ".partial"))
  }

  @Test func `what is no index is called damaged`() throws {
    let path = try folder.write(Array("this is a text, not a database, and long enough".utf8), to: "x.sqlite")
    #expect(throws: RunError.self) { try RunIndex(path: path).peaks(layer: "conv1", unit: 0) }
    #expect(throws: RunError.self) { try RunIndex(path: folder.file("missing.sqlite")) }
  }
}
