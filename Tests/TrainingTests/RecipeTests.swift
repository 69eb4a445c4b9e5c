import Datasets
import Execution
import Images
import Kernels
import Networks
import Tensors
import Testing
import Training

@Suite struct Recipes {
  @Test func `a plateau's rate falls to a tenth where the error stalls, three times at the most`() {
    let recipe = Recipe()
    var annealing = Annealing()
    #expect(annealing.rate(recipe, epoch: 0, share: 0) == 0.01)
    annealing.note(0.5)
    let early = (0..<4).map { _ in annealing.note(0.5) }
    #expect(early == [false, false, false, false])
    let fifth = annealing.note(0.6)
    #expect(fifth)
    #expect(annealing.rate(recipe, epoch: 6, share: 0) == 0.01 * (1 / 10))
    annealing.note(0.4)
    let falls = (0..<40).count { _ in annealing.note(0.4) }
    #expect(falls == 2)
  }

  @Test func `steps come after thirds, and the cosine ends at zero`() {
    var recipe = Recipe()
    recipe.epochs = 9
    recipe.schedule = .step
    let rates = (0..<9).map { Annealing().rate(recipe, epoch: $0, share: 0.5) }
    #expect(Set(rates[0..<3]) == [0.01])
    #expect(rates[3] < 0.0011 && rates[3] > 0.0009 && rates[6] < 0.00011)
    recipe.schedule = .cosine
    #expect(Annealing().rate(recipe, epoch: 0, share: 0) == 0.01)
    #expect(abs(Annealing().rate(recipe, epoch: 4, share: 0.5) - 0.005) < 1e-6)
    #expect(Annealing().rate(recipe, epoch: 9, share: 0) < 1e-8)
  }

  @Test func `numbers that no training can follow are refused`() {
    for spoil in [
      { $0.rate = 0 }, { $0.rate = .nan }, { $0.epochs = 0 }, { $0.batch = 0 }, { $0.momentum = 1 },
      { $0.weightDecay = -1 }, { $0.filterLimit = 0 }, { $0.stepsBetweenCheckpoints = 0 },
    ] as [(inout Recipe) -> Void] {
      var recipe = Recipe()
      spoil(&recipe)
      #expect(throws: TrainingError.self) { try recipe.check() }
    }
    #expect(throws: Never.self) { try Recipe().check() }
  }

  @Test func `ten crops are the corners and the centre, and their mirror images`() throws {
    // Each pixel says where it is.
    let pixels = (0..<60).flatMap { place -> [UInt8] in [UInt8(place / 10), UInt8(place % 10), 0] }
    let picture = Picture(rows: 6, columns: 10, pixels: pixels)
    let preprocessing = Preprocessing(resize: nil, crop: .init(center: 4))
    let corners = try Placement.ten.map { placement in
      let pixels = try picture.prepared(preprocessing, at: placement).tensor.elements
      return [pixels[0], pixels[1], pixels[9], pixels[10]]
    }
    // The central square is columns 2 to 7: row and column of the crop's first pixel, and of its row's last.
    let expected: [[Float]] = [
      [0, 2, 0, 5], [0, 4, 0, 7], [2, 2, 2, 5], [2, 4, 2, 7], [1, 3, 1, 6],
    ]
    #expect(Array(corners[..<5]) == expected)
    #expect(Array(corners[5...]) == expected.map { [$0[0], $0[3], $0[2], $0[1]] })
    let centre = try picture.prepared(preprocessing)
    #expect(centre.framing.cropTop == 1 && centre.framing.cropLeft == 3)
  }

  @Test func `the pixel mean goes with the network and takes it to zero`() throws {
    let pictures = Squares(12, seed: 3, unreadable: [4])
    let network = try Trainers.network()
    let preprocessing = try #require(network.preprocessing)
    let mean = try #require(try pixelMean(of: pictures, preprocessing, threads: 2))
    #expect(mean.shape == [1, 16, 16, 3])
    let centred = try network.subtracting(mean)
    let runner = try Runner(centred, keeping: ["input.centred"], threads: 1)
    var sum = [Float](repeating: 0, count: mean.shape.count)
    for id in 0..<12 {
      guard let picture = try pictures.picture(id) else { continue }
      let value = try #require(try runner.forward(picture.prepared(preprocessing).tensor)["input.centred"])
      for (index, element) in value.elements.enumerated() { sum[index] += element }
    }
    #expect(sum.allSatisfy { abs($0) < 1e-4 })
    // Its gradient walks through the subtraction.
    let picture = try #require(try pictures.picture(0)).prepared(preprocessing).tensor
    let (_, gradients) = try Learner(centred).gradients(of: [picture], labels: .classes([0]))
    #expect(gradients["conv1.weights"]?.elements.contains { $0 != 0 } == true)
  }
}
