internal import Communication
internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

extension Learner {
  /// A group of a batch's pictures, computed by one worker.
  struct Group: Sendable {
    /// Its pictures' places in the batch.
    let range: Range<Int>
    /// The groups of one share add up their gradients in order.
    let share: Int
  }

  /// A batch of `total` pictures divided into a share a worker, and this rank's shares into groups.
  private func groups(of pictures: [Tensor], among total: Int) -> [Group] {
    // About a million input values: enough that filters are read often from cache, few enough that maps stay near.
    let size = max(4, min(32, 800_000 / max(1, pictures.first?.shape.count ?? 1)))
    return shares.own.flatMap { share -> [Group] in
      let range = shares.pictures(of: share, among: total)
      let count = (range.count + size - 1) / size
      return (0..<count).map { part in
        Group(
          range: range.lowerBound + range.count * part / count..<range.lowerBound + range.count * (part + 1)
            / count, share: share)
      }
    }
  }

  /// Every group up to the head, then the head over the whole batch.
  ///
  /// - Parameters:
  ///   - pictures: Those of the batch that are this rank's, each 1 x rows x columns x channels.
  ///   - total: How many the batch has.
  ///   - masks: What dropout leaves out; nil for tests, where nothing is left out and nothing remembered.
  /// - Returns: This rank's groups with what each remembers, what the head does, scores included, and the batch's
  ///   statistics that were measured before the head.
  /// - Throws: `KernelError` where pictures do not fit the network.
  func forward(
    _ pictures: [Tensor], among total: Int, masks: DropoutMasks?
  ) throws -> (groups: [Group], trunk: [Memory], head: Memory, moments: [String: ChannelMoments]) {
    let first = part(of: total).lowerBound
    precondition(pictures.count == part(of: total).count, "\(pictures.count) pictures of \(total)")
    let groups = groups(of: pictures, among: total)
    let plan = plan
    var moments: [String: ChannelMoments] = [:]
    var trunk = groups.map { group in
      var memory = Memory()
      memory[plan.input] = Tensor.stacking(
        Array(pictures[group.range.lowerBound - first..<group.range.upperBound - first]))
      return memory
    }
    for stretch in masks == nil ? [0..<plan.headStart] : plan.stretches {
      if masks != nil, let step = plan.steps[stretch].first {
        moments[step.node.name] = try measure(step, &trunk, of: ranks)
      }
      let before = trunk
      trunk = try crew.map(over: groups.indices) { index, worker in
        var memory = before[index]
        for step in stretch {
          try Self.take(step, plan, &memory, masks, firstPicture: groups[index].range.lowerBound, worker)
        }
        return memory
      }
    }
    var head = Memory()
    for name in plan.crossing {
      let own = trunk.compactMap { $0[name] }
      head[name] = Tensor.stacking(try ranks.gathered(own.isEmpty ? nil : Tensor.stacking(own)))
    }
    for index in plan.headStart..<plan.steps.count {
      if masks != nil {
        var whole = [head]
        // Every rank has the whole batch here.
        _ = try measure(plan.steps[index], &whole, of: .alone)
        head = whole[0]
      }
      if let product = products[index] {
        try multiply(plan.steps[index], product, &head)
        Self.forget(plan.steps[index], &head, masks)
      } else {
        try crew.allThreads { try Self.take(index, plan, &head, masks, firstPicture: 0, $0) }
      }
    }
    return (groups, trunk, head, moments)
  }

  /// Gives every group the whole batch's statistics, where the step is a batch normalisation.
  ///
  /// They are added up picture by picture in the batch's order, so that they do not depend on the groups.
  private func measure(
    _ step: LearningPlan.Step, _ groups: inout [Memory], of ranks: Ranks
  ) throws -> ChannelMoments? {
    guard step.isBatchNormalization, let name = step.node.inputs.first else { return nil }
    let memories = groups
    let own = try crew.map(over: groups.indices) { index, _ in
      let value = try memories[index].value(name, of: step.node)
      return (0..<value.shape[0]).map { ChannelMoments(of: value.sharedSlices($0..<$0 + 1)) }
    }.flatMap { $0 }
    let moments =
      ranks.count == 1
      ? own : try ranks.gathered(try Ranks.encoded(own)).flatMap { try Ranks.decoded($0) as [ChannelMoments] }
    guard var whole = moments.first else { return nil }
    for picture in moments.dropFirst() { whole.add(picture) }
    for index in groups.indices { groups[index].moments[step.node.name] = whole }
    return whole
  }

  /// One step over a group of pictures.
  private static func take(
    _ index: Int, _ plan: LearningPlan, _ memory: inout Memory, _ masks: DropoutMasks?, firstPicture: Int,
    _ worker: Worker
  ) throws(KernelError) {
    let step = plan.steps[index]
    var inputs: [Tensor] = []
    for name in step.node.inputs { inputs.append(try memory.value(name, of: step.node)) }
    if case .dropout(let ratio) = step.node.operation, let masks {
      let mask = masks.mask(inputs[0].shape, ratio: ratio, node: index, firstPicture: firstPicture)
      memory.masks[step.node.name] = mask
      memory[step.node.outputs[0]] = try worker.device.combining(inputs[0], mask, by: .multiply)
    } else {
      var recorded: Switches?
      let made = try worker.outputs(
        of: memory.operation(of: step.node), named: step.node.name, inputs,
        followedBy: step.isRectified ? .relu : nil,
        recording: masks != nil && step.passesDown ? { recorded = $0 } : nil)
      memory.switchesByNode[step.node.name] = recorded
      for (name, tensor) in zip(step.node.outputs, made) { memory[name] = tensor }
    }
    forget(step, &memory, masks)
  }

  private static func forget(_ step: LearningPlan.Step, _ memory: inout Memory, _ masks: DropoutMasks?) {
    for name in masks == nil ? step.lastReadInTestsOf : step.lastReadOf { memory[name] = nil }
  }

  /// A fully connected layer over the whole batch, each worker of every rank its own units.
  private func multiply(
    _ step: LearningPlan.Step, _ product: SharedProduct, _ memory: inout Memory
  ) throws {
    guard case .innerProduct(let layer) = step.node.operation else { return }
    let input = try memory.value(step.node.inputs[0], of: step.node)
    let rows = input.reshaped(to: [input.shape.count / product.features, product.features])
    let made = try crew.map(over: product.parts.indices) { index, worker in
      try worker.device.innerProduct(
        rows, weights: product.parts[index].weights,
        bias: layer.bias?.slices(product.ranges[product.own.lowerBound + index]),
        followedBy: step.isRectified ? .relu : nil, changing: true)
    }
    func joined(_ parts: [Tensor]) throws -> Tensor {
      try crew.allThreads { try $0.device.concatenation(parts, axis: 1) }
    }
    let whole =
      ranks.count == 1
      ? try joined(made) : try joined(try ranks.gathered(made.isEmpty ? nil : try joined(made)))
    memory[step.node.outputs[0]] = whole.reshaped(
      to: Shape(input.shape.dimensions.dropLast() + [whole.shape[1]]))
  }
}
