import Attribution
import Files
import Foundation
import Networks
import Tensors
import TestSupport
import Testing

/// Every method against what independent packages say in float64, of five small networks (`Goldens/make.py`).
@Suite struct AttributionGoldens {
  struct Golden: Decodable, CustomTestStringConvertible, Sendable {
    struct Source: Decodable, Sendable {
      var sources: [String]
      /// Of the array's largest magnitude.
      var tolerance: Double
    }

    var name: String
    var model: String
    var arrays: String
    var value: String
    var `class`: Int
    var score: Double
    /// The value whose maps the cameras show.
    var layer: String
    var points: Int
    var methods: [String: Source]

    var testDescription: String { name }
  }

  private static func path(_ file: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Goldens/\(file)", withExtension: nil)).path
  }

  static func all() throws -> [Golden] {
    struct File: Decodable { var networks: [Golden] }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path("goldens.json")))
    return try JSONDecoder().decode(File.self, from: bytes).networks
  }

  @Test(arguments: try all())
  func `methods agree with independent packages`(_ golden: Golden) throws {
    let network = try Network(onnx: Self.path(golden.model))
    let arrays = try SafeTensors(reading: Self.path(golden.arrays)).tensors
    func array(_ name: String) throws -> Tensor { try #require(arrays[name], "\(name)") }
    func placed(_ name: String) throws -> Tensor {
      let one = try array(name)
      return one.reshaped(to: Shape([1] + one.shape.dimensions))
    }
    let (input, baseline) = (try placed("input"), try placed("baseline"))
    var settings = Explainer.Settings(
      baseline: baseline, cover: baseline,
      range: (try array("low").elements, try array("high").elements))
    settings.points = golden.points
    settings.layer = golden.layer
    let explainer = try Explainer(
      network, target: .score(value: golden.value, index: golden.class), threads: 2)
    var compared = 0
    for (name, source) in golden.methods.sorted(by: { $0.key < $1.key }) {
      let method = try #require(Method(rawValue: name))
      let expected = try array(name)
      let found: [Float]
      if method.isMap {
        // Before they are placed on pixels: what every position of the maps adds.
        found = try explainer.grid(of: input, by: method, settings).elements
      } else {
        let explanation = try explainer.explain(input, by: method, settings)
        #expect(explanation.values.shape == expected.shape)
        #expect(abs(Double(explanation.score) - golden.score) <= 1e-4 * max(abs(golden.score), 1))
        found = explanation.values.elements
      }
      let largest = Double(expected.elements.map(abs).max() ?? 0)
      let difference = largestDifference(found, expected.elements.map(Double.init)) / largest
      #expect(
        difference <= source.tolerance,
        "\(golden.name) \(name): \(difference) of the largest, for \(source.sources.joined(separator: ", "))")
      compared += 1
    }
    #expect(compared == golden.methods.count && compared >= 12)
  }
}
