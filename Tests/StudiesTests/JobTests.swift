import Datasets
import Files
import Foundation
import Images
import Kernels
import NetworkFixtures
import Networks
import Studies
import Synchronization
import Tensors
import TestSupport
import Testing
import Training

/// What every study has by being performed by a job.
@Suite struct Jobs {
  let folder: TemporaryFolder
  let subject: Subject
  let pictures: Dataset

  init() throws {
    folder = try TemporaryFolder()
    var network = try TinyNetworks.classifier()
    network.preprocessing = Preprocessing(
      resize: .init(rows: 16, columns: 20), crop: nil, scale: 1 / 64, mean: [2], std: [1])
    try network.writeONNX(to: folder.file("model.onnx"))
    subject = try Subject(model: folder.file("model.onnx"))
    pictures = try Dataset.parse("scenes:size=24,count=5")
  }

  /// Every file of a run but its lock, with its bytes.
  private func files(of run: String) throws -> [String: Data] {
    let root = folder.file(run)
    var found: [String: Data] = [:]
    for file in try FileManager.default.subpathsOfDirectory(atPath: root) where file != "run.lock" {
      found[file] = FileManager.default.contents(atPath: root + "/" + file)
    }
    return found
  }

  private static let studies = ["features", "occlude", "invariance", "correspond", "diagnose", "audit"]

  /// Performs a study; raised after as many questions as are allowed.
  private func perform(_ kind: String, in run: String, allowing questions: Int = .max) throws {
    let asked = Mutex(0)
    let cancellation = Cancellation {
      asked.withLock { asked in
        asked += 1
        return asked > questions
      }
    }
    func perform(_ study: some Study) throws {
      try Job(study, threads: 2, cancellation: cancellation).perform(in: folder.file(run))
    }
    switch kind {
    case "features": try perform(Features(subject, pictures, top: 2))
    case "occlude": try perform(Occlude(subject, pictures, sizes: [6, 8], stride: 5, fill: .noise))
    case "invariance": try perform(MeasureInvariance(subject, pictures, changes: "vertical=-4...4/4,flip"))
    case "correspond":
      let parts = try PartsList("scenes:size=48,count=60", limit: 3)
      try perform(Correspond(subject, parts, title: "scenes", draws: 5))
    case "diagnose": try perform(Diagnose([subject], pictures))
    default: try perform(AuditPictures(pictures, Dataset.parse("scenes:size=24,count=5,seed=2")))
    }
  }

  @Test(arguments: studies)
  func `stopped again and again, a study ends with the same bytes`(kind: String) throws {
    try perform(kind, in: "whole")
    var stops = 0
    for questions in [1, 2, 3, 5, 8, 13, 21, 34, 144, 987, .max] {
      do {
        try perform(kind, in: "stopped", allowing: questions)
        break
      } catch is Interruption { stops += 1 }
    }
    #expect(stops > 0)
    let (whole, stopped) = (try files(of: "whole"), try files(of: "stopped"))
    #expect(whole.keys.sorted() == stopped.keys.sorted())
    for (file, bytes) in whole { #expect(stopped[file] == bytes, "\(kind): \(file) differs") }
    // Performed once more, it finds nothing new and changes nothing.
    try perform(kind, in: "whole")
    #expect(try files(of: "whole") == whole)
  }

  @Test(arguments: [("invariance", "invariance/"), ("correspond", "parts/"), ("occlude", "occlusion/")])
  func `a finding that is damaged is named`(kind: String, place: String) throws {
    try perform(kind, in: "run")
    let file = try #require(
      try files(of: "run").keys.sorted().first { $0.hasPrefix(place) && $0.hasSuffix(".json") })
    try Data("{".utf8).write(to: URL(fileURLWithPath: folder.file("run/" + file)))
    let error = #expect(throws: RunError.self) { try perform(kind, in: "run") }
    #expect(error?.description.contains(file) == true)
  }

