internal import Execution
internal import Kernels
internal import Networks
internal import Tensors

/// The walk back itself, through one batch of seeds.
struct Walk: Sendable {
  struct Turn: Sendable {
    let node: Network.Node
    let isWindowed: Bool
  }

  let network: Network
  let value: String
  let rule: RectifierRule
  let input: Shape
  let shapes: [String: Shape]
  let fields: [String: Field]
  let path: [Turn]

  /// Carries every seed of a batch from the layer to the network's input.
  func carry(_ batch: [Evidence], _ worker: Worker) throws -> [PixelProjection] {
    guard let first = batch.first else { return [] }
    if batch.contains(where: { $0.signal.shape != first.signal.shape }) {
      // Seeds of different kinds do not share a batch.
      return try batch.flatMap { try carry([$0], worker) }
    }
    let isWindow =
      first.signal.shape != shapes[value]
      || (fields[value] != .whole && first.seed.isOnePlace)
    let stage = Stage(walk: self, batch: batch, isWindow: isWindow)
    var signals: [String: Tensor] = [value: Tensor.stacking(batch.map(\.signal))]
    for turn in path {
      let above = turn.node.outputs.map { signals[$0] }
      guard above.contains(where: { $0 != nil }) else { continue }
      for output in turn.node.outputs { signals[output] = nil }
      let contributions = try stage.contributions(of: turn, above, worker)
      for (name, contribution) in zip(turn.node.inputs, contributions) {
        guard let contribution, fields[name] != nil else { continue }
        if let known = signals[name] {
          signals[name] = try worker.device.combining(known, contribution, by: .add)
        } else {
          signals[name] = contribution
        }
      }
    }
    let name = network.inputs[0].name
    let pixels = signals[name] ?? Tensor(stage.shape(of: name))
    return batch.enumerated().map { index, evidence in
      let slice = pixels.slices(index..<index + 1)
      let start = stage.start(of: name, evidence)
      return PixelProjection(
        pixels: slice.reshaped(to: [slice.shape.rows, slice.shape.columns, slice.shape.channels]),
        top: start.row,
        left: start.column)
    }
  }
}
