internal import Communication
internal import Datasets
internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

/// Gradients by step and role.
typealias Gradients = [Int: [ParameterRole: Tensor]]

extension Learner {
  /// Forward, the cost, and the walk back.
  ///
  /// - Parameters:
  ///   - pictures: Those of the batch that are this rank's, each 1 x rows x columns x channels.
  ///   - labels: The class, or the classes, of each picture of the batch.
  ///   - number: The step's number since the start.
  ///   - rates: How fully connected layers move as soon as nothing needs their weights; nil keeps their gradients.
  /// - Returns: The cost, and the gradients of all but the matrices of fully connected layers; none where the cost
  ///   is not finite.
  /// - Throws: `KernelError` where pictures do not fit the network.
  func walk(
    _ pictures: [Tensor], _ labels: Labels, number: Int, moving rates: MomentumStep?
  ) throws -> (Outcome, Gradients) {
    guard let last = plan.steps.last, labels.count > 0 else {
      return (Outcome(loss: 0, correct: 0, correctInFive: 0, pictures: 0), [:])
    }
    var (groups, trunk, head, moments) = try forward(
      pictures, among: labels.count, masks: DropoutMasks(seed: seed, step: number))
    let cost = try crew.allThreads {
      try Cost(plan.loss, of: try head.value(plan.scores, of: last.node), labels: labels, on: $0.device)
    }
    let outcome = Outcome(
      loss: cost.loss, correct: cost.ranks.count { $0 == 0 }, correctInFive: cost.ranks.count { $0 < 5 },
      pictures: labels.count)
    guard cost.loss.isFinite else { return (outcome, [:]) }
    if rates != nil { follow(head.moments.merging(moments) { one, _ in one }) }
    var signals = [plan.scores: cost.signal]
    var gradients = try walkHead(&signals, head, moving: rates)
    head = Memory()
    for (index, roles) in try walkTrunk(groups, trunk, signals) { gradients[index] = roles }
    trunk = []
    return (outcome, gradients)
  }

  private func walkHead(
    _ signals: inout [String: Tensor], _ memory: Memory, moving rates: MomentumStep?
  ) throws -> Gradients {
    var gradients: Gradients = [:]
    var sums: [Int: WeightGradient] = [:]
    for index in (plan.headStart..<plan.steps.count).reversed() {
      guard let product = products[index] else {
        try crew.allThreads { worker in
          try Self.back(index, plan, &signals, memory, &sums, worker)
          if plan.steps[index].isBatchNormalization, let gradient = try sums[index]?.tensors(worker) {
            try Self.denormalize(plan.steps[index], gradient, &signals, memory, worker)
          }
        }
        continue
      }
      let step = plan.steps[index]
      guard let arriving = signals.removeValue(forKey: step.node.outputs[0]) else { continue }
      let signal = try crew.allThreads { try Self.unrectified(arriving, step, memory, $0) }
      let (below, bias) = try carry(signal, step, product, memory, moving: rates)
      if let bias { gradients[index] = [.bias: bias] }
      if let below { try crew.allThreads { try Self.add(below, to: step.node.inputs[0], &signals, $0) } }
    }
    for (index, sum) in sums { gradients[index] = try crew.allThreads { try sum.tensors($0) } }
    return gradients
  }

  /// A fully connected layer's part of the walk: each worker carries back, then moves, its own units.
  private func carry(
    _ signal: Tensor, _ step: LearningPlan.Step, _ product: SharedProduct, _ memory: Memory,
    moving rates: MomentumStep?
  ) throws -> (below: Tensor?, bias: Tensor?) {
    let input = try memory.value(step.node.inputs[0], of: step.node)
    let rows = input.shape.count / product.features
    let inputs = input.reshaped(to: [rows, product.features])
    let signals = try crew.allThreads {
      try $0.device.splitting(
        signal.reshaped(to: [rows, signal.shape.count / rows]), axis: 1, sizes: product.ranges.map(\.count))
    }
    let carried = try crew.map(over: product.parts.indices) { index, worker in
      let part = product.parts[index]
      let signal = signals[product.own.lowerBound + index]
      let below =
        step.passesDown
        ? try worker.device.innerProductTransposed(signal, weights: part.weights, changing: true)
        : nil
      try part.learn(signal, inputs, moving: rates, worker)
      return below
    }.compactMap(\.self)
    var below: Tensor?
    if ranks.count > 1, step.passesDown {
      below = try ranks.sum(carried.map(\.elements), size: inputs.shape.count).map {
        Tensor(inputs.shape, elements: $0)
      }
    }
    for part in ranks.count > 1 ? [] : carried {
      guard var sum = below else {
        below = part
        continue
      }
      below = nil
      crew.allThreads { $0.device.add(part, to: &sum) }
      below = sum
    }
    guard case .innerProduct(let layer) = step.node.operation, let bias = layer.bias else {
      return (below?.reshaped(to: input.shape), nil)
    }
    let units = signal.shape.count / rows
    return (
      below?.reshaped(to: input.shape),
      try crew.allThreads { try $0.device.summed(signal.reshaped(to: [rows, units]), to: bias.shape) }
    )
  }

