import Datasets
import Foundation
import Studies
import Tensors
import Testing

/// Pictures as points around one centre a class, some features zero as a rectifier leaves them.
private struct Cloud {
  let features: Tensor
  let labels: [Int]

  init(_ each: Int, classes: Int, width: Int, spread: Float, seed: UInt64 = 9) {
    var generator = SeededGenerator(seed: seed)
    let centres = (0..<classes).map { _ in
      (0..<width).map { _ in Float.random(in: -1...1, using: &generator) }
    }
    labels = (0..<each * classes).map { $0 % classes }
    var elements: [Float] = []
    for label in labels {
      for feature in 0..<width {
        elements.append(
          max(0, centres[label][feature] + Float.random(in: -spread...spread, using: &generator)))
      }
    }
    // The last feature is everybody's, so that a text file tells how many there are.
    for picture in labels.indices { elements[(picture + 1) * width - 1] = 0.5 }
    features = Tensor([labels.count, width], elements: elements)
  }
}

@Suite struct LinearMachines {
  private static let tool = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].flatMap {
    [$0 + "/liblinear-train", $0 + "/train-liblinear"]
  }.first(where: FileManager.default.isExecutableFile)

  /// What `liblinear-train` makes of the same features: weights by feature, the bias last, in the order of its labels.
  private func program(_ cloud: Cloud, cost: Double) throws -> (labels: [Int], weights: [[Double]]) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("linear-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let width = cloud.features.shape[1]
    let elements = cloud.features.elements
    let lines = cloud.labels.enumerated().map { picture, label in
      let row = (0..<width).filter { elements[picture * width + $0] != 0 }.map {
        "\($0 + 1):\(Double(elements[picture * width + $0]))"
      }
      return "\(label) " + row.joined(separator: " ") + "\n"
    }
    let (data, model) = (folder.appendingPathComponent("data"), folder.appendingPathComponent("model"))
    try Data(lines.joined().utf8).write(to: data)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.tool ?? "")
    process.arguments = ["-q", "-s", "1", "-B", "1", "-c", "\(cost)", data.path, model.path]
    try process.run()
    process.waitUntilExit()
    let text = try String(contentsOf: model, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: " ")
    }
    let labels = text.first { $0.first == "label" }?.dropFirst().compactMap { Int($0) } ?? []
    let start = try #require(text.firstIndex { $0 == ["w"] })
    return (labels, text[(start + 1)...].map { $0.compactMap { Double($0) } })
  }

  @Test(
    .enabled(if: tool != nil, "skipped: liblinear-train is not installed (Debian: liblinear-tools)"),
    arguments: [2, 5], [0.25, 1, 30])
  func `decision values are those of LIBLINEAR's own program`(classes: Int, cost: Double) throws {
    let cloud = Cloud(30, classes: classes, width: 24, spread: 2)
    let (labels, weights) = try program(cloud, cost: cost)
    let mine = LinearMachine.trained(
      on: cloud.features, labels: cloud.labels, classes: classes, cost: cost
    ).scores(of: cloud.features)
    let elements = cloud.features.elements
    #expect(weights.count == 25 && labels.count == classes)
    var largest = 0.0
    for picture in cloud.labels.indices {
      for (column, label) in labels.enumerated() where column < weights[0].count {
        let sum = (0..<24).reduce(weights[24][column]) {
          $0 + weights[$1][column] * Double(elements[picture * 24 + $1])
        }
        largest = max(largest, abs(sum - mine[picture * classes + label]))
        if classes == 2 { largest = max(largest, abs(sum + mine[picture * 2 + 1 - label])) }
      }
    }
    // The program writes seventeen digits; the sums' orders are the same.
    #expect(largest < 1e-12, "\(largest)")
  }

  @Test func `the same features give the same machine, also when others are trained at once`() async {
    let cloud = Cloud(20, classes: 4, width: 12, spread: 1.5)
    let alone = LinearMachine.trained(on: cloud.features, labels: cloud.labels, classes: 4, cost: 1)
    let together = await withTaskGroup(of: [Double].self) { group in
      for _ in 0..<6 {
        group.addTask {
          LinearMachine.trained(on: cloud.features, labels: cloud.labels, classes: 4, cost: 1).weights
        }
      }
      return await group.reduce(into: [[Double]]()) { $0.append($1) }
    }
    #expect(together.allSatisfy { $0 == alone.weights })
  }

  @Test func `classes apart are told apart, in whatever order they come`() {
    let cloud = Cloud(10, classes: 3, width: 16, spread: 0.1)
    let order = Array(cloud.labels.indices.reversed())
    for rows in [Array(cloud.labels.indices), order] {
      let features = Tensor.stacking(rows.map { cloud.features.slices($0..<$0 + 1) })
      let labels = rows.map { cloud.labels[$0] }
      let machine = LinearMachine.trained(on: features, labels: labels, classes: 3, cost: 10)
      #expect(machine.predictions(for: features) == labels)
    }
  }

  @Test func `scores by hand, and of equal ones the first class is named`() {
    let classifier = LinearClassifier(classes: 2, features: 2, weights: [1, -1, 2, 0], biases: [0.5, 1])
    let pictures = Tensor([2, 2], elements: [3, 1, 0.25, 0])
    #expect(classifier.scores(of: pictures) == [5.5, -2, 0.75, 0.75])
    #expect(classifier.predictions(for: pictures) == [0, 0])
  }
}

