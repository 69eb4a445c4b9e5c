internal import Execution
public import Files
internal import Kernels
public import Networks
internal import Tensors

/// Raw values of a network for raw inputs, in ONNX's order: what other runtimes are compared with.
public struct Inference {
  /// Runs a network once.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - given: A tensor for each of its inputs, by name, in the file's order.
  ///   - source: Where the tensors come from, for messages.
  ///   - names: Further values to keep: a value of the graph by its name, else a layer, read after its rectifier.
  ///   - isBefore: Whether layers are read before their rectifier.
  ///   - threads: How many compute.
  /// - Returns: The outputs and the values kept, by name, in ONNX's order.
  /// - Throws: ``StudyError`` where a tensor is missing, `NetworkError` where one does not fit.
  public static func values(
    of network: Network, for given: SafeTensors, from source: String, keeping names: [String] = [],
    beforeRectifier isBefore: Bool = false, threads: Int
  ) throws -> SafeTensors {
    var inputs: [String: Tensor] = [:]
    for expected in network.inputs {
      guard let tensor = given.tensors[expected.name] else {
        throw StudyError(
          "\(source) has no tensor '\(expected.name)', which the network takes; it has "
            + "\(given.tensors.keys.sorted().joined(separator: ", ")).")
      }
      let fits =
        tensor.shape.rank == expected.extents.count
        && zip(tensor.shape.dimensions, expected.extentsInFile).allSatisfy {
          $1 == nil || $0 == $1
        }
      guard fits else {
        let extents = expected.extentsInFile.map { $0.map(String.init) ?? "any" }.joined(separator: " x ")
        throw NetworkError.input(
          name: expected.name, expected: extents, found: "\(tensor.shape) in \(source)")
      }
      inputs[expected.name] = try network.fromONNXOrder(tensor, ofInput: expected.name)
    }
    let kept =
      try names.map { ($0, try value(named: $0, of: network, isBefore)) } + network.outputs.map { ($0, $0) }
    let runner = try Runner(network, keeping: kept.map(\.1), threads: threads)
    let trace = try runner.forward(inputs: inputs)
    let shapes = try network.shapes(inputs: inputs.mapValues(\.shape))
    var results: [String: Tensor] = [:]
    for (name, value) in kept {
      if let tensor = trace[value] {
        results[name] = try network.inONNXOrder(tensor, of: value, shapes: shapes)
      }
    }
    return SafeTensors(results)
  }

  private static func value(named name: String, of network: Network, _ isBefore: Bool) throws -> String {
    if network.nodes.contains(where: { $0.outputs.contains(name) })
      || network.inputs.contains(where: { $0.name == name })
    {
      return name
    }
    let layer = try network.layer(named: name)
    return isBefore ? layer.output : layer.featureMaps
  }
}