  private func walkTrunk(
    _ groups: [Group], _ trunk: [Memory], _ signals: [String: Tensor]
  ) throws -> Gradients {
    let plan = plan
    var gradients: Gradients = [:]
    var carried = groups.map { group in
      signals.filter { plan.crossing.contains($0.key) }.mapValues { $0.slices(group.range) }
    }
    for stretch in plan.stretches.reversed() {
      let above = carried
      let shares = try crew.map(over: self.shares.own) { share, worker in
        var own: [Int: WeightGradient] = [:]
        let below = try groups.indices.filter { groups[$0].share == share }.map { group in
          var signals = above[group]
          for index in stretch.reversed() {
            try Self.back(index, plan, &signals, trunk[group], &own, worker)
          }
          return signals
        }
        return (gradients: own, signals: below)
      }
      carried = shares.flatMap(\.signals)
      let sums = shares.map(\.gradients)
      let found = ranks.count == 1 ? try joined(sums) : try summed(sums, of: stretch)
      gradients.merge(found) { one, _ in one }
      guard let first = stretch.first, plan.steps[first].isBatchNormalization, let gradient = found[first]
      else { continue }
      let arrived = carried
      carried = try crew.map(over: groups.indices) { group, worker in
        var signals = arrived[group]
        try Self.denormalize(plan.steps[first], gradient, &signals, trunk[group], worker)
        return signals
      }
    }
    return gradients
  }

  /// Carries a signal back through a batch normalisation whose statistics are the batch's own.
  ///
  /// - Parameters:
  ///   - step: The batch normalisation; ``back(_:_:_:_:_:_:)`` left its signal above it.
  ///   - gradient: Of its scale and shift, over the whole batch.
  ///   - signals: Of some of the batch's pictures; the one below takes the place of the one above.
  ///   - memory: Of the same pictures.
  ///   - worker: Whose device computes.
  /// - Throws: `KernelError` where the forward pass left out what it needs.
  /// - Note: Ioffe & Szegedy 2015, section 3.
  private static func denormalize(
    _ step: LearningPlan.Step, _ gradient: [ParameterRole: Tensor], _ signals: inout [String: Tensor],
    _ memory: Memory, _ worker: Worker
  ) throws(KernelError) {
    guard case .batchNormalization(let kept) = step.node.operation,
      let moments = memory.moments[step.node.name],
      let signal = signals.removeValue(forKey: step.node.outputs[0]), step.passesDown,
      let scale = gradient[.scale]?.elements, let shift = gradient[.shift]?.elements
    else { return }
    let gains = kept.measured(moments).affine.scale
    let count = Double(moments.count)
    var (slopes, offsets): ([Float], [Float]) = ([], [])
    for (channel, (mean, variance)) in zip(moments.means, moments.variances).enumerated() {
      let gain = Double(gains.elements[channel])
      let slope = -gain * Double(scale[channel]) / (variance + Double(kept.epsilon)).squareRoot() / count
      slopes.append(Float(slope))
      offsets.append(Float(-gain * Double(shift[channel]) / count - slope * mean))
    }
    let name = step.node.inputs[0]
    let extent: Shape = [slopes.count]
    var below = try worker.device.scaling(signal, scale: gains, shift: nil)
    let pull = try worker.device.scaling(
      try memory.value(name, of: step.node), scale: Tensor(extent, elements: slopes),
      shift: Tensor(extent, elements: offsets))
    worker.device.add(pull, to: &below)
    try add(below, to: name, &signals, worker)
  }

  /// One step of the walk back over some pictures: the gradient of its weights, and what it passes down.
  private static func back(
    _ index: Int, _ plan: LearningPlan, _ signals: inout [String: Tensor], _ memory: Memory,
    _ sums: inout [Int: WeightGradient], _ worker: Worker
  ) throws(KernelError) {
    let step = plan.steps[index]
    var above: [Tensor?] = []
    for name in step.node.outputs { above.append(signals.removeValue(forKey: name)) }
    guard step.isOnWay, above.contains(where: { $0 != nil }) else { return }
    var arriving: [Tensor] = []
    for (name, signal) in zip(step.node.outputs, above) {
      arriving.append(signal ?? Tensor(memory.shapes[name] ?? []))
    }
    arriving[0] = try unrectified(arriving[0], step, memory, worker)
    if let first = step.node.inputs.first, !step.node.operation.parameterRoles.isEmpty,
      var sum = sums.removeValue(forKey: index) ?? WeightGradient(for: step.node.operation)
    {
      try sum.add(
        memory.operation(of: step.node), signal: arriving[0], input: try memory.value(first, of: step.node),
        worker)
      sums[index] = sum
    }
    if step.isBatchNormalization {
      // What it passes down depends on the whole batch.
      signals[step.node.outputs[0]] = arriving[0]
      return
    }
    guard step.passesDown else { return }
    for (name, signal) in zip(step.node.inputs, try passed(arriving, step, memory, worker)) {
      if let signal { try add(signal, to: name, &signals, worker) }
    }
  }

