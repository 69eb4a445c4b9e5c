import Foundation
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct TrustCommand {
  let workplace: Workplace

  init() throws { workplace = try Workplace() }

  private func table(_ run: String) throws -> TrustTable {
    try JSONDecoder().decode(
      TrustTable.self, from: Data(contentsOf: URL(fileURLWithPath: workplace.path(run + "/trust.json"))))
  }

  @Test func `projections are held against controls, layer by layer`() throws {
    let (model, pictures) = (try workplace.plain(), try workplace.pictures(8))
    let line = [
      "trust", model, pictures, "--units", "4", "--images", "3", "--out", workplace.path("run"), "--threads",
      "2",
    ]
    let outcome = try Command.run(line)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let found = try table("run")
    #expect(found.layers.map(\.layer) == ["conv1", "conv2", "conv3"])
    for layer in found.layers {
      #expect(layer.units <= 4 && layer.projections <= 12 && layer.projections > 0)
      #expect(
        Set(layer.controls.keys).isSubset(of: [
          "wrongSwitches", "randomSwitches", "otherUnit", "otherImage", "randomWeights", "sobel",
        ]))
      for alike in layer.controls.values { #expect(abs(alike.cosine) <= 1.0001 && abs(alike.rank) <= 1.0001) }
      #expect(
        (layer.fromTop + layer.fromBottom).allSatisfy {
          (0...1).contains($0.share) && (1...layer.projections).contains($0.projections)
        })
    }
    // A first convolution's projection is its filter: no switch lies on its way, and only its border differs by image.
    let first = try #require(found.layers.first?.controls["wrongSwitches"])
    #expect(abs(first.cosine - 1) < 1e-5 && abs(first.rank - 1) < 1e-5)
    let drawn = try #require(found.layers.first?.controls["randomSwitches"])
    #expect(abs(drawn.cosine - 1) < 1e-5)
    // Above a max pool what goes through other winners is another projection.
    #expect(try #require(found.layers.last?.controls["randomSwitches"]).cosine < 0.999)
    // With the weights of all layers shuffled, whichever way they are counted, it is one network.
    for layer in found.layers {
      let ends = [layer.fromTop, layer.fromBottom].map { $0.last { $0.share == 1 } }
      #expect(ends[0]?.cosine == ends[1]?.cosine && ends[0]?.rank == ends[1]?.rank)
    }
    #expect(outcome.output.contains("conv3: another unit's projection"))
    // Stopped before its end, it ends with the same bytes.
    let before = try workplace.contents(of: "run")
    try FileManager.default.removeItem(atPath: workplace.path("run/trust/conv2.json"))
    #expect(try Command.run(line).status == 0)
    #expect(try workplace.contents(of: "run")["trust.json"] == before["trust.json"])
    for (flag, value) in [("--units", "0"), ("--images", "1"), ("--layers", "conv9")] {
      try Command.refusal(
        ["trust", model, pictures, flag, value, "--out", workplace.path("none")],
        naming: [value == "conv9" ? value : flag])
    }
  }

  @Test func `sheets say what is left under controls where that is asked for`() throws {
    let (model, pictures) = (try workplace.plain(), try workplace.pictures(8))
    let line = ["features", model, pictures, "--layers", "conv2", "--out", workplace.path("run"), "--quiet"]
    #expect(try Command.run(line).status == 0)
    func sheet() throws -> String {
      try String(contentsOfFile: workplace.path("run/figures/conv2.svg"), encoding: .utf8)
    }
    #expect(!(try sheet().contains("Controls")))
    #expect(try Command.run(line + ["--controls"]).status == 0)
    let shown = try sheet()
    #expect(shown.contains("Controls") && shown.contains("another unit"))
    #expect(try Command.run(line).status == 0)
    #expect(!(try sheet().contains("Controls")))
  }

  @Test func `likeness is of signed values and of magnitudes' ranks`() throws {
    let one = Tensor([2, 2, 1], elements: [1, -2, 3, -4])
    let same = try #require(Similarity(one, Tensor([2, 2, 1], elements: [2, -4, 6, -8])))
    #expect(abs(same.cosine - 1) < 1e-9 && abs(same.rank - 1) < 1e-9)
    let opposite = try #require(Similarity(one, Tensor([2, 2, 1], elements: [-1, 2, -3, 4])))
    #expect(abs(opposite.cosine + 1) < 1e-9 && abs(opposite.rank - 1) < 1e-9)
    // Ranks 0, 1, 2, 3 against 3, 1.5, 1.5, 0, by hand: -4.5 over the root of 5 times 4.5.
    let ties = try #require(Similarity(one, Tensor([2, 2, 1], elements: [9, 2, 2, 1])))
    #expect(abs(ties.rank + 4.5 / (5 * 4.5).squareRoot()) < 1e-9)
    #expect(Similarity(one, Tensor([2, 2, 1])) == nil && Similarity(one, Tensor([4, 1, 1])) == nil)
  }
}
