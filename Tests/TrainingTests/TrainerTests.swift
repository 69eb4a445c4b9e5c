import Datasets
import Execution
import Files
import Foundation
import Images
import Kernels
import NetworkFixtures
import Networks
import Tensors
import Testing
import Training

/// Pictures in memory: a bright square on noise, its corner the class.
struct Squares: LabelledPictures {
  let corners: [Int]
  var labels: Labels { .classes(corners) }
  let unreadable: Set<Int>
  let seed: UInt64
  static let names = ["top left", "top right", "bottom left", "bottom right"]

  init(_ count: Int, seed: UInt64, unreadable: Set<Int> = [], only: Int? = nil) {
    corners = (0..<count).map { only ?? $0 % 4 }
    self.seed = seed
    self.unreadable = unreadable
  }

  func picture(_ id: Int) throws -> Picture? {
    if unreadable.contains(id) { return nil }
    var generator = SeededGenerator(seed: seed &* 1_000_003 &+ UInt64(id))
    let side = 18
    var pixels = (0..<side * side * 3).map { _ in UInt8.random(in: 0...120, using: &generator) }
    let top = corners[id] / 2 * 9 + 2
    let left = corners[id] % 2 * 9 + 2
    for row in top..<top + 5 {
      for column in left..<left + 5 {
        for channel in 0..<3 { pixels[(row * side + column) * 3 + channel] = 230 }
      }
    }
    return Picture(rows: side, columns: side, pixels: pixels)
  }
}

/// Pictures in memory: noise, each corner bright or not for itself; a corner that is neither is not told.
struct Corners: LabelledPictures {
  let presences: [[Dataset.Presence]]
  let seed: UInt64
  var labels: Labels { .presences(presences) }

  init(_ count: Int, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    self.seed = seed
    presences = (0..<count).map { _ in
      (0..<4).map { _ in [.present, .absent, .absent, .ignored][Int.random(in: 0..<4, using: &generator)] }
    }
  }

  func picture(_ id: Int) throws -> Picture? {
    var generator = SeededGenerator(seed: seed &* 1_000_003 &+ UInt64(id))
    let side = 18
    var pixels = (0..<side * side * 3).map { _ in UInt8.random(in: 0...120, using: &generator) }
    for (corner, presence) in presences[id].enumerated() {
      let isBright = presence == .present || presence == .ignored && Bool.random(using: &generator)
      for row in corner / 2 * 9 + 2..<corner / 2 * 9 + 7 where isBright {
        for place in (row * side + corner % 2 * 9 + 2) * 3..<(row * side + corner % 2 * 9 + 7) * 3 {
          pixels[place] = 230
        }
      }
    }
    return Picture(rows: side, columns: side, pixels: pixels)
  }
}

/// A folder that goes with the test.
final class Scratch {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("switchback-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Every file below, by name.
  var files: [String: Data] {
    var found: [String: Data] = [:]
    for name in FileManager.default.enumerator(atPath: path)?.compactMap({ $0 as? String }) ?? [] {
      found[name] = FileManager.default.contents(atPath: path + "/" + name)
    }
    return found
  }
}

@Suite struct Trainers {
  static func recipe(epochs: Int = 3) -> Recipe {
    var recipe = Recipe()
    recipe.epochs = epochs
    recipe.batch = 16
    recipe.augmentation = .none
    recipe.rate = 0.02
    recipe.stepsBetweenCheckpoints = 3
    return recipe
  }

