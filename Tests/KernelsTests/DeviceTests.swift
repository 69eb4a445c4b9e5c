import Foundation
import Kernels
import ReferenceKernels
import Tensors
import TestSupport
import Testing

@Suite struct Devices {
  static let expectedMajor = ProcessInfo.processInfo.environment["SWITCHBACK_ONEDNN_MAJOR"].flatMap(Int.init)

  @Test func `the library linked is of the major version of the headers`() {
    let versions = oneDNNVersions
    #expect(versions.compiled / 10000 == versions.linked / 10000)
    #expect([2, 3].contains(versions.compiled / 10000))
  }

  @Test(.enabled(if: expectedMajor != nil, "SWITCHBACK_ONEDNN_MAJOR names no version"))
  func `headers and library are of the version that was asked for`() {
    #expect(oneDNNVersions.compiled / 10000 == Self.expectedMajor)
    #expect(oneDNNVersions.linked / 10000 == Self.expectedMajor)
  }

  @Test func `devices on two threads share weights and get what one alone gets`() async throws {
    var generator = SeededGenerator(seed: 70)
    let inputs = (0..<8).map { _ in Tensor.random([2, 7, 7, 16], using: &generator) }
    let filters = (0..<4).map { _ in Tensor.random([16, 3, 3, 16], using: &generator) }
    let weights = Tensor.random([16, 16], using: &generator)
    let work = { @Sendable (filters: [Tensor], weights: Tensor) throws -> [[Float]] in
      var device = Device()
      var results: [[Float]] = []
      for input in inputs {
        for filter in filters {
          let sliding = Sliding(window: 3, padding: 1)
          let maps = try device.convolution(input, filters: filter, bias: nil, over: sliding)
          let back = try device.convolutionTransposed(
            maps, filters: filter, over: sliding, onto: input.shape)
          let rows = try device.innerProduct(back.reshaped(to: [98, 16]), weights: weights, bias: nil)
          results.append(try device.innerProductTransposed(rows, weights: weights).elements)
        }
      }
      return results
    }
    let alone = try work(filters, weights)
    for _ in 0..<10 {
      // Not reordered yet.
      let newFilters = filters.map { Tensor($0.shape, elements: $0.elements) }
      let newWeights = Tensor(weights.shape, elements: weights.elements)
      async let first = work(newFilters, newWeights)
      async let second = work(newFilters, newWeights)
      #expect(try await first == alone)
      #expect(try await second == alone)
    }
  }

  @Test func `square weights serve both directions of one device, whichever comes first`() throws {
    var generator = SeededGenerator(seed: 71)
    let weights = Tensor.random([64, 64], using: &generator)
    let rows = Tensor.random([3, 64], using: &generator)
    let turned = try Device().permuted(weights, [1, 0])
    let forward = referenceMatrixProduct(ReferenceTensor(rows), ReferenceTensor(turned)).elements
    let back = referenceMatrixProduct(ReferenceTensor(rows), ReferenceTensor(weights)).elements
    for forwardFirst in [true, false] {
      var device = Device()
      for isForward in [forwardFirst, !forwardFirst] {
        let found =
          isForward
          ? try device.innerProduct(rows, weights: weights, bias: nil)
          : try device.innerProductTransposed(rows, weights: weights)
        #expect(
          largestDifference(found.elements, isForward ? forward : back) <= Tolerance.sum(of: 64),
          "\(isForward ? "forward" : "back") with forward first: \(forwardFirst)")
      }
    }
  }

  @Test func `weights that were changed, or took the memory of others, are not mistaken for them`() throws {
    var device = Device()
    let input = Tensor([1, 32], repeating: 1)
    for value in 1...20 {
      let weights = Tensor([16, 32], repeating: Float(value))
      let output = try device.innerProduct(input, weights: weights, bias: nil)
      #expect(output.elements.allSatisfy { $0 == Float(32 * value) })
    }
    var weights = Tensor([16, 32], repeating: 1)
    _ = try device.innerProduct(input, weights: weights, bias: nil)
    weights.withMutableSpan { $0[0] = 2 }
    #expect(try device.innerProduct(input, weights: weights, bias: nil).elements[0] == 33)
  }

  @Test func `two threads in a device compute what one computes`() throws {
    var generator = SeededGenerator(seed: 72)
    var single = Device(threads: 1)
    var double = Device(threads: 2)
    let input = Tensor.random([4, 15, 15, 32], using: &generator)
    let filters = Tensor.random([48, 3, 3, 32], using: &generator)
    let sliding = Sliding(window: 3, padding: 1)
    let expected = try single.convolution(input, filters: filters, bias: nil, over: sliding)
    let found = try double.convolution(input, filters: filters, bias: nil, over: sliding)
    #expect(largestDifference(found.elements, expected.elements) <= 2 * Tolerance.sum(of: 9 * 32))
  }
}