@Suite struct SoftmaxRegressions {
  /// The objective as it reads, in double precision: weights by feature and class.
  private func objective(_ classifier: LinearClassifier, _ cloud: Cloud, cost: Double) -> Double {
    let scores = classifier.scores(of: cloud.features)
    let loss = cloud.labels.enumerated().reduce(0.0) { sum, entry in
      let row = scores[entry.offset * classifier.classes..<(entry.offset + 1) * classifier.classes]
      return sum + log(row.reduce(0) { $0 + exp($1) }) - row[row.startIndex + entry.element]
    }
    return cost * loss + classifier.weights.reduce(0) { $0 + $1 * $1 } / 2
  }

  @Test(arguments: [0.1, 1, 20]) func `no step in any direction is better`(cost: Double) throws {
    let cloud = Cloud(20, classes: 4, width: 10, spread: 1.5)
    let best = try SoftmaxRegression.trained(
      on: cloud.features, labels: cloud.labels, classes: 4, cost: cost, tolerance: 1e-5)
    let least = objective(best, cloud, cost: cost)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<60 {
      let size = [0.3, 0.03, 0.003][Int.random(in: 0..<3, using: &generator)]
      func moved(_ values: [Double]) -> [Double] {
        values.map { $0 + size * Double.random(in: -1...1, using: &generator) }
      }
      let other = LinearClassifier(
        classes: 4, features: 10, weights: moved(best.weights), biases: moved(best.biases))
      #expect(objective(other, cloud, cost: cost) > least)
    }
  }

  @Test func `at the end the gradient is next to nothing`() throws {
    let cloud = Cloud(20, classes: 3, width: 8, spread: 1.5)
    let best = try SoftmaxRegression.trained(
      on: cloud.features, labels: cloud.labels, classes: 3, cost: 2, tolerance: 1e-5)
    let zero = LinearClassifier(
      classes: 3, features: 8, weights: [Double](repeating: 0, count: 24), biases: [0, 0, 0])
    func slopes(at classifier: LinearClassifier) -> [Double] {
      (0..<24).map { index in
        func value(_ step: Double) -> Double {
          var weights = classifier.weights
          weights[index] += step
          return objective(
            LinearClassifier(classes: 3, features: 8, weights: weights, biases: classifier.biases), cloud,
            cost: 2)
        }
        return (value(1e-5) - value(-1e-5)) / 2e-5
      }
    }
    let first = slopes(at: zero).map { $0 * $0 }.reduce(0, +).squareRoot()
    let last = slopes(at: best).map { $0 * $0 }.reduce(0, +).squareRoot()
    #expect(last < 1e-4 * first, "\(last) of \(first)")
  }

  @Test func `a bias alone learns how frequent the classes are`() throws {
    // Features of zeros: the optimum is the logarithm of the shares, up to a constant.
    let features = Tensor([8, 2])
    let classifier = try SoftmaxRegression.trained(
      on: features, labels: [0, 0, 0, 0, 0, 0, 1, 1], classes: 2, cost: 1, tolerance: 1e-6)
    #expect(abs(classifier.biases[0] - classifier.biases[1] - log(3)) < 1e-4)
    #expect(classifier.weights.allSatisfy { $0 == 0 })
  }

