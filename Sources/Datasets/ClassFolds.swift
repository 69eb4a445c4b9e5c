internal import Tensors

/// Which pictures a classifier learns from and which it is judged on, several times over.
package struct ClassFold: Hashable, Sendable {
  /// By class, in the order of the draw.
  private let drawn: [[Int]]
  /// Ids of the pictures it is judged on, ascending.
  package let testing: [Int]

  init(drawn: [[Int]], testing: [Int]) {
    self.drawn = drawn
    self.testing = testing
  }

  /// Ids of the pictures it learns from, ascending: the first so many of each class's draw, nil for all, so that a smaller
  /// number's pictures are among a larger one's.
  package func training(perClass: Int?) -> [Int] {
    drawn.flatMap { $0.prefix(perClass ?? .max) }.sorted()
  }
}

extension Dataset {
  /// How pictures are divided.
  public enum Division: String, Hashable, Sendable, CaseIterable {
    /// Training pictures come from the data set's own training list, and its test list (else its validation list) is
    /// what it is judged on.
    case own
    /// Training pictures are drawn from all, and what it is judged on from the rest.
    case folds
  }

  /// Whether the data set has lists of its own to learn from and to be judged on.
  public var isDivided: Bool {
    let splits = splits
    return splits.contains(.train) && (splits.contains(.test) || splits.contains(.validation))
  }

  /// The list that classifiers are judged on.
  private var judgingSplit: Split { splits.contains(.test) ? .test : .validation }

  /// Draws folds of pictures that have a class each, without those of the excluded ids.
  ///
  /// `perClass` are the numbers of training pictures a class that will be asked for; none for all, which
  /// ``Division/own`` alone knows. `testPerClass` is the most of a class to judge on; nil for all.
  ///
  /// - Throws: ``DatasetError``: a class with too few pictures, or none to judge on.
  package func classFolds(
    _ division: Division, perClass: [Int], testPerClass: Int?, count: Int, seed: UInt64,
    excluding excluded: Set<Int> = []
  ) throws(DatasetError) -> [ClassFold] {
    precondition(division == .own || !perClass.isEmpty, "a draw from all pictures needs a number")
    guard let classNames, items.contains(where: { $0.label != nil }) else { throw .noClasses(name: name) }
    if division == .own, !isDivided { throw .noSplit(name: name, split: .test, present: splits) }
    let judge = judgingSplit
    var learn = [[Int]](repeating: [], count: classNames.count)
    var judged = learn
    for item in items where !excluded.contains(item.id) {
      guard let label = item.label else { continue }
      if division == .folds || item.split == .train { learn[label].append(item.id) }
      if division == .own, item.split == judge { judged[label].append(item.id) }
    }
    let most = perClass.max()
    let spare = division == .folds ? 1 : 0
    for (label, ids) in learn.enumerated() where ids.count < (most ?? 1) + spare {
      throw .tooFew(
        name: name, className: classNames[label], found: ids.count, asked: most ?? 1, testing: spare)
    }
    if division == .own, judged.allSatisfy(\.isEmpty) {
      throw .noSplit(name: name, split: judge, present: splits.filter { $0 != judge })
    }
    return (0..<count).map { fold in
      var drawn: [[Int]] = []
      var testing: [Int] = []
      for label in classNames.indices {
        var generator = SeededGenerator(mixing: [seed, UInt64(fold), UInt64(label)])
        let shuffled = learn[label].shuffled(using: &generator)
        switch division {
        case .own:
          drawn.append(shuffled)
          testing += judged[label].shuffled(using: &generator).prefix(testPerClass ?? .max)
        case .folds:
          drawn.append(Array(shuffled.prefix(most ?? 0)))
          testing += shuffled.dropFirst(most ?? 0).prefix(testPerClass ?? .max)
        }
      }
      return ClassFold(drawn: drawn, testing: testing.sorted())
    }
  }

  /// Draws folds of pictures that can hold several classes, by the data set's own lists; or for each fold half of all
  /// pictures learn and the others judge.
  ///
  /// - Throws: ``DatasetError`` where there is nothing to learn from or to judge on.
  package func halves(
    _ division: Division, count: Int, seed: UInt64, excluding excluded: Set<Int> = []
  ) throws(DatasetError) -> [ClassFold] {
    let ids = items.filter { $0.presences != nil && !excluded.contains($0.id) }.map(\.id)
    guard ids.count > 1 else { throw .noClasses(name: name) }
    guard division == .own else {
      return (0..<count).map { fold in
        var generator = SeededGenerator(mixing: [seed, UInt64(fold)])
        let shuffled = ids.shuffled(using: &generator)
        let half = (ids.count + 1) / 2
        return ClassFold(drawn: [Array(shuffled.prefix(half))], testing: shuffled.dropFirst(half).sorted())
      }
    }
    let judge = judgingSplit
    let (learn, judged) = (ids.filter { items[$0].split == .train }, ids.filter { items[$0].split == judge })
    if learn.isEmpty { throw .noSplit(name: name, split: .train, present: splits.filter { $0 != .train }) }
    if judged.isEmpty { throw .noSplit(name: name, split: judge, present: splits.filter { $0 != judge }) }
    return [ClassFold(drawn: [learn], testing: judged)]
  }
}
