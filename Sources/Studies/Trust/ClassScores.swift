internal import Execution
internal import Foundation
internal import Networks
internal import Synchronization
internal import Tensors

/// A class's score and probability for inputs that are made when their turn comes.
///
/// A class because it keeps the network prepared. One call at a time.
final class ClassScores {
  /// What a network says of a class.
  struct Reading: Sendable {
    var score: Double
    var probability: Double
  }

  private let runner: Runner
  private let value: String
  /// How many inputs share a batch of the fully connected layers.
  private static let stretch = 128

  init(_ subject: Subject, _ head: ClassHead, threads: Int, _ cancellation: Cancellation) throws {
    value = head.scores
    runner = try Runner(
      subject.network, keeping: [head.scores], threads: threads, cancellation: cancellation)
  }

  /// What is said of a class, for each of some inputs in order.
  func readings(
    _ count: Int, of label: Int, input: @escaping @Sendable (Int) throws -> Tensor
  ) throws -> [Reading] {
    let found = Mutex([Reading](repeating: Reading(score: 0, probability: 0), count: count))
    let value = value
    for start in stride(from: 0, to: count, by: Self.stretch) {
      try runner.run(over: start..<min(start + Self.stretch, count), input: { try input($0) }) { trace in
        guard let scores = trace[value] else { return }
        let elements = scores.elements
        let classes = elements.count / max(trace.images.count, 1)
        for (place, number) in trace.images.enumerated() {
          let row = elements[place * classes..<(place + 1) * classes].map(Double.init)
          let most = row.max() ?? 0
          let sum = row.reduce(0) { $0 + exp($1 - most) }
          found.withLock {
            $0[number] = Reading(score: row[label], probability: exp(row[label] - most) / sum)
          }
        }
      }
    }
    return found.withLock { $0 }
  }
}