  @Test func `threads change nothing but time`() throws {
    let cloud = Cloud(10, classes: 3, width: 16, spread: 1)
    let one = try SoftmaxRegression.trained(
      on: cloud.features, labels: cloud.labels, classes: 3, cost: 1, threads: 1)
    let again = try SoftmaxRegression.trained(
      on: cloud.features, labels: cloud.labels, classes: 3, cost: 1, threads: 1)
    #expect(one.weights == again.weights)
    let two = try SoftmaxRegression.trained(
      on: cloud.features, labels: cloud.labels, classes: 3, cost: 1, threads: 2)
    #expect(two.predictions(for: cloud.features) == one.predictions(for: cloud.features))
  }
}

@Suite struct Transfers {
  private let cloud = Cloud(12, classes: 3, width: 16, spread: 0.6)

  @Test(arguments: Transfer.Classifier.allCases)
  func `pictures that were not learned from are named`(classifier: Transfer.Classifier) throws {
    let study = Transfer(layer: "conv1", features: cloud.features, labels: .classes(cloud.labels), classes: 3)
    let outcome = try study.outcome(
      of: classifier, cost: .given(1), training: Array(0..<18), testing: Array(18..<36))
    #expect(outcome.classes.count == 3 && outcome.mean > 0.9 && outcome.cost == 1)
    let chosen = try study.outcome(
      of: classifier, cost: .crossValidated, training: Array(0..<18), testing: Array(18..<36), seed: 4)
    #expect([0.01, 0.1, 1, 10, 100].contains(chosen.cost ?? 0) && chosen.mean > 0.9)
  }

  @Test func `features that tell nothing apart are an error, and so is a class too small to divide`() throws {
    let study = Transfer(
      layer: "conv9", features: Tensor([4, 5], repeating: 3), labels: .classes([0, 1, 0, 1]), classes: 2)
    let constant = #expect(throws: StudyError.self) {
      try study.outcome(of: .svm, cost: .given(1), training: [0, 1], testing: [2, 3])
    }
    #expect(constant?.description.contains("layer conv9 is the same in all 2 training images") == true)
    let small = Transfer(layer: "a", features: cloud.features, labels: .classes(cloud.labels), classes: 3)
    let undivided = #expect(throws: StudyError.self) {
      try small.outcome(of: .svm, cost: .crossValidated, training: [0, 1, 2], testing: [3])
    }
    #expect(undivided?.description.contains("a class has one training image") == true)
  }

  @Test(arguments: Transfer.Classifier.allCases)
  func `classes that share pictures are ranked each for itself`(classifier: Transfer.Classifier) throws {
    // Class 2 is only difficult or absent; class 3 is never there to learn from.
    let presences = cloud.labels.indices.map { picture -> [Dataset.Presence] in
      [
        cloud.labels[picture] == 0 ? .present : .absent, cloud.labels[picture] != 1 ? .present : .absent,
        picture % 2 == 0 ? .ignored : .absent, picture == 35 ? .present : .absent,
      ]
    }
    let study = Transfer(layer: "a", features: cloud.features, labels: .presences(presences), classes: 4)
    let outcome = try study.outcome(
      of: classifier, cost: .given(1), training: Array(0..<18), testing: Array(18..<36))
    #expect((outcome.classes[0] ?? 0) > 0.95 && (outcome.classes[1] ?? 0) > 0.95)
    #expect(outcome.classes[2] == nil)
    #expect(outcome.classes[3] == 1.0 / 18)
    #expect(outcome.elevenPoint?.count == 4 && outcome.overall == nil)
    #expect(abs(outcome.mean - outcome.classes.compactMap(\.self).reduce(0, +) / 3) < 1e-15)
  }

  @Test func `each class counts the same, however many pictures it has`() {
    let accuracy = TransferTable.Outcome(predictions: [0, 0, 0, 1, 2], labels: [0, 0, 0, 0, 2], classes: 4)
    #expect(accuracy.classes == [0.75, nil, 1, nil])
    #expect(accuracy.mean == 0.875 && accuracy.overall == 0.8)
  }

  @Test func `a row is the mean of its folds, with the deviation of a sample`() {
    let outcomes = [
      TransferTable.Outcome(classes: [0.5, nil], overall: 0.4, cost: 1),
      TransferTable.Outcome(classes: [0.7, 0.9], overall: 0.6, cost: 10),
    ]
    let row = TransferTable.Row(
      layer: "a", pooling: "none", features: 4, classifier: "svm", perClass: 3, outcomes: outcomes)
    #expect(row.folds == [0.5, 0.8] && row.accuracy == 0.65 && row.overall == 0.5 && row.costs == [1, 10])
    #expect(abs(row.deviation - 0.3 / 2.0.squareRoot()) < 1e-15)
    #expect(row.classes == [0.6, 0.9])
  }
}
