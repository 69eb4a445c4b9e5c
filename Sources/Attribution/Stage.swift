internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

/// One batch on its way back: where each seed's windows lie in every value.
struct Stage {
  let walk: Walk
  let batch: [Evidence]
  /// Whether the seeds are at one place each, so that windows are computed where the fields are windows.
  let isWindow: Bool
  /// Whether what is remembered is the reference's pass.
  var isReference = false

  /// The same batch, remembering the reference's pass; nil where there is none.
  private var reference: Stage? {
    guard batch.allSatisfy({ $0.reference != nil }) else { return nil }
    var stage = self
    stage.isReference = true
    return stage
  }

  private func item(_ evidence: Evidence, _ node: Network.Node) -> Evidence.Item? {
    isReference ? evidence.reference?[node.name] : evidence.items[node.name]
  }

  /// The part of a value that the walk computes.
  func field(of value: String) -> Field {
    isWindow ? walk.fields[value] ?? .whole : .whole
  }

  /// The shape of a value for the whole batch.
  private func whole(_ value: String) -> Shape {
    Shape([batch.count] + (walk.shapes[value] ?? []).dimensions.dropFirst())
  }

  /// The shape of a value's signal on a field, for the whole batch.
  func shape(of value: String, on field: Field) -> Shape {
    let whole = whole(value)
    guard case .window(let rows, let columns) = field else { return whole }
    return Shape(images: batch.count, rows: rows.extent, columns: columns.extent, channels: whole.channels)
  }

  /// Where a seed's window begins; a whole map begins at zero.
  func start(of field: Field, _ evidence: Evidence) -> (row: Int, column: Int) {
    guard case .window(let rows, let columns) = field else { return (0, 0) }
    return (rows.start(evidence.row), columns.start(evidence.column))
  }

  private func windows(of field: Field) -> [Window] {
    batch.enumerated().map { index, evidence in
      let start = start(of: field, evidence)
      return Window(image: index, row: start.row, column: start.column)
    }
  }

  /// What a node passes down to each of its inputs, in the form that ``field(of:)`` says for that input.
  func contributions(of turn: Walk.Turn, _ above: [Tensor?], _ worker: Worker) throws -> [Tensor?] {
    let node = turn.node
    let field = isWindow ? turn.field : .whole
    let signals = try zip(node.outputs, above).map { name, signal in
      guard let signal else { return Tensor(shape(of: name, on: field)) }
      return try moved(signal, of: name, from: self.field(of: name), to: field, worker)
    }
    let descent = Descent(
      node: node, rule: turn.rule, memory: self, reference: reference, inputs: node.inputs.map { whole($0) },
      windows: field == .whole ? nil : batch.map { start(of: field, $0) }, walk.convolutions)
    let made = try descent.contributions(signals, worker)
    guard field != .whole else { return made }
    let shapes = node.inputs.map { walk.shapes[$0] }
    return try node.inputs.indices.map { index in
      let name = node.inputs[index]
      guard let contribution = made[index], walk.fields[name] != nil else { return nil }
      let below = node.operation.field(ofInput: index, under: field, shapes: shapes)
      let placed = try moved(contribution, of: name, from: below, to: self.field(of: name), worker)
      guard self.field(of: name) != .whole, let map = shapes[index] else { return placed }
      return try worker.device.clearing(
        placed, at: windows(of: self.field(of: name)), outside: (map.rows, map.columns))
    }
  }

  /// A value's signal on another field that covers its own, zero where it did not reach.
  private func moved(
    _ signal: Tensor, of value: String, from field: Field, to target: Field, _ worker: Worker
  ) throws -> Tensor {
    guard field != target, case .window(let rows, let columns) = field else { return signal }
    guard case .window(let targetRows, let targetColumns) = target else {
      return try worker.device.pasting(signal, at: windows(of: field), onto: whole(value))
    }
    let top = rows.offset - targetRows.offset
    let left = columns.offset - targetColumns.offset
    return try worker.device.padded(
      signal, before: [0, top, left, 0],
      after: [0, targetRows.extent - rows.extent - top, targetColumns.extent - columns.extent - left, 0],
      mode: .constant(0))
  }
}

extension Stage: Recollection {
  /// A value of the forward pass, of all seeds together.
  func value(_ name: String, of node: Network.Node) throws(KernelError) -> Tensor {
    let parts = batch.compactMap { evidence -> Tensor? in
      item(evidence, node)?.values[name]
    }
    guard parts.count == batch.count else {
      throw .shapes(
        operation: node.name, expected: "the forward pass's values", found: "none in the evidence")
    }
    return Tensor.stacking(parts)
  }

  /// A pool's switches, of all seeds together.
  func switches(of node: Network.Node) throws(KernelError) -> Switches {
    let parts = batch.compactMap { evidence -> Switches? in
      item(evidence, node)?.switches
    }
    guard parts.count == batch.count else {
      throw .shapes(operation: node.name, expected: "recorded switches", found: "none in the evidence")
    }
    return Switches.stacking(parts)
  }
}