  @Test func `pictures whose names differ in their endings alone have files of their own`() throws {
    let picture = try pictures.picture(0)
    for name in ["x/a.png", "x/a.jpg", "x-a.png", "b.png"] {
      try folder.write(
        name.hasSuffix("png") ? picture.encodedPNG() : picture.encodedJPEG(quality: 90), to: "p/" + name)
    }
    let occlude = try Occlude(subject, Dataset.parse(folder.file("p")), sizes: [8], stride: 8)
    try Job(occlude).perform(in: folder.file("run"))
    let maps = try files(of: "run").keys.filter { $0.hasPrefix("occlusion/") && $0.hasSuffix(".json") }
    #expect(maps.count == 4, "\(maps.sorted())")
  }

  @Test func `what cannot be read is left out and listed, or refused where all must be read`() throws {
    try folder.write(pictures.picture(0).encodedPNG(), to: "p/a.png")
    try folder.write([1, 2, 3], to: "p/broken.png")
    let dataset = try Dataset.parse(folder.file("p"))
    let outcome = try Job(MeasureInvariance(subject, dataset, changes: "flip")).perform(
      in: folder.file("run"))
    #expect(outcome.skipped.map(\.image) == ["broken.png"] && outcome.result[0].pictures.count == 1)
    #expect(try #require(files(of: "run")["skipped.json"]).count > 2)
    let strict = try MeasureInvariance(subject, dataset, changes: "flip", strict: true)
    let error = #expect(throws: ImageError.self) { try Job(strict).perform(in: folder.file("strict")) }
    #expect(error?.description.contains("broken.png") == true)
  }

  @Test func `a picture that is spoiled after the search gives way to the next`() throws {
    for number in 0..<5 { try folder.write(pictures.picture(number).encodedPNG(), to: "p/\(number).png") }
    let dataset = try Dataset.parse(folder.file("p"))
    // An outcome holds its run open.
    let search = try Job(Features(subject, dataset, top: 2, onlySearching: true)).perform(
      in: folder.file("run")
    ).result
    let first = try #require(search.layers[0].units[0].top.first)
    try folder.write([1, 2, 3], to: "p/" + first.image)
    do {
      let outcome = try Job(Features(subject, dataset, top: 2)).perform(in: folder.file("run"))
      #expect(outcome.skipped.map(\.image) == [first.image])
      for unit in outcome.result.layers.flatMap(\.units) {
        #expect((1...2).contains(unit.top.count) && unit.top.allSatisfy { $0.image != first.image })
      }
    }
    let strict = try Features(subject, dataset, top: 2, strict: true)
    #expect(throws: ImageError.self) { try Job(strict).perform(in: folder.file("run")) }
  }

  /// Numbers beyond those that whole numbers hold are written, and a picture of one grey has no scale of its own.
  @Test func `extreme activations and a picture of one grey are drawn`() throws {
    let grey = Picture(rows: 20, columns: 20, pixels: [UInt8](repeating: 128, count: 1200))
    try folder.write(grey.encodedPNG(), to: "p/grey.png")
    let dataset = try Dataset.parse(folder.file("p"))
    for fill in OccluderFill.allCases {
      let run = folder.file("\(fill)")
      try Job(Occlude(subject, dataset, sizes: [8], stride: 8, fill: fill)).perform(in: run)
      let svg = try String(contentsOfFile: run + "/figures/occlusion-8.svg", encoding: .utf8)
      #expect(!svg.contains("nan") && !svg.contains("inf\""), "\(fill)")
    }
    var network = try TinyNetworks.classifier()
    network.preprocessing = Preprocessing(
      resize: .init(rows: 16, columns: 20), crop: nil, scale: 1e18, mean: [0], std: [1])
    try network.writeONNX(to: folder.file("extreme.onnx"))
    let extreme = try Subject(model: folder.file("extreme.onnx"))
    let found = try Job(Features(extreme, pictures, top: 2)).perform(in: folder.file("features")).result
    #expect(found.layers[0].units.contains { ($0.top.first?.value ?? 0) > 1e19 })
    try Job(Occlude(extreme, pictures, sizes: [8], stride: 8)).perform(in: folder.file("occlude"))
  }

