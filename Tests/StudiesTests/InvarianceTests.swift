import Images
import NetworkFixtures
import Networks
import Studies
import Tensors
import Testing

@Suite struct InvarianceStudy {
  private func study(_ network: Network, border: WarpBorder = .reflect) throws -> Invariance {
    try Invariance(
      network, layers: [("maps", "hard.out"), ("fc1", "relu.out")],
      preprocessing: Preprocessing(
        resize: nil, crop: nil, scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]),
      border: border, seed: 1, threads: 2)
  }

  private func input(_ network: Network, seed: UInt64) throws -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return .random(try network.inputShape(images: 1), using: &generator)
  }

  @Test(arguments: Invariance.Change.allCases)
  func `nothing moves at the identity and something does elsewhere`(change: Invariance.Change) throws {
    let network = try TinyNetworks.classifier()
    let amounts = [change.identity, change == .flip ? 1 : change.identity + 0.75]
    let picture = try study(network).curve(
      of: input(network, seed: 2), named: "a", number: 0, under: change, by: amounts)
    let curves = InvarianceCurves(
      change: change, amounts: amounts, layers: ["maps", "fc1"], pictures: [picture])
    for layer in ["maps", "fc1"] {
      let distances = try #require(curves.pictures[0].distances[layer])
      #expect(distances[0] == 0 && distances[1] > 0, "\(layer): \(distances)")
      #expect(curves.mean[layer]?[0] == 0)
    }
    #expect(curves.pictures[0].probability?.count == 2)
  }

  @Test func `a mirrored picture shifted left is the picture shifted right, mirrored`() throws {
    var generator = SeededGenerator(seed: 3)
    let map = Tensor.random([1, 5, 7, 2], using: &generator)
    for border in [WarpBorder.reflect, .constant([0.5, -1])] {
      for columns in [-9.0, -1.5, 2, 3.25] {
        let one = map.warped(by: .flip, border: border).warped(
          by: .shift(rows: 0, columns: -columns), border: border)
        let other = map.warped(by: .shift(rows: 0, columns: columns), border: border).warped(
          by: .flip, border: border)
        #expect(zip(one.elements, other.elements).allSatisfy { abs($0 - $1) <= 1e-6 })
      }
    }
  }

  @Test func `the area is the mean height, by hand`() throws {
    let picture: InvarianceCurves.Picture = try made(
      #"{"image":"a","distances":{"l":[0,1,4]},"normalized":{"l":[0,1,4]}}"#)
    let curves = InvarianceCurves(change: .scale, amounts: [1, 2, 4], layers: ["l"], pictures: [picture])
    // (0 + 1) / 2 * 1 + (1 + 4) / 2 * 2 = 5.5 over a width of 3.
    #expect(abs((curves.area["l"] ?? 0) - 5.5 / 3) < 1e-12)
    #expect(curves.meanProbability == nil)
  }
}
