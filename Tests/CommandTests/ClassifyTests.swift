import Execution
import Foundation
import Images
import Kernels
import NetworkFixtures
import Networks
import Tensors
import TestSupport
import Testing

@Suite struct Classify {
  let workplace: Workplace
  let model: String

  init() throws {
    workplace = try Workplace()
    model = try workplace.classifier()
  }

  /// Class probabilities of a picture, by this package's own hand.
  private func probabilities(of picture: String) throws -> [Float] {
    let network = try Network(onnx: model)
    let input = try Picture(decoding: picture).prepared(#require(network.preprocessing)).tensor
    return try #require(Runner(network, keeping: ["softmax.out"]).forward(input)["softmax.out"]).elements
  }

  @Test func `JSON gives each picture's labels, strongest first`() throws {
    let pictures = try workplace.pictures(5)
    let outcome = try Command.run("classify", model, pictures, "--json", "--top", "3")
    #expect(outcome.status == 0 && outcome.output.hasPrefix("{") && outcome.output.hasSuffix("}\n"))
    let json = try outcome.json()
    let entries = try #require(json["pictures"] as? [[String: Any]])
    #expect(entries.map { $0["image"] as? String } == ["0.jpg", "1.png", "2.jpg", "3.png", "4.jpg"])
    #expect(json["top1"] == nil && json["skipped"] as? [String] == [])
    for entry in entries {
      #expect(entry.keys.contains("label") && entry["label"] is NSNull)
      let top = try #require(entry["top"] as? [[String: Any]])
      let image = try #require(entry["image"] as? String)
      let expected = try probabilities(of: pictures + "/" + image)
      let order = expected.indices.sorted { expected[$0] > expected[$1] }
      #expect(top.map { $0["index"] as? Int } == order.prefix(3).map { $0 })
      #expect(top.map { $0["name"] as? String } == order.prefix(3).map { Workplace.classes[$0] })
      for (label, index) in zip(top, order) {
        let probability = try #require(label["probability"] as? Double)
        #expect(abs(probability - Double(expected[index])) < Tolerance.rounding(200))
      }
    }
  }

  @Test func `one picture may be named, and quiet means quiet`() throws {
    let picture = try workplace.pictures(2) + "/1.png"
    let outcome = try Command.run("classify", model, picture, "--quiet")
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    #expect(outcome.output.hasPrefix("1.png\t") && outcome.output.split(separator: "\n").count == 1)
    let loud = try Command.run("classify", model, picture)
    #expect(loud.errors.contains("classify: 1 image in") && loud.errors.contains("/s"))
    #expect(loud.output == outcome.output)
  }

  @Test func `threads do not change a byte`() throws {
    let pictures = try workplace.pictures(9)
    let one = try Command.run("classify", model, pictures, "--json", "--threads", "1")
    #expect(
      try one.status == 0
        && Command.run("classify", model, pictures, "--json", "--threads", "3").output == one.output)
  }

