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

  /// The part of a value that the walk computes.
  func field(of value: String) -> Field {
    isWindow ? walk.fields[value] ?? .whole : .whole
  }

  /// The shape of a value for the whole batch.
  private func whole(_ value: String) -> Shape {
    Shape([batch.count] + (walk.shapes[value] ?? []).dimensions.dropFirst())
  }

  /// The shape of a value's signal for the whole batch.
  func shape(of value: String) -> Shape {
    let whole = whole(value)
    guard case .window(let rows, let columns) = field(of: value) else { return whole }
    return Shape(images: batch.count, rows: rows.extent, columns: columns.extent, channels: whole.channels)
  }

  func start(of value: String, _ evidence: Evidence) -> (row: Int, column: Int) {
    guard case .window(let rows, let columns) = field(of: value) else { return (0, 0) }
    return (rows.start(evidence.row), columns.start(evidence.column))
  }

  private func windows(_ rows: Reach, _ columns: Reach) -> [Window] {
    batch.enumerated().map { index, evidence in
      Window(image: index, row: rows.start(evidence.row), column: columns.start(evidence.column))
    }
  }

  /// The whole map of a value from its window, zero outside.
  private func spread(_ signal: Tensor, of value: String, _ worker: Worker) throws -> Tensor {
    guard case .window(let rows, let columns) = field(of: value), let whole = walk.shapes[value] else {
      return signal
    }
    return try worker.device.pasting(
      signal, at: windows(rows, columns),
      onto: Shape(images: batch.count, rows: whole.rows, columns: whole.columns, channels: whole.channels))
  }

  /// What a node passes down to each of its inputs, in the form that ``field(of:)`` says for that input.
  func contributions(of turn: Walk.Turn, _ above: [Tensor?], _ worker: Worker) throws -> [Tensor?] {
    let node = turn.node
    let isWindowed = isWindow && turn.isWindowed
    let signals = try zip(node.outputs, above).map { name, signal in
      let signal = signal ?? Tensor(shape(of: name))
      return isWindowed ? signal : try spread(signal, of: name, worker)
    }
    let descent = Descent(
      node: node, rule: walk.rule, memory: self, inputs: node.inputs.map { whole($0) },
      windows: isWindowed ? batch.map { start(of: node.outputs[0], $0) } : nil)
    let made = try descent.contributions(signals, worker)
    guard isWindowed else { return made }
    return try zip(node.inputs.indices, made).map { index, contribution in
      guard let contribution else { return nil }
      return try fitted(contribution, input: index, of: node, worker)
    }
  }

  /// A contribution on its own window, put into the window (or the map) that the input's signal has.
  private func fitted(_ contribution: Tensor, input index: Int, of node: Network.Node, _ worker: Worker)
    throws -> Tensor
  {
    let name = node.inputs[index]
    guard let map = walk.shapes[name], let above = walk.fields[node.outputs[0]],
      case .window(let rows, let columns) = node.operation.field(
        ofInput: index, under: above, shapes: node.inputs.map { walk.shapes[$0] })
    else { return contribution }
    guard case .window(let targetRows, let targetColumns) = field(of: name) else {
      return try worker.device.pasting(
        contribution, at: windows(rows, columns),
        onto: Shape(images: batch.count, rows: map.rows, columns: map.columns, channels: map.channels))
    }
    var placed = contribution
    if rows != targetRows || columns != targetColumns {
      let top = rows.offset - targetRows.offset
      let left = columns.offset - targetColumns.offset
      placed = try worker.device.padded(
        contribution, before: [0, top, left, 0],
        after: [0, targetRows.extent - rows.extent - top, targetColumns.extent - columns.extent - left, 0],
        mode: .constant(0))
    }
    let windows = windows(targetRows, targetColumns)
    let hangsOver = windows.contains {
      $0.row < 0 || $0.column < 0 || $0.row + targetRows.extent > map.rows
        || $0.column + targetColumns.extent > map.columns
    }
    return hangsOver
      ? try worker.device.clearing(placed, at: windows, outside: (map.rows, map.columns)) : placed
  }
}

extension Stage: Recollection {
  /// A value of the forward pass, of all seeds together.
  func value(_ name: String, of node: Network.Node) throws(KernelError) -> Tensor {
    let parts = batch.compactMap { evidence -> Tensor? in
      if case .values(let values) = evidence.items[node.name] { values[name] } else { nil }
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
      if case .switches(let switches) = evidence.items[node.name] { switches } else { nil }
    }
    guard parts.count == batch.count, let first = parts.first else {
      throw .shapes(operation: node.name, expected: "recorded switches", found: "none in the evidence")
    }
    if parts.count == 1 { return first }
    func extended(_ shape: Shape) -> Shape { Shape([parts.count] + shape.dimensions.dropFirst()) }
    return Switches(
      pooled: extended(first.pooled), input: extended(first.input), sliding: first.sliding,
      winners: parts.flatMap(\.winners))
  }
}
