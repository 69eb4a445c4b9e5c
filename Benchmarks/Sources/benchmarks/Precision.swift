import ArgumentParser
import Foundation
import Switchback

/// How far each way of computing a convolution is from sums in double precision, layer by layer on pictures, and how many
/// winners of the pool that follows it changes.
///
/// Every method is given the same input, the one that direct passes give, and is checked at places drawn by chance.
struct Precision: ParsableCommand {
  @Argument(help: "An ONNX file.") var model: String
  @Argument(help: "A folder of pictures.") var pictures: String
  @Option(help: "How many of them.") var count = 20
  @Option(help: "Places a picture at which all units are summed in double precision.") var places = 20

  /// Errors as shares of the layer's largest value.
  private struct Errors {
    var worst = 0.0
    var squares = 0.0
    var terms = 0
    var changed = 0
    var winners = 0
  }

  func run() throws {
    let subject = try PreparedFolder(model: model, pictures: pictures)
    let network = subject.network
    let convolutions = network.nodes.compactMap { node -> (Network.Node, Convolution)? in
      guard case .convolution(let convolution) = node.operation else { return nil }
      return (node, convolution)
    }
    let inputs = Set(convolutions.map { $0.0.inputs[0] })
    let runner = try Runner(network, keeping: Array(inputs), recordingSwitches: true)
    let methods: [(String, ConvolutionMethod.Choice)] = [
      ("direct", .by(.direct)), ("tiles of 2", .by(.winograd(side: 2))), ("tiles of 3", .by(.winograd(side: 3))),
      ("tiles of 4", .by(.winograd(side: 4))), ("tiles of 5", .by(.winograd(side: 5))), ("taken", .fastest),
    ]
    var found: [String: [Errors]] = [:]
    var device = Device(threads: 2)
    var generator = SeededGenerator(seed: 3)
    for index in 0..<min(count, subject.count) {
      guard let picture = try subject.input(index) else { continue }
      let trace = try runner.forward(picture)
      for (node, convolution) in convolutions {
        let input = trace[node.inputs[0]] ?? picture
        let sliding = convolution.rule.resolved(over: input.shape)
        let pool = try pool(after: node, in: network)
        var direct: [UInt16]?
        var exact: [(place: Int, sums: [Double])]?
        var errors = found[node.outputs[0]] ?? Array(repeating: Errors(), count: methods.count)
        for (number, (_, choice)) in methods.enumerated() {
          let made = try device.convolution(
            input, filters: convolution.filters, bias: convolution.bias, over: sliding,
            groups: convolution.groups, choice)
          let elements = made.elements
          let units = made.shape.channels
          if exact == nil {
            exact = (0..<places).map { _ in
              let place = Int.random(in: 0..<made.shape.rows * made.shape.columns, using: &generator)
              return (place, sums(at: place, of: convolution, input, sliding, columns: made.shape.columns))
            }
          }
          let largest = Double(elements.map { abs($0) }.max() ?? 0)
          for (place, sums) in exact ?? [] {
            for unit in 0..<units where largest > 0 {
              let error = abs(Double(elements[place * units + unit]) - sums[unit]) / largest
              errors[number].worst = max(errors[number].worst, error)
              errors[number].squares += error * error
              errors[number].terms += 1
            }
          }
          if let pool {
            let (_, switches) = try device.maxPoolingWithSwitches(
              device.activated(made, by: .relu), over: pool.resolved(over: made.shape))
            let winners = switches.winners
            let base = direct ?? winners
            direct = base
            errors[number].winners += winners.count
            errors[number].changed += zip(winners, base).count { $0 != $1 }
          }
        }
        found[node.outputs[0]] = errors
      }
    }
    print("| layer | method | worst error | typical error | winners changed |\n|---|---|---|---|---|")
    for (node, _) in convolutions {
      for (number, (name, _)) in methods.enumerated() {
        guard let errors = found[node.outputs[0]]?[number], errors.terms > 0 else { continue }
        let typical = (errors.squares / Double(errors.terms)).squareRoot()
        let changed = errors.winners == 0 ? "" : "\(errors.changed) of \(errors.winners)"
        print(
          "| \(node.outputs[0]) | \(name) | \(String(format: "%.1e", errors.worst)) |",
          "\(String(format: "%.1e", typical)) | \(changed) |")
      }
    }
  }

  /// The max pool that reads a convolution, through a rectifier or not.
  private func pool(after node: Network.Node, in network: Network) throws -> SlidingRule? {
    for next in network.nodes where next.inputs.contains(node.outputs[0]) {
      if case .maxPooling(let rule) = next.operation { return rule }
      if case .activation(.relu) = next.operation { return try pool(after: next, in: network) }
    }
    return nil
  }

  /// All units' sums at one place of the first image.
  private func sums(
    at place: Int, of convolution: Convolution, _ input: Tensor, _ sliding: Sliding, columns: Int
  ) -> [Double] {
    let (filters, values, shape) = (convolution.filters.elements, input.elements, input.shape)
    let (units, each) = (convolution.filters.shape[0], convolution.filters.shape[3])
    let (rows, window) = (sliding.rows, sliding.columns)
    let bias = convolution.bias?.elements ?? []
    return (0..<units).map { unit in
      let group = unit / (units / convolution.groups)
      var sum = bias.isEmpty ? 0 : Double(bias[unit])
      for row in 0..<rows.window {
        let down = place / columns * rows.stride - rows.before + row * rows.dilation
        for column in 0..<window.window where (0..<shape.rows).contains(down) {
          let across = place % columns * window.stride - window.before + column * window.dilation
          guard (0..<shape.columns).contains(across) else { continue }
          let at = (down * shape.columns + across) * shape.channels + group * each
          let filter = ((unit * rows.window + row) * window.window + column) * each
          for channel in 0..<each { sum += Double(values[at + channel]) * Double(filters[filter + channel]) }
        }
      }
      return sum
    }
  }
}