  /// A progress is told to whoever listens, and ends with all of it.
  @Test func `a listener is told how far a study is`() throws {
    let told = Mutex([Listener.Progress]())
    let listener = Listener(progress: { progress in told.withLock { $0.append(progress) } })
    try Job(Features(subject, pictures, top: 2), listener: listener).perform(in: folder.file("run"))
    let search = told.withLock { $0 }.filter { $0.unit == "images" && $0.isFinished }
    #expect(search.contains { $0.done == 5 && $0.total == 5 })
    told.withLock { $0 = [] }
    try Job(Occlude(subject, pictures, sizes: [8], stride: 3), listener: listener).perform(
      in: folder.file("occluded"))
    let positions = told.withLock { $0 }.filter { $0.unit == "positions" }
    // 3 x 5 positions of each of five pictures; the pictures unoccluded are none.
    #expect(positions.last?.done == 75 && positions.last?.isFinished == true)
    #expect(positions.allSatisfy { $0.done <= $0.total && $0.total == 75 && !$0.description.contains("-") })
  }

  @Test func `a long search says what it will cost before it begins`() throws {
    let many = try Dataset.parse("scenes:size=24,count=400000")
    let said = Mutex([String]())
    let asked = Mutex(0)
    // The pictures that the estimate is measured on, and a few of the search's.
    let cancellation = Cancellation {
      asked.withLock { asked in
        asked += 1
        return asked > 300
      }
    }
    let listener = Listener(note: { note in said.withLock { $0.append(note) } })
    #expect(throws: Interruption.self) {
      try Job(Features(subject, many, top: 2), threads: 1, cancellation: cancellation, listener: listener)
        .perform(in: folder.file("long"))
    }
    let notes = said.withLock { $0 }
    #expect(notes.count == 1, "\(notes)")
    let note = try #require(notes.first)
    #expect(note.hasPrefix("estimate: about ") && note.contains(" 440,000 images"))
    #expect(note.contains("for 16 projections of 1 layer."))
    // A short one says its size alone.
    try Job(Features(subject, pictures, top: 2), listener: listener).perform(in: folder.file("short"))
    let size = try #require(said.withLock { $0 }.dropFirst().first)
    #expect(said.withLock { $0 }.count == 2 && size.contains("on disk") && size.contains("of arrays"))
  }

  @Test func `one set of pictures under two spellings is audited as one`() throws {
    for number in 0..<3 { try folder.write(pictures.picture(number).encodedPNG(), to: "p/\(number).png") }
    let (one, other) = (
      try Dataset.parse(folder.file("p")), try Dataset.parse("folder:" + folder.path + "/p/../p/")
    )
    let report = try Job(AuditPictures(one, other)).perform(in: folder.file("run")).result
    // As two sets, each picture would be found again in the other.
    #expect(report.pairs.isEmpty)
  }
}

