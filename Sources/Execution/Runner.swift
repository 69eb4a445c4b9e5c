public import Networks
internal import Kernels
internal import Synchronization
public import Tensors

/// A network ready to run: keeps chosen values, records switches if asked, on a fixed number of threads.
///
/// Pictures are computed one by one, each by one worker, so a batch gives the same bytes as its pictures alone;
/// only large fully connected layers, whose weights would have to be read again for each, wait for a batch.
/// A class because it owns its workers. One pass at a time.
public final class Runner {
  public let network: Network
  private let cancellation: Cancellation
  private let plan: Plan
  private let crew: Crew
  private let recordsSwitches: Bool
  private let inputName: String
  /// The shapes of the inputs that were last found to fit.
  private let fitting = Mutex([String: Shape]())

  /// - Parameters:
  ///   - network: The network to run.
  ///   - kept: Names of the values that each ``Trace`` holds; nodes that none of them needs are left out.
  ///   - recordsSwitches: Whether max pools record which position won.
  ///   - threads: How many pictures are computed side by side.
  ///   - cancellation: Asked before each operation; once raised, a pass ends with `Interruption`.
  /// - Throws: `NetworkError.missingValue(name:node:)`.
  public init(
    _ network: Network, keeping kept: [String], recordingSwitches recordsSwitches: Bool = false,
    threads: Int = 2, cancellation: Cancellation = .never
  ) throws {
    let known = Set(network.inputs.map(\.name) + network.nodes.flatMap(\.outputs))
    for name in kept where !known.contains(name) {
      throw NetworkError.missingValue(name: name, node: "the caller")
    }
    self.network = network
    self.cancellation = cancellation
    self.recordsSwitches = recordsSwitches
    // A walk back needs a picture's values and switches in one trace. What wins and what is positive by a hair follows from
    // the last digits, and a walk back from that: so such a pass is computed as precisely as the definition's sums.
    plan = Plan(network, keeping: Set(kept), batchingHead: !recordsSwitches)
    crew = Crew(threads: threads, recordsSwitches ? .precise : .fastest)
    inputName = network.inputs.first?.name ?? ""
  }

  /// The values kept for a batch of pictures: images x rows x columns x channels in, the same order out.
  public func forward(_ pictures: Tensor) throws -> Trace {
    let images = pictures.shape[0]
    if images <= 1 { return try forward(inputs: [inputName: pictures]) }
    let traces = Mutex([Trace]())
    try run(over: 0..<images, input: { pictures.slices($0..<$0 + 1) }) { part in
      traces.withLock { $0.append(part) }
    }
    return Trace.joining(traces.withLock { $0 })
  }

  /// The values kept for inputs by name, computed in one go with every thread inside each operation.
  ///
  /// - Throws: `NetworkError.shape(node:reason:)` where the inputs do not fit the network.
  public func forward(inputs: [String: Tensor]) throws -> Trace {
    let shapes = inputs.mapValues(\.shape)
    if fitting.withLock({ $0 != shapes }) {
      _ = try network.shapes(inputs: shapes)
      fitting.withLock { $0 = shapes }
    }
    var values = inputs
    var switches: [String: Switches] = [:]
    try crew.allThreads { worker in
      try worker.take(
        plan.steps[...], values: &values, switches: &switches, recordsSwitches: recordsSwitches, cancellation)
    }
    return trace(Array(0..<(inputs[inputName]?.shape.dimensions.first ?? 0)), values, switches)
  }

