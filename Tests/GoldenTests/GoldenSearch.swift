import Datasets
import Execution
import Foundation
import Images
import Networks
import Peaks
import Synchronization
import Tensors
import TestSupport
import Testing

/// Searches and labels that other programs computed over the same thousand pictures.
@Suite(.enabled(if: SharedData.isPresent, "\(SharedData.reason)"))
struct GoldenSearch {
  private struct TopNine: Decodable {
    var images: [String]
    var top9: [String: [[[Double]]]]
  }

  @Test func `the nine strongest pictures of every AlexNet unit agree with another program's`() throws {
    let bytes = try Data(
      contentsOf: URL(fileURLWithPath: SharedData.path("golden/alexnet_top9_imagenet1000.json")))
    let golden = try JSONDecoder().decode(TopNine.self, from: bytes)
    let network = try Network(onnx: SharedData.path("models/alexnet-conv.onnx"))
    let preprocessing = try #require(network.preprocessing)
    let folder = try PictureFolder(SharedData.path("images/imagenet-1000"))
    let layers = network.featureLayers()
    let search = try PeakSearch(network, values: layers.map(\.featureMaps), threads: 2)
    let units = try layers.map { layer in
      let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
      return (layer.featureMaps, shapes[layer.featureMaps]?.channels ?? 0)
    }
    let start = PeakSearch.State(peaks: PeakTable(units: units, keeping: 9))
    let state = try search.run(
      from: start, count: folder.files.count,
      input: { id in
        try Picture(decoding: folder.fullPath(of: folder.files[id])).prepared(preprocessing).tensor
      }, observe: { _ in true })
    var entries = 0
    var agreeing = 0
    for layer in layers {
      let expected = try #require(golden.top9[layer.name])
      let found = try #require(state.peaks.layers[layer.featureMaps])
      for (unit, nine) in expected.enumerated() {
        for (rank, entry) in nine.enumerated() {
          entries += 1
          let peak = found.units[unit][rank]
          if abs(Double(peak.value) - entry[3]) <= 1e-3 * abs(entry[3]) { agreeing += 1 }
        }
      }
    }
    #expect(entries == 10_368)
    #expect(Double(agreeing) >= 0.99 * Double(entries), "\(agreeing) of \(entries)")
  }

  @Test func `SqueezeNet labels the thousand pictures as another program does`() throws {
    let table = try String(
      contentsOfFile: SharedData.path("golden/squeezenet1_1_predictions.tsv"), encoding: .utf8)
    let lines = table.split(separator: "\n").dropFirst().map { $0.split(separator: "\t") }
    let expected = Dictionary(
      uniqueKeysWithValues: lines.map { (String($0[0]), $0[2].split(separator: ",").compactMap { Int($0) }) })
    let network = try Network(onnx: SharedData.path("models/squeezenet1.1.onnx"))
    let preprocessing = try #require(network.preprocessing)
    let folder = try PictureFolder(SharedData.path("images/imagenet-1000"))
    let scores = try #require(network.scores)
    let runner = try Runner(network, keeping: [scores])
    let found = Mutex([Int: [Int]]())
    try runner.run(
      over: 0..<folder.files.count,
      input: { try Picture(decoding: folder.fullPath(of: folder.files[$0])).prepared(preprocessing).tensor }
    ) { trace in
      guard let values = trace[scores]?.elements else { return }
      let order = values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
      found.withLock { $0[trace.images[0]] = Array(order.prefix(5)) }
    }
    let labels = found.withLock { $0 }
    let differing = Dataset(folder).items.filter { file in
      labels[file.id]?.first != expected[file.path]?.first
        || Set(labels[file.id] ?? []) != Set(expected[file.path] ?? [])
    }
    #expect(labels.count == 1000)
    #expect(differing.count <= 2, "\(differing.map(\.path))")
  }
}
