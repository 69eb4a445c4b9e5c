import Files
import Foundation
import Images
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct WhyCommand {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  private func finding(_ run: String, _ name: String) throws -> Why.Finding {
    try JSONDecoder().decode(
      Why.Finding.self,
      from: Data(contentsOf: URL(fileURLWithPath: workplace.path("\(run)/why/\(name).json"))))
  }

  @Test func `units that carry a decision stand with their place and their patches`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(6))
    let features = try Command.run([
      "features", model, pictures, "--out", workplace.path("features"), "--quiet",
    ])
    #expect(features.status == 0, "\(features.errors)")
    for by in ["relevance", "conductance", "deeplift"] {
      let line = [
        "why", workplace.path("features"), pictures, "--class", "cat", "--by", by, "--units", "3", "--out",
        workplace.path(by),
      ]
      let outcome = try Command.run(line)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("cat") && outcome.output.contains("conv2"))
      let files = try workplace.contents(of: by)
      #expect(files["figures/0.svg"] != nil && files["index.html"] != nil)
      for name in ["0", "1", "2", "3", "4", "5"] {
        let found = try finding(by, name)
        #expect(found.class == 1 && found.layers.map(\.layer) == ["conv1", "conv2"])
        let arrays = try SafeTensors(reading: workplace.path("\(by)/why/\(name).safetensors")).tensors
        for layer in found.layers {
          let sums = try #require(arrays[layer.layer]).elements
          // The shown ones are the largest of all, in order.
          let largest = sums.indices.filter { sums[$0] > 0 }.sorted { sums[$0] > sums[$1] }.prefix(3)
          #expect(layer.units.map(\.unit) == Array(largest))
          #expect(abs(layer.sum - sums.reduce(0) { $0 + Double($1) }) <= 1e-4 * max(abs(layer.sum), 1))
          for unit in layer.units {
            let map = try #require(arrays["\(layer.layer):\(unit.unit)"])
            #expect(map.shape == [16, 20] && map.elements.allSatisfy(\.isFinite))
            // Beside a baseline a unit can add by being quieter than it was there.
            #expect(unit.activation > 0 || (unit.activation == 0 && by != "relevance"))
          }
          // Every path passes both layers, so their units share all of the difference.
          if by != "relevance" { #expect(try #require(layer.error) < 0.02, "\(by) \(layer.layer)") }
        }
      }
      let before = try workplace.contents(of: by)
      try FileManager.default.removeItem(atPath: workplace.path("\(by)/why/2.json"))
      #expect(try Command.run(line).status == 0)
      #expect(try workplace.contents(of: by)["why/2.json"] == before["why/2.json"])
    }
    // A unit is explained too, by the layers before it.
    let unit = try Command.run([
      "why", workplace.path("features"), pictures, "--unit", "conv2:3", "--out", workplace.path("unit"),
      "--quiet",
    ])
    #expect(unit.status == 0, "\(unit.errors)")
    let own = try finding("unit", "0")
    #expect(own.unit == "conv2:3" && own.class == nil && own.layers.map(\.layer) == ["conv1"])
    for (arguments, words) in [
      (["--unit", "conv1:0"], ["no layer"]), (["--layers", "conv9"], ["conv9"]),
      (["--layers", "fc"], ["fc", "conv2"]),
      (["--class", "caat"], ["cat"]),
      (["--units", "0"], ["--units"]), (["--by", "magic"], ["magic"]),
    ] {
      try Command.refusal(
        ["why", workplace.path("features"), pictures, "--out", workplace.path("none")] + arguments,
        naming: words)
      #expect(!FileManager.default.fileExists(atPath: workplace.path("none")))
    }
    try Command.refusal(
      ["why", pictures, pictures, "--out", workplace.path("none")], naming: ["not a run of 'features'"])
  }

  @Test func `images by relevance are those in which a unit adds the most`() throws {
    let (model, pictures) = (try workplace.whole(), try workplace.pictures(9))
    let line = [
      "features", model, pictures, "--top", "4", "--by", "relevance", "--class", "cat", "--out",
      workplace.path("features"),
    ]
    let outcome = try Command.run(line)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let path = workplace.path("features/relevance-cat/relevance.json")
    func table() throws -> RelevantPictures.Table {
      try JSONDecoder().decode(
        RelevantPictures.Table.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
    let found = try table()
    #expect(found.layers.map(\.layer) == ["conv1", "conv2"] && found.label == "cat")
    // The same units, image by image.
    let why = try Command.run([
      "why", workplace.path("features"), pictures, "--class", "cat", "--out", workplace.path("why"),
      "--quiet",
    ])
    #expect(why.status == 0, "\(why.errors)")
    let names = (0..<9).map { "\($0)" }
    var added: [String: [[Float]]] = [:]
    for name in names {
      let arrays = try SafeTensors(reading: workplace.path("why/why/\(name).safetensors")).tensors
      for layer in ["conv1", "conv2"] {
        added[layer, default: []].append(try #require(arrays[layer]).elements)
      }
    }
    for layer in found.layers {
      let sums = try #require(added[layer.layer])
      for unit in layer.units {
        let expected = names.indices.filter { sums[$0][unit.unit] > 0 }.sorted {
          sums[$0][unit.unit] > sums[$1][unit.unit]
        }.prefix(4)
        #expect(
          unit.top.map { String($0.image.prefix { $0 != "." }) } == expected.map { "\($0)" },
          "\(layer.layer):\(unit.unit)")
        for (entry, image) in zip(unit.top, expected) {
          let sum = sums[image][unit.unit]
          #expect(abs(entry.relevance - sum) <= 1e-4 * max(abs(sum), 1e-3) && entry.share <= 1)
          #expect(entry.box.top < entry.box.bottom && entry.box.left < entry.box.right)
        }
        #expect(unit.shared <= unit.top.count)
      }
    }
    // What was found is kept, and one document is printed.
    let before = try workplace.contents(of: "features/relevance-cat")
    #expect(before["figures/conv2.svg"] != nil)
    try FileManager.default.removeItem(atPath: workplace.path("features/relevance-cat/relevance/0.json"))
    let again = try Command.run(line + ["--json", "--threads", "1"])
    #expect(again.status == 0, "\(again.errors)")
    #expect(try JSONSerialization.jsonObject(with: Data(again.output.utf8)) is [String: Any])
    #expect(
      try workplace.contents(of: "features/relevance-cat")["relevance.json"] == before["relevance.json"])
    try Command.refusal(
      ["features", model, pictures, "--class", "cat", "--out", workplace.path("none")], naming: ["--by"])
    try Command.refusal(
      ["features", model, pictures, "--by", "relevance", "--search-only", "--out", workplace.path("none")],
      naming: ["--search-only"])
  }
}