@Suite struct Subjects {
  /// What the network makes of the mean input before its first layer is zero, wherever the mean is subtracted.
  @Test func `convolutions of one position are studied only where there are no others`() throws {
    var build = TinyNetworks.Builder(seed: 4)
    build.convolution("conv", 4, of: 3, window: 3)
    build.add("squeeze", .globalAveragePooling)
    build.convolution("gate", 4, of: 4, window: 1)
    build.add("scale", .arithmetic(.multiply), from: ["conv.out", "gate.out"])
    let network = try build.network(rows: 8, columns: 8)
    #expect(try Subject(network, model: "m").convolutions.map(\.node) == ["conv"])
    var flat = TinyNetworks.Builder(seed: 4)
    flat.convolution("only", 4, of: 3, window: 1)
    #expect(
      try Subject(try flat.network(rows: 1, columns: 1), model: "m").convolutions.map(\.node) == ["only"])
  }

  @Test func `features are shown of convolutions and of the ends of residual blocks`() throws {
    let subject = try Subject(TinyNetworks.residual(), model: "m")
    let convolutions = ["stem", "branch1", "branch2", "skip", "again"]
    #expect(subject.convolutions.map(\.node) == convolutions)
    #expect(
      subject.featureLayers(beforeRectifier: false).map(\.node)
        == ["stem", "branch1", "branch2", "skip", "sumRelu", "again", "out"])
    #expect(
      subject.featureLayers(beforeRectifier: true).map(\.node)
        == ["stem", "branch1", "branch2", "skip", "sum", "again", "sum2"])
  }

  /// ConvNeXt's block: a product over channels up, an activation, a product down, and the sum with what came in.
  @Test func `features are shown of products over channels that an activation follows`() throws {
    var build = TinyNetworks.Builder(seed: 4)
    let maps = build.convolution("conv", 4, of: 3, window: 3)
    build.add("up", .innerProduct(InnerProduct(weights: build.random([8, 4]), bias: nil)))
    build.add("gelu", .activation(.gelu))
    let down = build.add("down", .innerProduct(InnerProduct(weights: build.random([4, 8]), bias: nil)))
    build.add("sum", .arithmetic(.add), from: [maps, down])
    build.add("pool", .globalAveragePooling)
    build.add("head", .innerProduct(InnerProduct(weights: build.random([6, 4]), bias: nil)))
    build.relu("relu")
    let subject = try Subject(try build.network(rows: 8, columns: 8), model: "m")
    #expect(subject.featureLayers(beforeRectifier: false).map(\.node) == ["conv", "gelu", "sum"])
    #expect(subject.featureLayers(beforeRectifier: true).map(\.node) == ["conv", "up", "sum"])
    #expect(subject.convolutions.map(\.node) == ["conv"])
  }

  @Test func `the mean input is what the network subtracts`() throws {
    var network = try TinyNetworks.classifier()
    network.preprocessing = Preprocessing(
      resize: .init(rows: 16, columns: 20), crop: nil, scale: 1 / 64, mean: [2], std: [1])
    #expect(try Subject(network, model: "m").meanInput().elements.allSatisfy { $0 == 0 })
    var generator = SeededGenerator(seed: 3)
    let mean = Tensor.random(try network.inputShape(images: 1), using: &generator)
    let trained = try network.subtracting(mean)
    #expect(try Subject(trained, model: "m").meanInput().elements == mean.elements)
    // A network that takes pixels and divides them first has its mean on another scale.
    let input = trained.inputs[0].name
    let halved = trained.nodes.map { node in
      Network.Node(
        name: node.name, operation: node.operation, inputs: node.inputs.map { $0 == input ? "halved" : $0 },
        outputs: node.outputs)
    }
    let half = Network.Node(
      name: "half",
      operation: .arithmeticWithConstant(.divide, Tensor([1], repeating: 2), constantFirst: false),
      inputs: [input], outputs: ["halved"])
    let scaled = try Network(
      name: "scaled", inputs: trained.inputs, nodes: [half] + halved, outputs: trained.outputs,
      preprocessing: trained.preprocessing)
    let doubled = try Subject(scaled, model: "m").meanInput()
    #expect(zip(doubled.elements, mean.elements).allSatisfy { abs($0 - 2 * $1) < 1e-6 })
  }

  @Test func `layers whose names come to one file have files of their own`() throws {
    var network = try TinyNetworks.plain()
    network.preprocessing = Preprocessing(
      resize: .init(rows: 47, columns: 53), crop: nil, scale: 1, mean: [0], std: [1])
    let names = network.layers.map(\.name)
    let subject = try Subject(network, model: "m")
    let all = try subject.layers(named: names.joined(separator: ","), usual: [])
    #expect(Set(all.map(\.stem)).count == names.count)
    let error = #expect(throws: NetworkError.self) { try subject.layers(named: "cnv1", usual: []) }
    #expect(error?.description.contains("conv1") == true)
  }
}
