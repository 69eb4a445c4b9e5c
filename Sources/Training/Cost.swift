package import Datasets
internal import Foundation
package import Kernels
package import Tensors

/// What some pictures' scores cost by a loss, without its overflow.
package struct Cost {
  /// The sum over the pictures, in nats.
  package let loss: Double
  /// How many classes come before each picture's one class; a tie goes to the class that stands first.
  ///
  /// Empty where pictures can hold several.
  package let ranks: [Int]
  /// The gradient of the mean cost at the scores.
  package let signal: Tensor

  /// - Parameters:
  ///   - loss: What is made small.
  ///   - scores: Pictures x classes, or maps of one position.
  ///   - labels: The true class, or classes, of each picture.
  ///   - device: What computes.
  /// - Throws: `KernelError` where there are not as many scores as labels, or the loss does not fit the labels.
  package init(
    _ loss: Loss, of scores: Tensor, labels: Labels, on device: borrowing Device
  ) throws(KernelError) {
    let count = labels.count
    let classes = count == 0 ? 0 : scores.shape.count / count
    guard scores.shape.dimensions.first == count, labels.fit(loss, scores: classes) else {
      throw .shapes(
        operation: "the \(loss.rawValue)", expected: "scores for \(labels)", found: "\(scores.shape)")
    }
    let table = scores.reshaped(to: [count, classes])
    let share = 1 / Float(max(count, 1))
    switch (loss, labels) {
    case (.crossEntropy, .classes(let labels)):
      let logarithms = try device.logSoftmax(table, axis: 1)
      let rows = logarithms.rows
      self.loss = zip(rows, labels).reduce(0) { $0 - Double($1.0[$1.0.startIndex + $1.1]) }
      ranks = zip(rows, labels).map { $0.rank(of: $1) }
      var signal = device.activated(logarithms, by: .exp)
      signal.withMutableSpan { elements in
        for (picture, label) in labels.enumerated() { elements[picture * classes + label] -= 1 }
        for index in elements.indices { elements[index] *= share }
      }
      self.signal = signal.reshaped(to: scores.shape)
    default:
      let rows = table.rows
      let presences = labels.presences(scores: classes)
      self.loss =
        zip(rows, presences).reduce(0) { sum, picture in
          sum + zip(picture.0, picture.1).reduce(0) { $0 + $1.1.cost(of: Double($1.0)) } / Double(classes)
        }
      if case .classes(let labels) = labels {
        ranks = zip(rows, labels).map { $0.scoresByClass.rank(of: $1) }
      } else {
        ranks = []
      }
      var signal = device.activated(table, by: .sigmoid)
      signal.withMutableSpan { elements in
        for (index, presence) in presences.joined().enumerated() {
          switch presence {
          case .present: elements[index] -= 1
          case .absent: break
          case .ignored: elements[index] = 0
          }
          elements[index] *= share / Float(classes)
        }
      }
      self.signal = signal.reshaped(to: scores.shape)
    }
  }
}

extension Dataset.Presence {
  /// The cost of a score, which a sigmoid makes the probability that the class is there; in nats.
  fileprivate func cost(of score: Double) -> Double {
    switch self {
    case .present: max(-score, 0) + log1p(exp(-abs(score)))
    case .absent: max(score, 0) + log1p(exp(-abs(score)))
    case .ignored: 0
    }
  }
}

extension Labels {
  /// Whether so many scores a picture tell these labels by a loss.
  fileprivate func fit(_ loss: Loss, scores: Int) -> Bool {
    switch self {
    case .classes(let labels):
      let classes = loss == .binaryCrossEntropy && scores == 1 ? 2 : scores
      return labels.allSatisfy { (0..<classes).contains($0) }
    case .presences(let presences):
      return loss == .binaryCrossEntropy && presences.allSatisfy { $0.count == scores }
    }
  }

  /// For each picture and score whether the score's class is there; one score alone speaks for the second of two classes.
  fileprivate func presences(scores: Int) -> [[Dataset.Presence]] {
    switch self {
    case .presences(let presences): presences
    case .classes(let labels):
      labels.map { label in
        (0..<scores).map { label == (scores == 1 ? 1 : $0) ? .present : .absent }
      }
    }
  }
}

extension Tensor {
  /// The rows of a table.
  fileprivate var rows: [ArraySlice<Float>] {
    let (elements, width) = (elements, shape[1])
    return (0..<shape[0]).map { elements[$0 * width..<($0 + 1) * width] }
  }
}

extension Collection<Float> {
  /// A score for each class: where one score tells two classes apart, it is the second's, against zero.
  package var scoresByClass: [Float] { count == 1 ? [0] + self : Array(self) }

  /// How many values come before the one at a place: larger ones, and of equal ones those that stand first.
  func rank(of place: Int) -> Int {
    let own = self[index(startIndex, offsetBy: place)]
    return enumerated().count { $1 > own || $1 == own && $0 < place }
  }
}
