import Networks
import Tensors
import Testing

@Suite struct Parameters {
  private static let operations: [@Sendable () -> Networks.Operation] = [
    {
      .convolution(
        Convolution(filters: Tensor([2, 3, 3, 4]), bias: Tensor([2]), rule: SlidingRule(window: [3, 3])))
    },
    { .innerProduct(InnerProduct(weights: Tensor([2, 4]), bias: Tensor([2]))) },
    {
      .batchNormalization(
        BatchNormalization(
          scale: Tensor([4]), shift: Tensor([4]), mean: Tensor([4]), variance: Tensor([4]), epsilon: 1e-5))
    },
    { .parametricRelu(slope: Tensor([4])) },
  ]

  @Test(arguments: operations.indices) func `a learned tensor is changed in its own memory`(index: Int) throws
  {
    for role in Self.operations[index]().parameterRoles {
      var operation = Self.operations[index]()
      let before = try #require(operation.parameter(role)).identity
      operation.withParameter(role) { tensor in tensor.withMutableSpan { $0[1] = 5 } }
      let after = try #require(operation.parameter(role))
      #expect(after.identity == before && after.elements[1] == 5, "\(role)")
      for other in operation.parameterRoles where other != role {
        #expect(operation.parameter(other)?.elements.contains(5) == false)
      }
    }
  }
}
