import Execution
import Kernels
import NetworkFixtures
import Networks
import Studies
import Tensors
import Testing

@Suite struct Occluding {
  private func subject(_ network: Network, seed: UInt64) throws -> Occlusion.Subject {
    var generator = SeededGenerator(seed: seed)
    let shape = try network.inputShape(images: 1)
    return Occlusion.Subject(input: .random(shape, using: &generator), cover: Tensor(shape, repeating: 0.5))
  }

  /// A picture hidden by hand, one element after the other.
  private func hidden(_ subject: Occlusion.Subject, top: Int, left: Int, size: Int) -> Tensor {
    let shape = subject.input.shape
    var elements = subject.input.elements
    let cover = subject.cover.elements
    for index in elements.indices {
      let (row, column) = (index / shape.channels / shape.columns, index / shape.channels % shape.columns)
      if (top..<top + size).contains(row), (left..<left + size).contains(column) {
        elements[index] = cover[index]
      }
    }
    return Tensor(shape, elements: elements)
  }

  @Test func `each position gives what its hidden picture gives alone, for several pictures at once`() throws
  {
    let network = try TinyNetworks.classifier()
    let subjects = [try subject(network, seed: 1), try subject(network, seed: 2)]
    let layers = [(name: "maps", value: "hard.out")]
    let study = try Occlusion(network, layers: layers, threads: 2)
    let sweeps = try study.sweep(subjects, size: 5, stride: 4)
    let runner = try Runner(network, keeping: ["hard.out", "fc2.out"], threads: 1)
    for (subject, sweep) in zip(subjects, sweeps) {
      #expect(sweep.map.rows == [0, 4, 8] && sweep.map.columns == [0, 4, 8, 12])
      let scores = try #require(sweep.scores)
      #expect(scores.shape == [3, 4, 5])
      let unit = try #require(sweep.map.maps["maps"])
      let base = try runner.forward(subject.input)
      let sums = try totals(#require(base["hard.out"]))
      #expect(unit.unit == sums.indices.max { sums[$0] < sums[$1] })
      for (down, top) in sweep.map.rows.enumerated() {
        for (across, left) in sweep.map.columns.enumerated() {
          let trace = try runner.forward(hidden(subject, top: top, left: left, size: 5))
          let alone = try #require(trace["fc2.out"]).elements
          let first = (down * 4 + across) * 5
          let together = Array(scores.elements[first..<first + 5])
          #expect(zip(alone, together).allSatisfy { abs($0 - $1) <= 1e-5 }, "\(top), \(left)")
          let total = try totals(#require(trace["hard.out"]))[unit.unit]
          #expect(abs(unit.total[down][across] - total) <= 1e-4)
          let probabilities = try Device().softmax(Tensor([1, 5], elements: together), axis: 1).elements
          let label = try #require(sweep.map.label)
          let watched = try #require(sweep.map.probability)
          #expect(watched[down][across] == probabilities[label])
        }
      }
    }
  }

  private func totals(_ maps: Tensor) -> [Float] {
    let channels = maps.shape.channels
    return (0..<channels).map { unit in
      stride(from: unit, to: maps.shape.count, by: channels).reduce(0) { $0 + maps.elements[$1] }
    }
  }

  @Test func `a cover that is the picture itself changes nothing anywhere`() throws {
    let network = try TinyNetworks.classifier()
    var subject = try subject(network, seed: 3)
    subject.cover = subject.input
    let study = try Occlusion(network, layers: [("maps", "hard.out")], threads: 2)
    let map = try #require(try study.sweep([subject], size: 4, stride: 3).first?.map)
    let base = try #require(map.base)
    #expect(map.probability?.flatMap(\.self).allSatisfy { $0 == base.probability } == true)
    #expect(map.labels?.flatMap(\.self).allSatisfy { $0 == base.label } == true)
  }

  @Test func `large fully connected layers, which run in a batch of their own, leave the maps their totals`()
    throws
  {
    var build = TinyNetworks.Builder(seed: 4)
    build.convolution("conv1", 3, of: 3, window: 3)
    let maps = build.relu("relu1")
    build.add("flatten", .flatten)
    // Half a million weights and more are batched.
    build.add("fc1", .innerProduct(InnerProduct(weights: build.random([1024, 3 * 14 * 18]), bias: nil)))
    let network = try build.network(rows: 16, columns: 20)
    let subject = try subject(network, seed: 7)
    let study = try Occlusion(network, layers: [("conv1", maps)], threads: 2)
    let sweep = try #require(try study.sweep([subject], size: 8, stride: 6).first)
    let map = try #require(sweep.map.maps["conv1"])
    let trace = try Runner(network, keeping: [maps], threads: 1).forward(subject.input)
    let sums = try totals(#require(trace[maps]))
    #expect(sweep.scores?.shape == [2, 3, 1024])
    #expect(map.unit == sums.indices.max { sums[$0] < sums[$1] })
    #expect(abs(map.base - sums[map.unit]) <= 1e-3 && map.total.flatMap(\.self).allSatisfy { $0 > 0 })
  }

  @Test func `a network without a classifier still has its maps`() throws {
    let network = try TinyNetworks.plain()
    let subject = try subject(network, seed: 4)
    let study = try Occlusion(network, layers: [("conv3", "relu3.out")], threads: 1)
    let sweep = try #require(try study.sweep([subject], size: 20, stride: 9).first)
    #expect(sweep.scores == nil && sweep.map.probability == nil && sweep.map.label == nil)
    #expect(sweep.map.maps["conv3"]?.total.count == 4)
  }

  @Test func `an occluder that does not fit, a stride of none and a class that is not there are named`()
    throws
  {
    let network = try TinyNetworks.classifier()
    var subject = try subject(network, seed: 5)
    let study = try Occlusion(network, layers: [], threads: 1)
    func refusal(size: Int, stride: Int) -> String? {
      #expect(throws: StudyError.self) { try study.sweep([subject], size: size, stride: stride) }?.description
    }
    #expect(refusal(size: 17, stride: 1)?.contains("17 pixels does not fit") == true)
    #expect(refusal(size: 4, stride: 0)?.contains("a stride of 0 pixels") == true)
    subject.label = 5
    #expect(refusal(size: 4, stride: 8) == "there is no class 5: the network has 5, from 0 to 4.")
  }

  @Test func `a sweep can be ended`() throws {
    let network = try TinyNetworks.classifier()
    let study = try Occlusion(network, layers: [], threads: 1)
    let subject = try subject(network, seed: 6)
    #expect(throws: Interruption()) {
      try study.sweep([subject], size: 4, stride: 4) { _ in throw Interruption() }
    }
  }
}
