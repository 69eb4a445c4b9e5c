package import Kernels
package import Tensors

/// The cost of some pictures' scores: softmax cross-entropy, without its overflow.
package struct CrossEntropy {
  /// The sum over the pictures, in nats.
  package let loss: Double
  /// How many classes come before each picture's true one; a tie goes to the class that stands first.
  package let ranks: [Int]
  /// The gradient of the mean cost at the scores.
  package let signal: Tensor

  /// - Parameters:
  ///   - scores: Pictures x classes, or maps of one position.
  ///   - labels: The true class of each picture.
  ///   - device: What computes.
  /// - Throws: `KernelError` where there are not as many scores as labels, or a label is no class.
  package init(of scores: Tensor, labels: [Int], on device: borrowing Device) throws(KernelError) {
    let count = labels.count
    let classes = count == 0 ? 0 : scores.shape.count / count
    guard scores.shape.dimensions.first == count, labels.allSatisfy({ (0..<classes).contains($0) }) else {
      throw .shapes(
        operation: "the cost", expected: "\(count) pictures' scores for labels up to \(labels.max() ?? 0)",
        found: "\(scores.shape)")
    }
    let table = scores.reshaped(to: [count, classes])
    let logarithms = try device.logSoftmax(table, axis: 1)
    var signal = device.activated(logarithms, by: .exp)
    var loss = 0.0
    var ranks: [Int] = []
    logarithms.withSpan { values in
      for (picture, label) in labels.enumerated() {
        let first = picture * classes
        let own = values[first + label]
        loss -= Double(own)
        ranks.append(
          (0..<classes).count { values[first + $0] > own || values[first + $0] == own && $0 < label })
      }
    }
    let share = 1 / Float(max(count, 1))
    signal.withMutableSpan { elements in
      for (picture, label) in labels.enumerated() {
        elements[picture * classes + label] -= 1
        for index in picture * classes..<(picture + 1) * classes { elements[index] *= share }
      }
    }
    self.loss = loss
    self.ranks = ranks
    self.signal = signal.reshaped(to: scores.shape)
  }
}