  static func network() throws -> Network {
    var build = TinyNetworks.Builder(seed: 1)
    build.convolution("conv1", 8, of: 3, window: 3, stride: 2)
    build.relu("relu1")
    build.add("pool1", .maxPooling(SlidingRule(window: [2, 2], strides: [2, 2])))
    build.add("flat", .flatten)
    build.add("fc1", .innerProduct(InnerProduct(weights: build.random([12, 72]), bias: build.random([12]))))
    build.relu("relu2")
    build.add("drop", .dropout(ratio: 0.25))
    build.add("fc2", .innerProduct(InnerProduct(weights: build.random([4, 12]), bias: build.random([4]))))
    build.add("softmax", .softmax(axis: 1))
    var network = try build.network(rows: 16, columns: 16)
    network.preprocessing = Preprocessing(resize: nil, crop: .init(center: 16), scale: 1 / 128)
    network.classes = Squares.names
    return network.replacingOperations { node in
      var operation = node.operation
      operation.withParameter(.weights) { weights in
        let inputs = Float(weights.shape.count / weights.shape[0])
        weights = Tensor(weights.shape, elements: weights.elements.map { $0 * (6 / inputs).squareRoot() })
      }
      operation.withParameter(.bias) { $0 = Tensor($0.shape) }
      return operation
    }
  }

  static let data = TrainingData(
    classNames: Squares.names, training: Squares(70, seed: 1), validation: Squares(24, seed: 2))

  static let several = TrainingData(
    classNames: Squares.names, training: Corners(120, seed: 1), validation: Corners(60, seed: 2))

  private func trainer(
    _ folder: CheckpointFolder, _ recipe: Recipe = recipe(), data: TrainingData = data
  ) throws -> Trainer {
    func beginning() throws -> Network {
      var generator = SeededGenerator(seed: 3)
      let network = try Self.network()
      return data.training.labels.isMultiple
        ? try network.classifying(data.classNames, ending: .sigmoid, using: &generator) : network
    }
    let start = try folder.latest() ?? .init(network: try beginning())
    return try Trainer(start, recipe: recipe, data: data, folder: folder, threads: 2)
  }

  @Test func `a small network learns, and what it writes classifies the same`() throws {
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    let trainer = try trainer(folder, Self.recipe(epochs: 12))
    var entries: [EpochEntry] = []
    try trainer.run(keepsGoing: { true }) { event in
      if case .epoch(let entry) = event { entries.append(entry) }
    }
    #expect(trainer.isFinished)
    #expect(entries.map(\.epoch) == Array(1...12))
    #expect(try #require(entries.last?.top1) > 0.9)
    #expect(try #require(entries.last).loss < entries[0].loss)
    let stored = folder.entries()
    #expect(stored.map(\.loss) == entries.map(\.loss))
    let written = try Network(onnx: scratch.path + "/models/final.onnx")
    #expect(written.classes == Squares.names)
    let learned = try trainer.learner.network
    #expect(written.preprocessing == learned.preprocessing)
    let picture = try #require(try Squares(4, seed: 9).picture(3)).prepared(
      try #require(written.preprocessing)
    ).tensor
    let runner = try Runner(written, keeping: ["fc2.out"], threads: 1)
    let found = try #require(try runner.forward(picture)["fc2.out"]).elements
    for (one, other) in zip(found, try trainer.learner.scores(of: [picture]).elements) {
      #expect(abs(one - other) <= 1e-4 * max(1, abs(other)))
    }
  }