  private static func passed(
    _ signals: [Tensor], _ step: LearningPlan.Step, _ memory: Memory, _ worker: Worker
  ) throws(KernelError) -> [Tensor?] {
    if case .activation = step.node.operation, step.leavesMaskToPool { return signals }
    if let mask = memory.masks[step.node.name] {
      return [try worker.device.combining(signals[0], mask, by: .multiply)]
    }
    var inputs: [Shape] = []
    for name in step.node.inputs { inputs.append(memory.shapes[name] ?? []) }
    let descent = Descent(
      node: step.node, rule: .gradient, memory: memory, inputs: inputs, isGroup: true, .fastest)
    return try descent.contributions(signals, worker)
  }

  /// The signal below a rectifier that was computed with its step, or above a pool that masks for one.
  private static func unrectified(
    _ signal: Tensor, _ step: LearningPlan.Step, _ memory: Memory, _ worker: Worker
  ) throws(KernelError) -> Tensor {
    guard step.masksForRectifier || step.isRectified && !step.leavesMaskToPool else { return signal }
    let output = try memory.value(step.node.outputs[0], of: step.node)
    return try worker.device.rectifying(signal, output: output, rule: .gradient)
  }

  private static func add(
    _ signal: Tensor, to name: String, _ signals: inout [String: Tensor], _ worker: Worker
  ) throws(KernelError) {
    if let known = signals[name] {
      signals[name] = try worker.device.combining(known, signal, by: .add)
    } else {
      signals[name] = signal
    }
  }

  /// Every share's sums as one, added in the shares' order.
  private func joined(_ sums: [[Int: WeightGradient]]) throws -> Gradients {
    let steps = Set(sums.flatMap(\.keys)).sorted()
    let totals = try crew.map(over: steps.indices) { place, worker in
      var total: [ParameterRole: Tensor] = [:]
      for sum in sums {
        for (role, tensor) in try sum[steps[place]]?.tensors(worker) ?? [:] {
          guard var known = total.removeValue(forKey: role) else {
            total[role] = tensor
            continue
          }
          worker.device.add(tensor, to: &known)
          total[role] = known
        }
      }
      return total
    }
    return Dictionary(uniqueKeysWithValues: zip(steps, totals))
  }

  /// Every share's sums of every rank as one, added in the shares' order.
  private func summed(_ sums: [[Int: WeightGradient]], of stretch: Range<Int>) throws -> Gradients {
    let gradients = try crew.map(over: sums.indices) { share, worker in
      try sums[share].mapValues { try $0.tensors(worker) }
    }.filter { !$0.isEmpty }
    let layout = try layout(of: stretch, gradients.first ?? [:])
    let size = layout.reduce(0) { $0 + $1.shape.count }
    let flat = gradients.map { share in
      layout.reduce(into: [Float]()) { flat, place in
        share[place.step]?[place.role].map { flat += $0.elements }
      }
    }
    guard let total = try ranks.sum(flat, size: size) else { return [:] }
    var start = 0
    var found: Gradients = [:]
    for place in layout {
      let end = start + place.shape.count
      found[place.step, default: [:]][place.role] = Tensor(place.shape, elements: Array(total[start..<end]))
      start = end
    }
    return found
  }

  /// What the gradients of a stretch of steps are of, in order: the same on every rank, also on one without pictures.
  private func layout(
    of stretch: Range<Int>, _ own: [Int: [ParameterRole: Tensor]]
  ) throws -> [GradientPlace] {
    if let known = layouts[stretch.lowerBound] { return known }
    let places = own.flatMap { step, roles in
      roles.map { GradientPlace(step: step, role: $0.key, extents: $0.value.shape.dimensions) }
    }.sorted { ($0.step, $0.role.rawValue) < ($1.step, $1.role.rawValue) }
    let all = try ranks.gathered(try Ranks.encoded(places)).map { try Ranks.decoded($0) as [GradientPlace] }
    let layout = all.first { !$0.isEmpty } ?? []
    layouts[stretch.lowerBound] = layout
    return layout
  }
}

/// Where a gradient stands among those of a stretch of steps.
struct GradientPlace: Codable {
  var step: Int
  var role: ParameterRole
  var extents: [Int]

  var shape: Shape { Shape(extents) }
}

extension SharedProduct.Part {
  /// Finds these units' gradient, some units at a time so that it stays in cache, and moves them along it.
  fileprivate func learn(
    _ signal: Tensor, _ input: Tensor, moving rates: MomentumStep?, _ worker: Worker
  ) throws(KernelError) {
    let units = signal.shape[1]
    let features = input.shape[1]
    // About a megabyte of gradients.
    let step = max(16, min(256, (1 << 18) / max(features, 1)))
    let starts = Array(stride(from: 0, to: units, by: step))
    let columns = try worker.device.splitting(signal, axis: 1, sizes: starts.map { min(step, units - $0) })
    var gradients: [Tensor] = []
    for (start, column) in zip(starts, columns) {
      let part = try worker.device.innerProductGradient(column, input: input)
      if let rates {
        worker.device.move(&weights, velocity: &velocity, along: part, from: start * features, by: rates)
      } else {
        gradients.append(part)
      }
    }
    gradient = rates == nil ? Tensor.stacking(gradients) : nil
  }
}