  /// Runs pictures that are made when their turn comes, and hands on each one's trace as soon as it is there.
  ///
  /// - Parameters:
  ///   - range: The pictures' numbers.
  ///   - input: Makes a picture, 1 x rows x columns x channels, on a worker's thread; nil leaves it out.
  ///   - body: Called on the workers' threads, in any order: once per picture with the values of the layers that are
  ///     computed picture by picture and, if the network has a batched head, once more with the head's values of all.
  /// - Throws: What `input` and `body` throw, or `KernelError` where a picture does not fit the network.
  public func run(
    over range: Range<Int>, input: @escaping @Sendable (Int) throws -> Tensor?,
    _ body: @escaping @Sendable (Trace) throws -> Void
  ) throws {
    let (plan, records, inputName, cancellation) = (plan, recordsSwitches, inputName, cancellation)
    let hasHead = plan.headStart < plan.steps.count
    let trunk = plan.steps[..<plan.headStart]
    let crossings = try crew.map(over: range) { image, worker -> [String: Tensor]? in
      guard let picture = try input(image) else { return nil }
      var values = [inputName: picture]
      var switches: [String: Switches] = [:]
      try worker.take(
        trunk, values: &values, switches: &switches, recordsSwitches: records, cancellation)
      let crossing = hasHead ? plan.crossing.reduce(into: [:]) { $0[$1] = values[$1] } : [:]
      try body(Runner.trace([image], values, switches, plan))
      return crossing
    }
    let images = zip(range, crossings).compactMap { $1 == nil ? nil : $0 }
    guard hasHead, !images.isEmpty else { return }
    var values: [String: Tensor] = [:]
    for name in plan.crossing { values[name] = Tensor.stacking(crossings.compactMap { $0?[name] }) }
    let crossed = Set(plan.crossing)
    let switches = try takeHead(&values)
    try body(Runner.trace(images, values.filter { !crossed.contains($0.key) }, switches, plan))
  }

  /// The steps from the first large product on, over a whole batch: products split by units over the workers.
  private func takeHead(_ values: inout [String: Tensor]) throws -> [String: Switches] {
    var switches: [String: Switches] = [:]
    for index in plan.headStart..<plan.steps.count {
      let step = plan.steps[index]
      if case .innerProduct(let product) = step.operation, let input = values[step.inputs[0]],
        input.shape.rank == 2,
        crew.count > 1
      {
        try cancellation.check()
        values[step.outputs[0]] = try split(product, input, followedBy: step.activation)
        for name in step.lastReadOf { values[name] = nil }
      } else {
        try crew.allThreads { worker in
          try worker.take(
            plan.steps[index...index], values: &values, switches: &switches, recordsSwitches: recordsSwitches,
            cancellation)
        }
      }
    }
    return switches
  }

  /// A layer's units divided among the workers.
  private func split(
    _ product: InnerProduct, _ input: Tensor, followedBy activation: Activation?
  ) throws -> Tensor {
    let (units, shares) = (product.weights.shape[0], crew.count)
    let made = try crew.map(over: 0..<shares) { index, worker in
      let range = units * index / shares..<units * (index + 1) / shares
      let part = InnerProduct(
        weights: product.weights.sharedSlices(range), bias: product.bias?.slices(range))
      return try worker.innerProduct(input, part, followedBy: activation)
    }
    return try crew.allThreads { try $0.device.concatenation(made, axis: 1) }
  }

  private func trace(_ images: [Int], _ values: [String: Tensor], _ switches: [String: Switches]) -> Trace {
    Runner.trace(images, values, switches, plan)
  }

  private static func trace(
    _ images: [Int], _ values: [String: Tensor], _ switches: [String: Switches], _ plan: Plan
  ) -> Trace {
    var kept: [String: Tensor] = [:]
    for name in plan.kept { kept[name] = values[plan.firstName(of: name)] }
    return Trace(images: images, values: kept, switches: switches)
  }
}

extension Trace {
  /// One trace of all, in the order of their pictures.
  static func joining(_ parts: [Trace]) -> Trace {
    let parts = parts.sorted { ($0.images.first ?? 0) < ($1.images.first ?? 0) }
    func joined<Part>(_ named: (Trace) -> [String: Part], _ stacking: ([Part]) -> Part) -> [String: Part] {
      var byName: [String: [Part]] = [:]
      for part in parts { byName.merge(named(part).mapValues { [$0] }, uniquingKeysWith: +) }
      return byName.mapValues(stacking)
    }
    return Trace(
      images: Set(parts.flatMap(\.images)).sorted(), values: joined(\.values, Tensor.stacking),
      switches: joined(\.switchesByNode, Switches.stacking))
  }
}
