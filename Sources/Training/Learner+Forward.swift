internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

extension Learner {
  /// A group of a batch's pictures, computed by one worker.
  struct Group: Sendable {
    let range: Range<Int>
    /// The groups of one share add up their gradients in order.
    let share: Int
  }

  /// Pictures divided into a share a worker, and each share into groups.
  private func groups(of pictures: [Tensor]) -> [Group] {
    // About a million input values: enough that filters are read often from cache, few enough that maps stay near.
    let size = max(4, min(32, 800_000 / max(1, pictures[0].shape.count)))
    return (0..<crew.count).flatMap { share -> [Group] in
      let range = pictures.count * share / crew.count..<pictures.count * (share + 1) / crew.count
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
  ///   - pictures: Each 1 x rows x columns x channels.
  ///   - masks: What dropout leaves out; nil for tests, where nothing is left out and nothing remembered.
  /// - Returns: The groups with what each remembers, and what the head does, scores included.
  /// - Throws: `KernelError` where pictures do not fit the network.
  func forward(
    _ pictures: [Tensor], masks: DropoutMasks?
  ) throws -> (groups: [Group], trunk: [Memory], head: Memory) {
    let groups = groups(of: pictures)
    let plan = plan
    var trunk = groups.map { group in
      var memory = Memory()
      memory[plan.input] = Tensor.stacking(Array(pictures[group.range]))
      return memory
    }
    for stretch in masks == nil ? [0..<plan.headStart] : plan.stretches {
      if masks != nil, let step = plan.steps[stretch].first { try measure(step, &trunk) }
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
    for name in plan.crossing { head[name] = Tensor.stacking(trunk.compactMap { $0[name] }) }
    for index in plan.headStart..<plan.steps.count {
      if masks != nil {
        var whole = [head]
        try measure(plan.steps[index], &whole)
        head = whole[0]
      }
      if let product = products[index] {
        try multiply(plan.steps[index], product, &head)
        Self.forget(plan.steps[index], &head, masks)
      } else {
        try crew.allThreads { try Self.take(index, plan, &head, masks, firstPicture: 0, $0) }
      }
    }
    return (groups, trunk, head)
  }

  /// Gives every group the whole batch's statistics, where the step is a batch normalisation.
  ///
  /// They are added up picture by picture in the batch's order, so that they do not depend on the groups.
  private func measure(_ step: LearningPlan.Step, _ groups: inout [Memory]) throws {
    guard step.isBatchNormalization, let name = step.node.inputs.first else { return }
    let memories = groups
    let moments = try crew.map(over: groups.indices) { index, _ in
      let value = try memories[index].value(name, of: step.node)
      return (0..<value.shape[0]).map { ChannelMoments(of: value.sharedSlices($0..<$0 + 1)) }
    }.flatMap { $0 }
    guard var whole = moments.first else { return }
    for picture in moments.dropFirst() { whole.add(picture) }
    for index in groups.indices { groups[index].moments[step.node.name] = whole }
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

  /// A fully connected layer over the whole batch, each worker its own units.
  private func multiply(
    _ step: LearningPlan.Step, _ product: SharedProduct, _ memory: inout Memory
  ) throws {
    guard case .innerProduct(let layer) = step.node.operation else { return }
    let input = try memory.value(step.node.inputs[0], of: step.node)
    let rows = input.reshaped(to: [input.shape.count / product.features, product.features])
    let made = try crew.map(over: product.parts.indices) { index, worker in
      try worker.device.innerProduct(
        rows, weights: product.parts[index].weights, bias: layer.bias?.slices(product.ranges[index]),
        followedBy: step.isRectified ? .relu : nil, changing: true)
    }
    let whole = try crew.allThreads {
      try $0.device.concatenation(made, axis: 1)
    }
    memory[step.node.outputs[0]] = whole.reshaped(
      to: Shape(input.shape.dimensions.dropLast() + [whole.shape[1]]))
  }
}
