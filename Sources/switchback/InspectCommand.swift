internal import ArgumentParser
internal import Switchback

struct InspectCommand: ParsableCommand, ModelCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Lists a network's layers: shapes, parameters, multiply-accumulates, receptive fields.",
    discussion: """
      A layer has the name of its PyTorch module (layer3.1.conv2) if the file records it, else conv5 by \
      order, or the name of its node. --layer and --layers take any name of a row. A block's name (layer3) \
      means the last value that the block computes.

      EXAMPLE
        switchback inspect squeezenet1.1.onnx
      """)

  @Argument(help: .network, completion: .onnx) var model: String

  @OptionGroup var reading: ReadingOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let network = try reading.network(model)
    let layers = try network.account()
    try common.tell(network.notes, of: model)
    if common.json {
      return try Terminal.print(json: Listing(model: model, notes: network.notes, layers: layers))
    }
    // Modules' paths may be many: where there are any, the other names stand at the end of the row.
    let others = layers.contains { $0.aliases != nil } ? ["also"] : []
    var rows = [["name", "node", "op", "output", "shape", "parameters", "MACs", "field", "stride"] + others]
    for layer in layers {
      rows.append(
        [
          layer.name, layer.node, layer.operation, layer.output,
          layer.shape.dropFirst().map(String.init).joined(separator: "x"), layer.parameters.grouped,
          layer.multiplyAccumulates.grouped,
          layer.receptiveField.map { "\($0[0])x\($0[1])\(layer.isGated ? " +" : "")" } ?? "all",
          layer.stride.map { "\($0[0])x\($0[1])" } ?? "-",
        ] + others.map { _ in layer.aliases?.joined(separator: " ") ?? "" })
    }
    try Terminal.print(table(rows.map { $0.map(\.onOneLine) }))
    if layers.contains(where: \.isGated) {
      try Terminal.print(
        "\n+ beside this field it depends on the whole image through a gate: one value a channel that maps are "
          + "multiplied by or added to, as squeeze-and-excitation does")
    }
    let parameters = layers.reduce(0) { $0 + $1.parameters }
    let products = layers.reduce(0) { $0 + $1.multiplyAccumulates }
    try Terminal.print(
      "\n\(layers.count) nodes, \(parameters.grouped) parameters, "
        + "\(products.grouped) multiply-accumulates per image")
  }

  private struct Listing: Encodable {
    var model: String
    /// What was left aside or taken otherwise than the file says.
    var notes: [String]
    var layers: [LayerAccount]
  }

  private func table(_ rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).enumerated().map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return (5...6).contains(column) ? space + cell.0 : cell.0 + space
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
