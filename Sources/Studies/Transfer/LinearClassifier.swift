package import Tensors

/// A score for each class that is linear in the features; the highest score names the class.
package struct LinearClassifier {
  package let classes: Int
  package let features: Int
  /// Features x classes.
  package let weights: [Double]
  /// One a class.
  package let biases: [Double]

  package init(classes: Int, features: Int, weights: [Double], biases: [Double]) {
    precondition(
      weights.count == classes * features && biases.count == classes,
      "\(weights.count) weights and \(biases.count) biases for \(features) features and \(classes) classes")
    self.classes = classes
    self.features = features
    self.weights = weights
    self.biases = biases
  }

  /// The scores of pictures x features, as pictures x classes in row-major order, summed in double precision.
  package func scores(of pictures: Tensor) -> [Double] {
    precondition(
      pictures.shape.rank == 2 && pictures.shape[1] == features, "\(pictures.shape) for \(features) features")
    let count = pictures.shape[0]
    var scores: [Double] = []
    var sums = [Double](repeating: 0, count: classes)
    pictures.withSpan { elements in
      let table = weights.span
      for picture in 0..<count {
        for index in 0..<classes { sums[index] = biases[index] }
        for feature in 0..<features {
          let element = Double(elements[picture * features + feature])
          if element == 0 { continue }
          let first = feature * classes
          for index in 0..<classes { sums[index] += element * table[first + index] }
        }
        scores += sums
      }
    }
    return scores
  }

  /// The class of each of pictures x features: the highest score's; of equal ones the class that stands first.
  package func predictions(for pictures: Tensor) -> [Int] {
    let scores = scores(of: pictures)
    return (0..<pictures.shape[0]).map { picture in
      let row = scores[picture * classes..<(picture + 1) * classes]
      return row.indices.reduce(row.startIndex) { row[$1] > row[$0] ? $1 : $0 } - row.startIndex
    }
  }
}
