internal import ONNXMessages
internal import Tensors

extension Onnx_GraphProto {
  /// The graph with names apart that differ in their bytes and read the same: as a `String`, two forms of an accented
  /// name are one.
  ///
  /// The first of such names keeps its own, each other one gets a number.
  var withNamesApart: Onnx_GraphProto {
    let all =
      input.map(\.name) + initializer.map(\.name) + node.flatMap { [$0.name] + $0.output + $0.input }
      + output.map(\.name)
    var taken = Set(all)
    guard Set(all.map { ExactName($0) }).count > taken.count else { return self }
    var kept = Set<String>()
    var given: [ExactName: String] = [:]
    for name in all where given[ExactName(name)] == nil {
      var own = name
      var number = 2
      if !kept.insert(name).inserted {
        repeat {
          own = "\(name)~\(number)"
          number += 1
        } while !taken.insert(own).inserted
      }
      given[ExactName(name)] = own
    }
    func apart(_ name: String) -> String { given[ExactName(name)] ?? name }
    var graph = self
    for index in input.indices { graph.input[index].name = apart(input[index].name) }
    for index in output.indices { graph.output[index].name = apart(output[index].name) }
    for index in initializer.indices { graph.initializer[index].name = apart(initializer[index].name) }
    for index in node.indices {
      graph.node[index].name = apart(node[index].name)
      graph.node[index].input = node[index].input.map(apart)
      graph.node[index].output = node[index].output.map(apart)
    }
    return graph
  }
}
