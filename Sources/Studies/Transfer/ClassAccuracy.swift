internal import Tensors

/// The share of each class's pictures that are named right, and the mean of the shares: each class counts the same,
/// however many pictures it has.
package struct ClassAccuracy {
  /// By class; nil for a class without pictures.
  package var shares: [Double?]
  /// Of all pictures.
  package var overall: Double

  /// Holds the class named for each picture against its true class.
  package init(predictions: [Int], labels: [Int], classes: Int) {
    precondition(
      predictions.count == labels.count, "\(predictions.count) predictions for \(labels.count) labels")
    var right = [Int](repeating: 0, count: classes)
    var all = right
    for (prediction, label) in zip(predictions, labels) {
      all[label] += 1
      if prediction == label { right[label] += 1 }
    }
    overall = Double(right.reduce(0, +)) / Double(max(labels.count, 1))
    shares = zip(right, all).map { $1 == 0 ? nil : Double($0) / Double($1) }
  }

  /// Over the classes that have pictures.
  package var mean: Double { shares.compactMap(\.self).mean }
}
