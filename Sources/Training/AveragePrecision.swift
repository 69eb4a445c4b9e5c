package import Datasets

/// How well a class's scores rank the pictures that hold it above those that don't.
///
/// Equal scores are one threshold: pictures that have them are found together, whatever their order.
///
/// - Note: The benchmark (Everingham et al. 2010) is silent about ties.
package struct AveragePrecision: Hashable {
  /// VOC 2007: the mean over the recalls 0, 1/10 and so on to 1 of the best precision at that recall or a higher one.
  package var elevenPoint: Double
  /// VOC 2010: the area under precision by recall, each precision the best at that recall or a higher one.
  package var allPoints: Double

  /// Nil where no picture holds the class.
  ///
  /// - Parameters:
  ///   - scores: One a picture; NaN is our own mistake.
  ///   - presences: Whether the class is in each picture; ignored ones are left out of the ranking.
  package init?(scores: [Double], presences: [Dataset.Presence]) {
    precondition(scores.count == presences.count, "\(scores.count) scores for \(presences.count) pictures")
    precondition(scores.allSatisfy { !$0.isNaN }, "a score that is no number")
    let ranked = zip(scores, presences).filter { $0.1 != .ignored }.map { ($0, $1 == .present) }
      // Of equal scores the negatives first: the best precision from there on is then the one after all of them.
      .sorted { $0.0 != $1.0 ? $0.0 > $1.0 : !$0.1 && $1.1 }
    let positives = ranked.count { $0.1 }
    guard positives > 0 else { return nil }
    var found = 0
    /// Precision where each positive is found: recall is 1/positives, 2/positives and so on.
    var precisions: [Double] = []
    for (place, entry) in ranked.enumerated() where entry.1 {
      found += 1
      precisions.append(Double(found) / Double(place + 1))
    }
    var best = 0.0
    for index in precisions.indices.reversed() {
      best = max(best, precisions[index])
      precisions[index] = best
    }
    allPoints = precisions.reduce(0, +) / Double(positives)
    elevenPoint =
      (0...10).reduce(0.0) { sum, tenth in
        // The first positive whose recall reaches tenth / 10, in whole numbers.
        let index = max(0, (tenth * positives + 9) / 10 - 1)
        return sum + precisions[index]
      } / 11
  }

  /// Of each of so many classes; nil for one that no picture holds.
  ///
  /// - Parameters:
  ///   - scores: A row a picture, a score a class; one that is no number ranks last.
  ///   - presences: As many.
  ///   - classes: The number of classes.
  /// - Returns: One a class.
  package static func byClass(
    scores: [[Float]], presences: [[Dataset.Presence]], classes: Int
  ) -> [AveragePrecision?] {
    (0..<classes).map { index in
      AveragePrecision(
        scores: scores.map { $0[index].isNaN ? -.infinity : Double($0[index]) },
        presences: presences.map { $0[index] })
    }
  }
}