  /// The accuracy that the command gives, and the one that its own labels give.
  private func check(_ outcome: Command.Outcome, labels: [String: Int]) throws {
    let json = try outcome.json()
    let entries = try #require(json["pictures"] as? [[String: Any]])
    var ranks: [Int] = []
    for entry in entries {
      let image = try #require(entry["image"] as? String)
      #expect(entry["label"] as? Int == labels[image], "\(image)")
      let order = try #require(entry["top"] as? [[String: Any]]).compactMap { $0["index"] as? Int }
      if let label = labels[image] { ranks.append(try #require(order.firstIndex(of: label))) }
    }
    #expect(json["top1"] as? Double == Double(ranks.count { $0 == 0 }) / Double(ranks.count))
    #expect(json["top5"] as? Double == 1, "of five classes the true one is always among five")
  }

  @Test func `a list of labels gives accuracy`() throws {
    let pictures = try workplace.pictures(6)
    let list = try workplace.folder.write(
      Array("image\tlabel\textra\n0.jpg\t4\tx\n3.png\t0\n5.png\t2\t0.5\n".utf8), to: "labels.tsv")
    let outcome = try Command.run("classify", model, pictures, "--labels", list, "--json")
    try check(outcome, labels: ["0.jpg": 4, "3.png": 0, "5.png": 2])
    let spoken = try Command.run("classify", model, pictures, "--labels", list)
    #expect(spoken.output.contains("of 3 labelled images") && spoken.output.contains("top-1"))
  }

  @Test func `folders stand for the classes that they are named as`() throws {
    for (number, folder) in ["Cat", "HOUND", "n01440764_tench", "stranger", "emu"].enumerated() {
      try workplace.folder.write(Workplace.picture(number).encodedPNG(), to: "named/\(folder)/\(number).png")
    }
    let outcome = try Command.run("classify", model, workplace.path("named"), "--json")
    try check(
      outcome, labels: ["Cat/0.png": 1, "HOUND/1.png": 2, "n01440764_tench/2.png": 3, "emu/4.png": 4])
    #expect(outcome.errors.contains("stranger") && outcome.errors.contains("1 of 5"))
  }

  @Test func `folders named by number, or as many as classes, are taken so and it is said`() throws {
    for (number, folder) in ["3", "0"].enumerated() {
      try workplace.folder.write(
        Workplace.picture(number).encodedPNG(), to: "numbers/\(folder)/\(number).png")
    }
    let numbered = try Command.run("classify", model, workplace.path("numbers"), "--json")
    try check(numbered, labels: ["3/0.png": 3, "0/1.png": 0])
    #expect(numbered.errors.contains("by number"))
    for folder in ["v", "w", "x", "y", "z"] {
      try workplace.folder.write(Workplace.picture(7).encodedPNG(), to: "ordered/\(folder)/a.png")
    }
    let ordered = try Command.run("classify", model, workplace.path("ordered"), "--json")
    try check(ordered, labels: ["v/a.png": 0, "w/a.png": 1, "x/a.png": 2, "y/a.png": 3, "z/a.png": 4])
    #expect(ordered.errors.contains("in order"))
  }

  @Test func `folders that mean nothing to the network give no accuracy, and it is said`() throws {
    for folder in ["one", "two"] {
      try workplace.folder.write(Workplace.picture(7).encodedPNG(), to: "odd/\(folder)/a.png")
    }
    let outcome = try Command.run("classify", model, workplace.path("odd"), "--json")
    #expect(outcome.status == 0 && outcome.errors.contains("no accuracy"))
    #expect(try outcome.json()["top1"] == nil)
  }

  @Test func `unreadable pictures are skipped and listed, or an error with --strict`() throws {
    let pictures = try workplace.pictures(2, in: "mixed")
    let bad = try workplace.badPictures(in: "mixed")
    let outcome = try Command.run("classify", model, pictures, "--json")
    #expect(outcome.status == 0)
    let json = try outcome.json()
    #expect((json["pictures"] as? [Any])?.count == 2)
    let skipped = try #require(json["skipped"] as? [[String: String]])
    #expect(skipped.count == bad.count)
    for (path, reason) in bad {
      let name = URL(fileURLWithPath: path).lastPathComponent
      #expect(skipped.contains { $0["image"] == name && $0["reason"]?.contains(reason) == true }, "\(name)")
    }
    for (path, reason) in bad {
      try Command.refusal(["classify", model, path, "--strict"], naming: [path, reason])
    }
    try Command.refusal(["classify", model, pictures, "--strict"], naming: ["mixed/"])
    for (path, reason) in bad {
      try Command.refusal(["classify", model, path, "--quiet"], naming: [path, reason])
    }
  }

  @Test func `names break no line and colour none`() throws {
    for name in ["x\u{1B}[31mred.png", "line\nend.png", "\u{202E}turned.png"] {
      try workplace.folder.write(try Workplace.picture(1).encodedPNG(), to: "names/" + name)
    }
    try workplace.folder.write([1], to: "names/\u{1B}c.png")
    let outcome = try Command.run("classify", model, workplace.path("names"))
    let names = outcome.output.split(separator: "\n").map { $0.split(separator: "\t")[0] }
    #expect(names == ["line\\u000aend.png", "x\\u001b[31mred.png", "\\u202eturned.png"])
    #expect(outcome.errors.contains("skipped \\u001bc.png") && !outcome.errors.contains("\u{1B}"))
    let json = try Command.run("classify", model, workplace.path("names"), "--json").json()
    let images = (json["pictures"] as? [[String: Any]])?.compactMap { $0["image"] as? String }
    #expect(images?.contains("x\u{1B}[31mred.png") == true)
  }

  /// As `unzip` leaves names of other systems: `ñ` is the byte F1.
  @Test func `paths on the command line are bytes`() throws {
    let latin = "$(printf 'ni\\361o')"
    let begin = "cd '\(workplace.folder.path)' && mkdir \(latin)"
    let picture = "cp '\(try workplace.pictures(1))/0.jpg' \(latin)/\(latin).jpg"
    let network = "cp '\(model)' \(latin)/\(latin).onnx && printf \"\(latin).jpg\\tcat\\n\" > \(latin)/list"
    let outcome = try Command.run(
      ["classify"],
      shell:
        "\(begin) && \(picture) && \(network) && exec \"$@\" \(latin)/\(latin).onnx \(latin)/\(latin).jpg "
        + "--labels \(latin)/list")
    #expect(outcome.status == 0 && outcome.output.contains("of 1 labelled images"), "\(outcome.errors)")
    let search = try Command.run(
      ["features"],
      shell:
        "cd '\(workplace.folder.path)' && exec \"$@\" \(latin)/\(latin).onnx \(latin) --out \(latin)/run --quiet"
    )
    #expect(search.status == 0, "\(search.errors)")
    let listed = try Command.run([], shell: "ls '\(workplace.folder.path)'/\(latin)/run/index.html")
    #expect(listed.status == 0, "\(listed.errors)")
    let missing = try Command.refusal(
      ["classify"], shell: "cd '\(workplace.folder.path)' && exec \"$@\" \(latin)/none.onnx pictures",
      naming: ["no such file"])
    #expect(!missing.contains("\u{FFFD}"))
  }

  @Test func `a picture that claims to be huge takes no memory`() throws {
    let huge = try workplace.folder.write(
      PictureFiles.pngClaiming(rows: 30_000, columns: 30_000), to: "huge.png")
    // Its pixels would need 2.7 GB; a process of its own, since tests beside this one take memory too.
    try Command.refusal(
      ["classify", model, huge, "--quiet"], shell: "ulimit -v 2000000; exec \"$@\"",
      naming: ["30000 x 30000", "100 million"])
  }

  @Test func `labels and networks that do not fit are refused`() throws {
    let pictures = try workplace.pictures(2)
    let list = try workplace.folder.write(Array("0.jpg\t5\n".utf8), to: "labels.tsv")
    try Command.refusal(
      ["classify", model, pictures, "--labels", list],
      naming: ["labels.tsv", "0.jpg", "class 5", "5 classes"])
    let wrong = try workplace.folder.write(Array("0.jpg\t1\n1.png\tcow\n".utf8), to: "wrong.tsv")
    try Command.refusal(["classify", model, pictures, "--labels", wrong], naming: ["wrong.tsv", "line 2"])
    try Command.refusal(
      ["classify", model, pictures, "--labels", workplace.path("none.tsv")], naming: ["none.tsv"])
    let plain = try workplace.plain()
    try Command.refusal(["classify", plain, pictures], naming: [plain, "no classifier"])
  }

  @Test func `scores that are not numbers are refused, with the picture`() throws {
    let pictures = try workplace.pictures(1)
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 3, window: 5)
    build.add("pool", .globalAveragePooling)
    build.add("flat", .flatten)
    var network = try build.network(rows: 12, columns: 12)
    network.preprocessing = Preprocessing(resize: .init(rows: 12, columns: 12), crop: nil, scale: 1e36)
    try network.writeONNX(to: workplace.path("huge.onnx"))
    try Command.refusal(
      ["classify", workplace.path("huge.onnx"), pictures], naming: ["huge.onnx", "0.jpg", "NaN"])
  }

  @Test func `one sigmoid is one class, everywhere`() throws {
    let pictures = try workplace.pictures(2)
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 3, window: 3)
    build.relu("relu1")
    build.add("pool", .globalAveragePooling)
    build.add("flat", .flatten)
    build.add("one", .innerProduct(InnerProduct(weights: build.random([1, 4]), bias: nil)))
    build.add("sure", .activation(.sigmoid))
    var network = try build.network(rows: 16, columns: 16)
    network.preprocessing = Preprocessing(resize: .init(rows: 16, columns: 16), crop: nil, scale: 1 / 64)
    network.classes = ["empty", "full"]
    try network.writeONNX(to: workplace.path("one.onnx"))
    let outcome = try Command.run("classify", workplace.path("one.onnx"), pictures, "--json")
    let entries = try #require(try outcome.json()["pictures"] as? [[String: Any]])
    for entry in entries {
      let picture = pictures + "/" + (entry["image"] as? String ?? "")
      let input = try Picture(decoding: picture).prepared(#require(network.preprocessing)).tensor
      let given = try #require(Runner(network, keeping: ["sure.out"]).forward(input)["sure.out"]).elements[0]
      let top = try #require((entry["top"] as? [[String: Any]])?.first)
      #expect(top["name"] as? String == "full")
      #expect(abs(try #require(top["probability"] as? Double) - Double(given)) < 1e-5)
    }
    let occluded = try Command.run(
      "occlude", workplace.path("one.onnx"), pictures, "--size", "8", "--stride", "8", "--class", "0",
      "--out",
      workplace.path("occluded"))
    #expect(occluded.status == 0, "\(occluded.errors)")
    let map = try String(contentsOfFile: workplace.path("occluded/occlusion/0.json"), encoding: .utf8)
    #expect(map.contains("\"probability\":[["))
    let moved = try Command.run(
      "invariance", workplace.path("one.onnx"), pictures, "--changes", "flip", "--out",
      workplace.path("moved"))
    #expect(moved.status == 0, "\(moved.errors)")
  }

  @Test func `a class that is not there is told the names that hold its words`() throws {
    let model = try workplace.classifier("words.onnx") {
      $0.classes = ["Egyptian cat", "cab", "tiger cat, tabby", "cattle", "ant"]
    }
    let pictures = try workplace.pictures(1)
    let message = try Command.refusal(
      ["project", model, pictures + "/0.jpg", "--score", "cats'", "--out", workplace.path("p.png")],
      naming: ["no class"])
    #expect(!message.contains("Names with it"))
    try Command.refusal(
      ["project", model, pictures + "/0.jpg", "--score", "Cat", "--out", workplace.path("p.png")],
      naming: ["Names with it: Egyptian cat; tiger cat, tabby."])
  }

  @Test func `a network of one channel is given grey, one of four is refused`() throws {
    let pictures = try workplace.pictures(1)
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 1, window: 3)
    build.add("pool", .globalAveragePooling)
    build.add("flat", .flatten)
    var network = try build.network(rows: 12, columns: 12, channels: 1)
    try network.writeONNX(to: workplace.path("grey.onnx"))
    let outcome = try Command.run("classify", workplace.path("grey.onnx"), pictures, "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("does not say how") && outcome.errors.contains("GRAY"))
    #expect(try outcome.json()["preprocessingAssumed"] as? Bool == true)
    // A guess is no progress: it is said however quiet the command is, and stays with the run.
    let quiet = try Command.run(
      "features", workplace.path("grey.onnx"), pictures, "--quiet", "--json", "--out", workplace.path("run"))
    #expect(quiet.status == 0 && quiet.errors.contains("does not say how"), "\(quiet.errors)")
    #expect(try quiet.json()["preprocessingAssumed"] as? Bool == true)
    for file in ["run/notes.json", "run/index.html"] {
      let text = try String(contentsOfFile: workplace.path(file), encoding: .utf8)
      #expect(text.contains("does not say how images are preprocessed; assumed"), "\(file)")
    }
    let lists = try Command.run(
      "invariance", workplace.path("grey.onnx"), pictures, "--quiet", "--json", "--out",
      workplace.path("list"),
      "--changes", "flip")
    let parts = try JSONSerialization.jsonObject(with: Data(lists.output.utf8)) as? [[String: Any]]
    #expect(parts?.allSatisfy { $0["preprocessingAssumed"] as? Bool == true } == true, "\(lists.errors)")
    build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 4, window: 3)
    network = try build.network(rows: 12, columns: 12, channels: 4)
    try network.writeONNX(to: workplace.path("four.onnx"))
    try Command.refusal(
      ["classify", workplace.path("four.onnx"), pictures], naming: ["four.onnx", "4 channels"])
  }
}
