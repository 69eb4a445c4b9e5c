import Foundation
import Images
import Networks
import Studies
import Tensors
import TestSupport
import Testing

/// An occlusion map that another program computed (`../shared/data/golden`).
@Suite(.enabled(if: SharedData.isPresent, "\(SharedData.reason)"))
struct GoldenOcclusion {
  private struct Case: Decodable {
    var image: String
    var label: Int
    var baseProb: Float
    var baseTop1: Int
    var occluder: Int
    var stride: Int
    var positions: [Int]
    var prob: [[Float]]
    var top1: [[Int]]
  }

  @Test func `SqueezeNet's occlusion map agrees with another program's`() throws {
    let bytes = try Data(
      contentsOf: URL(fileURLWithPath: SharedData.path("golden/occlusion_squeezenet1_1.json")))
    let network = try Network(onnx: SharedData.path("models/squeezenet1.1.onnx"))
    let preprocessing = try #require(network.preprocessing)
    let study = try Occlusion(network, layers: [], threads: 2)
    for each in try JSONDecoder().decode([Case].self, from: bytes) {
      let picture = try Picture(decoding: SharedData.path("images/imagenet-1000/\(each.image)"))
      let input = try picture.prepared(preprocessing).tensor
      let subject = Occlusion.Subject(input: input, cover: Tensor(input.shape), label: each.label)
      let sweeps = try study.sweep([subject], size: each.occluder, stride: each.stride)
      let map = try #require(sweeps.first?.map)
      #expect(map.rows == each.positions && map.columns == each.positions)
      #expect(abs((map.base?.probability ?? 0) - each.baseProb) <= 1e-3 && map.base?.label == each.baseTop1)
      let found = try #require(map.probability).flatMap(\.self)
      let largest = zip(found, each.prob.flatMap(\.self)).map { abs($0 - $1) }.max() ?? 1
      #expect(largest <= 1e-3, "\(largest)")
      let differing = zip(map.labels?.flatMap(\.self) ?? [], each.top1.flatMap(\.self)).count { $0 != $1 }
      #expect(differing == 0)
    }
  }
}