  @Test func `a small network learns several labels a picture, and what it writes ends in sigmoids`() throws {
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    var recipe = Self.recipe(epochs: 30)
    recipe.rate = 0.1
    let trainer = try trainer(folder, recipe, data: Self.several)
    #expect(trainer.learner.loss == .binaryCrossEntropy)
    let before = try #require(try trainer.tenCropAccuracy())
    // A third of what is told is there: chance ranks it so.
    #expect((0.2...0.6).contains(try #require(before.meanAveragePrecision)), "\(before)")
    #expect(before.top1 == nil && before.top5 == nil && before.pictures == 60)
    try trainer.run()
    let entries = folder.entries()
    let last = try #require(entries.last)
    #expect(try #require(last.meanAveragePrecision) > 0.9, "\(last)")
    #expect(last.loss < 0.5 * entries[0].loss)
    #expect(
      entries.allSatisfy { $0.trainTop1 == nil && $0.trainTop5 == nil && $0.top1 == nil && $0.top5 == nil })
    let written = try Network(onnx: scratch.path + "/models/final.onnx")
    let head = try #require(try written.classHead())
    #expect(head.squashing == .sigmoid && head.classes == 4 && head.notes.isEmpty)
    let picture = try #require(try Corners(4, seed: 9).picture(3)).prepared(
      try #require(written.preprocessing)
    ).tensor
    let trace = try Runner(written, keeping: [head.scores, head.output], threads: 1).forward(picture)
    let (scores, given) = (try #require(trace[head.scores]), try #require(trace[head.output]))
    for (probability, score) in zip(given.elements, scores.elements) {
      #expect(abs(Double(probability) - 1 / (1 + exp(-Double(score)))) < 1e-6)
    }
    for (one, other) in zip(scores.elements, try trainer.learner.scores(of: [picture]).elements) {
      #expect(abs(one - other) <= 1e-4 * max(1, abs(other)))
    }
  }

  @Test func `one score learns to tell two classes apart`() throws {
    let names = ["left", "right"]
    struct Halves: LabelledPictures {
      let squares: Squares
      var labels: Labels { .classes(squares.corners.map { $0 % 2 }) }
      func picture(_ id: Int) throws -> Picture? { try squares.picture(id) }
    }
    let data = TrainingData(
      classNames: names, training: Halves(squares: Squares(70, seed: 1)),
      validation: Halves(squares: Squares(24, seed: 2)))
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    var generator = SeededGenerator(seed: 3)
    let network = try Self.network().classifying(names, scores: 1, ending: .sigmoid, using: &generator)
    let trainer = try Trainer(
      .init(network: network), recipe: Self.recipe(epochs: 12), data: data, folder: folder, threads: 2)
    try trainer.run()
    let last = try #require(folder.entries().last)
    #expect(try #require(last.top1) > 0.9 && last.top5 == 1, "\(last)")
    #expect(try #require(last.trainTop1) > 0.9 && last.meanAveragePrecision == nil)
    let head = try #require(try Network(onnx: scratch.path + "/models/final.onnx").classHead())
    #expect(head.squashing == .sigmoid && head.classes == 1)
  }

  @Test func `a loss, a network's end and labels that do not fit are refused`() throws {
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    func refusal(_ data: TrainingData, _ loss: Loss?) -> String {
      var recipe = Self.recipe()
      recipe.loss = loss
      do {
        _ = try Trainer(
          .init(network: try Self.network()), recipe: recipe, data: data, folder: folder, threads: 1)
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal(Self.data, nil) == "" && refusal(Self.data, .crossEntropy) == "")
    #expect(refusal(Self.data, .binaryCrossEntropy).contains("ends for cross-entropy"))
    #expect(refusal(Self.several, nil).contains("takes a sigmoid"))
    #expect(refusal(Self.several, .crossEntropy).contains("these can hold several"))
  }

  @Test func `a history of pictures of one class each keeps its fields`() throws {
    let scratch = try Scratch()
    try trainer(try CheckpointFolder(run: scratch.path), Self.recipe(epochs: 1)).run()
    let line = String(decoding: try #require(scratch.files["history.jsonl"]), as: UTF8.self)
    let keys = line.matches(of: /"([A-Za-z0-9]+)":/).map { String($0.1) }
    #expect(
      keys == [
        "epoch", "loss", "picturesPerSecond", "rate", "top1", "top5", "trainTop1", "trainTop5",
      ])
  }

  /// Five or eight steps an epoch: stopping after as many is stopping before the epoch is judged.
  @Test(arguments: [1, 2, 4, 5, 7, 8], [Recipe.Schedule.plateau, .cosine])
  func `stopped after any step and gone on with, it ends with the same bytes`(
    stops: Int, schedule: Recipe.Schedule
  ) throws {
    for data in [Self.data, Self.several] { try expectSame(stops, schedule, data) }
  }

  private func expectSame(_ stops: Int, _ schedule: Recipe.Schedule, _ data: TrainingData) throws {
    let (whole, parts) = (try Scratch(), try Scratch())
    var recipe = Self.recipe()
    recipe.schedule = schedule
    try trainer(try CheckpointFolder(run: whole.path), recipe, data: data).run()
    let folder = try CheckpointFolder(run: parts.path)
    var turns = 0
    var isDone = false
    while !isDone {
      var left = stops
      isDone = try trainer(folder, recipe, data: data).run(keepsGoing: {
        left -= 1
        return left > 0 || turns > 40
      })
      turns += 1
    }
    #expect(turns > 2)
    for (name, bytes) in whole.files where name != "history.jsonl" {
      #expect(parts.files[name] == bytes, "\(name)")
    }
    #expect(Set(parts.files.keys) == Set(whole.files.keys))
    // The speed is of all of an epoch's steps, whenever they were done, and belongs to the machine.
    func timeless(_ entries: [EpochEntry]) -> [EpochEntry] {
      entries.map { entry in
        #expect((1..<1e7).contains(entry.picturesPerSecond), "epoch \(entry.epoch)")
        var entry = entry
        entry.picturesPerSecond = 0
        return entry
      }
    }
    #expect(timeless(folder.entries()) == timeless(try CheckpointFolder(run: whole.path).entries()))
  }

  @Test func `a state that an older version kept is read, its time unknown`() throws {
    let text =
      #"{"annealing":{"falls":0,"stalled":0},"batch":2,"correct":1,"correctInFive":3,"epoch":4,"#
      + #""loss":1.5,"pictures":32,"steps":22}"#
    let state = try JSONDecoder().decode(TrainingState.self, from: Data(text.utf8))
    #expect(state.steps == 22 && state.pictures == 32 && state.seconds == nil)
  }

  @Test func `what a killed process left half written is neither kept nor taken for a checkpoint`() throws {
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    var steps = 0
    try trainer(folder).run(keepsGoing: {
      steps += 1
      return steps < 4
    })
    // A later checkpoint whose state file never came to be, and files in the middle of being written.
    for name in ["step-000000099-000001.onnx", "step-000000099-000001.safetensors.partial"] {
      try Data("half".utf8).write(to: URL(fileURLWithPath: scratch.path + "/checkpoints/" + name))
    }
    try Data("half".utf8).write(to: URL(fileURLWithPath: scratch.path + "/models/epoch-009.onnx.partial"))
    #expect(try #require(try folder.latest()).state.steps == 4)
    #expect(!scratch.files.keys.contains { $0.contains("099") || $0.hasSuffix(".partial") })
  }

  @Test func `snapshots are kept for the epochs asked for`() throws {
    let scratch = try Scratch()
    try trainer(try CheckpointFolder(run: scratch.path, snapshots: [2])).run()
    let models = scratch.files.keys.filter { $0.hasPrefix("models/") }.sorted()
    #expect(models == ["models/epoch-002.onnx", "models/final.onnx"])
    #expect(try CheckpointFolder(run: scratch.path).latest()?.state.epoch == 3)
  }

  @Test func `a loss that is no number stops with epoch, step and what to try, and spoils no checkpoint`()
    throws
  {
    let scratch = try Scratch()
    var recipe = Self.recipe()
    recipe.rate = 1e20
    recipe.filterLimit = nil
    recipe.stepsBetweenCheckpoints = 1
    let folder = try CheckpointFolder(run: scratch.path)
    let error = #expect(throws: TrainingError.self) { try trainer(folder, recipe).run() }
    let text = try #require(error).description
    #expect(text.contains("--rate \(Float(1e20) / 10)"), "\(text)")
    #expect(text.contains("epoch 1, step") && text.contains("--rate") && text.contains("--init he"))
    if let kept = try folder.latest() { #expect(try Learner(kept.network).isFinite) }
  }

  @Test func `pictures that cannot be read are left out`() throws {
    let scratch = try Scratch()
    let training = Squares(70, seed: 1, unreadable: Set(0..<35))
    let data = TrainingData(
      classNames: Squares.names, training: training, validation: Squares(24, seed: 2, unreadable: [5]))
    let trainer = try trainer(try CheckpointFolder(run: scratch.path), Self.recipe(epochs: 1), data: data)
    var seen = 0
    try trainer.run(keepsGoing: { true }) { event in
      if case .step(_, _, _, let pictures, _) = event { seen = pictures }
    }
    #expect(seen == 35)
    #expect(try #require(try trainer.tenCropAccuracy()).pictures == 23)
    let nothing = TrainingData(
      classNames: Squares.names, training: Squares(70, seed: 1, unreadable: Set(0..<70)))
    let other = try Scratch()
    #expect(throws: TrainingError.nothingReadable) {
      try self.trainer(try CheckpointFolder(run: other.path), data: nothing).run()
    }
  }

  @Test func `data that nothing can be learned from are refused, with what to do`() throws {
    func refusal(_ data: TrainingData, batch: Int = 16) -> TrainingError? {
      do {
        try data.check(batch: batch)
        return nil
      } catch { return error }
    }
    #expect(refusal(Self.data) == nil)
    #expect(
      refusal(TrainingData(classNames: Squares.names, training: Squares(20, seed: 1, only: 2)))
        == .oneClass(name: "bottom left"))
    #expect(
      refusal(TrainingData(classNames: Squares.names + ["none here"], training: Squares(20, seed: 1)))
        == .emptyClasses(names: ["none here"]))
    let small = refusal(Self.data, batch: 128)
    #expect(small == .batchTooLarge(batch: 128, pictures: 70))
    #expect(small?.description.contains("--batch 70") == true)
    #expect(
      refusal(TrainingData(classNames: ["a", "b"], training: Squares(20, seed: 1))) != nil)
    #expect(refusal(Self.several) == nil)
    struct Alike: LabelledPictures {
      let labels = Labels.presences(Array(repeating: [.present, .absent, .ignored], count: 20))
      func picture(_ id: Int) throws -> Picture? { nil }
    }
    #expect(refusal(TrainingData(classNames: ["a", "b", "c"], training: Alike())) == .sameClasses)
    #expect(
      refusal(TrainingData(classNames: ["a", "b"], training: Alike())) == .classes(found: 3, scores: 2))
  }

  @Test func `numbers that would hang or end the program are refused`() throws {
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    for threads in [-1, 0, 100_000_000] {
      #expect(throws: TrainingError.self) {
        try Trainer(
          .init(network: try Self.network()), recipe: Self.recipe(), data: Self.data, folder: folder,
          threads: threads)
      }
    }
    for change: (inout Recipe) -> Void in [
      { $0.epochs = .max }, { $0.batch = .max }, { $0.rate = .infinity }, { $0.filterLimit = .nan },
      { $0.filterLimit = .infinity }, { $0.momentum = .nan },
    ] {
      var recipe = Self.recipe()
      change(&recipe)
      #expect(throws: TrainingError.self) { try trainer(folder, recipe) }
    }
    #expect(throws: ArchitectureError.self) { try Architecture.all[0].scaled(input: .max) }
  }

  @Test func `a disk that takes no more leaves the checkpoint before whole`() throws {
    let scratch = try Scratch()
    let folder = try CheckpointFolder(run: scratch.path)
    var steps = 0
    try trainer(folder).run(keepsGoing: {
      steps += 1
      return steps < 2
    })
    let before = scratch.files
    let again = try trainer(folder)
    // Where the next network should go stands a folder, so it cannot be put in place.
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/checkpoints/step-000000003-000003.onnx/x", withIntermediateDirectories: true)
    #expect(throws: (any Error).self) { try again.run() }
    for (name, bytes) in before { #expect(scratch.files[name] == bytes, "\(name)") }
    try Data().write(to: URL(fileURLWithPath: scratch.path + "/file"))
    #expect(throws: FileError.self) { try CheckpointFolder(run: scratch.path + "/file") }
  }
}
