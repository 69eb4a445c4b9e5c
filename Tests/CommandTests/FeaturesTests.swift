import Execution
import Files
import Foundation
import Images
import NetworkFixtures
import Networks
import Peaks
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct Features {
  let workplace: Workplace
  let model: String

  init() throws {
    workplace = try Workplace()
    model = try workplace.plain()
  }

  private func arguments(_ pictures: String, out: String = "run", _ flags: [String] = []) -> [String] {
    ["features", model, pictures, "--out", workplace.path(out), "--top", "4"] + flags
  }

  @Test func `a run holds what the design promises`() throws {
    let pictures = try workplace.pictures(11)
    let outcome = try Command.run(arguments(pictures, ["--json"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("search: 11 images") && outcome.errors.contains("project conv3: "))
    let report = try outcome.json()
    #expect(report["run"] as? String == workplace.path("run") && report["pictures"] as? Int == 11)
    #expect(report["layers"] as? [String] == ["conv1", "conv2", "conv3"])
    let run = try workplace.contents(of: "run")
    #expect(!run.keys.contains { $0.hasSuffix(".partial") })
    for layer in ["conv1", "conv2", "conv3"] {
      let files = [
        "figures/\(layer).svg", "projections/\(layer).safetensors", "gallery/\(layer).js",
        "gallery/\(layer).html",
        "gallery/deconvnet/\(layer)/7.jpg", "gallery/deconvnet/\(layer)/7.webp",
        "gallery/deconvnet/\(layer)/7-fitted.jpg", "gallery/deconvnet/\(layer)/7-views.webp",
      ]
      for file in files { #expect(run[file] != nil, "\(file)") }
    }
    let text = try #require(run["features.json"])
    let table = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
    #expect(table["model"] as? String == "plain.onnx")
    let layers = try #require(table["layers"] as? [[String: Any]])
    #expect(layers.map { $0["layer"] as? String } == ["conv1", "conv2", "conv3"])
    let network = try Network(onnx: model)
    for (layer, (count, value)) in zip(layers, [(8, "relu1.out"), (10, "relu2.out"), (12, "relu3.out")]) {
      let units = try #require(layer["units"] as? [[String: Any]])
      #expect(units.map { $0["unit"] as? Int } == Array(0..<count))
      try check(units, value, of: network, pictures)
    }
    #expect(try JSONSerialization.jsonObject(with: #require(run["skipped.json"])) as? [String] == [])
    let html = String(decoding: try #require(run["index.html"]), as: UTF8.self)
    for (layer, count) in [("conv1", 8), ("conv2", 10), ("conv3", 12)] {
      #expect(
        html.contains("data-script=\"gallery/\(layer).js\"") && html.contains("\(count) of \(count) units"))
    }
    try checkPage(run)
  }

  /// Every file that the page, its scripts and its plain pages name is there.
  private func checkPage(_ run: [String: Data]) throws {
    func text(_ file: String) throws -> String { String(decoding: try #require(run[file]), as: UTF8.self) }
    var named = Set<String>()
    for page in run.keys where page.hasSuffix(".html") {
      for address in try text(page).matches(of: #/(?:src|href|data-script)="([^"#]+)"/#) {
        let address = String(address.output.1)
        named.insert(page == "index.html" ? address : address.replacing("../", with: ""))
      }
    }
    for script in run.keys where script.hasSuffix(".js") {
      let data = try text(script).dropFirst("switchbackLayer(".count).dropLast(2)
      let layer = try #require(try JSONSerialization.jsonObject(with: Data(data.utf8)) as? [String: Any])
      let units = try #require(layer["units"] as? [[String: Any]])
      let images = try #require(layer["images"] as? [[String: Any]])
      named.formUnion(images.compactMap { $0["file"] as? String })
      for unit in units {
        let file = try #require(unit["file"] as? String)
        named.formUnion([".jpg", ".webp", "-fitted.jpg", "-views.webp"].map { file + $0 })
        for place in try #require(unit["at"] as? [[Int]]) {
          #expect(place.count == 11 && place[0] < images.count)
        }
      }
    }
    #expect(named.count > 30)
    for file in named { #expect(run[file] != nil, "\(file)") }
  }

  /// Holds the entries of a layer against a forward pass of each picture by hand.
  private func check(_ units: [[String: Any]], _ value: String, of network: Network, _ pictures: String)
    throws
  {
    let runner = try Runner(network, keeping: [value])
    let preprocessing = try #require(network.preprocessing)
    for unit in units {
      let number = try #require(unit["unit"] as? Int)
      let top = try #require(unit["top"] as? [[String: Any]])
      #expect(top.count == 4)
      var last = Double.infinity
      for entry in top {
        let image = try #require(entry["image"] as? String)
        let (row, column) = (try #require(entry["row"] as? Int), try #require(entry["column"] as? Int))
        let picture = try Picture(decoding: pictures + "/" + image)
        let maps = try #require(runner.forward(picture.prepared(preprocessing).tensor)[value])
        let found = maps.elements[(row * maps.shape.columns + column) * maps.shape.channels + number]
        let stated = try #require(entry["value"] as? Double)
        #expect(Float(stated) == found && stated <= last)
        last = stated
        let box = try #require(entry["box"] as? [Int])
        #expect(box[0] >= 0 && box[1] >= 0 && box[2] <= picture.rows && box[3] <= picture.columns)
        #expect(box[0] < box[2] && box[1] < box[3])
      }
    }
  }

  @Test func `arrays hold each chosen unit's projections, with their boxes`() throws {
    let pictures = try workplace.pictures(6)
    let flags = ["--layers", "conv2,pool1", "--units", "1,3,9", "--rule", "guided", "--quiet"]
    let outcome = try Command.run(arguments(pictures, flags))
    #expect(outcome.status == 0 && outcome.errors.isEmpty && outcome.output.isEmpty, "\(outcome.errors)")
    let conv2 = try SafeTensors(reading: workplace.path("run/projections/conv2.safetensors")).tensors
    #expect(conv2["units"]?.elements == [1, 3, 9])
    #expect(conv2["boxes"]?.shape == [3, 4, 4])
    let projections = try #require(conv2["projections"])
    #expect(projections.shape == [3, 4, 17, 17, 3])
    #expect(projections.elements.contains { $0 != 0 })
    let pool = try SafeTensors(reading: workplace.path("run/projections/pool1.safetensors")).tensors
    #expect(pool["units"]?.elements == [1, 3], "pool1 has eight units")
    let box = try #require(conv2["boxes"]).elements[..<4]
    #expect(box[box.startIndex + 2] - box[box.startIndex] == 17)
  }

  @Test func `threads do not change a byte, but for none`() throws {
    let pictures = try workplace.pictures(9)
    #expect(try Command.run(arguments(pictures, out: "one", ["--threads", "1"])).status == 0)
    #expect(try Command.run(arguments(pictures, out: "two", ["--threads", "3"])).status == 0)
    try expectSame("one", "two")
  }

  private func expectSame(_ one: String, _ other: String, at location: SourceLocation = #_sourceLocation)
    throws
  {
    let (mine, theirs) = (try workplace.contents(of: one), try workplace.contents(of: other))
    #expect(mine.keys.sorted() == theirs.keys.sorted(), sourceLocation: location)
    for (file, bytes) in mine {
      #expect(theirs[file] == bytes, "\(file) differs", sourceLocation: location)
    }
  }

  @Test(.timeLimit(.minutes(20))) func `killed at any moment and run again, it ends with the same bytes`()
    throws
  {
    let pictures = try workplace.links(500, to: try workplace.pictures(12))
    let flags = ["--units", "all", "--arrays", "--quiet"]
    let started = Date()
    #expect(try Command.run(arguments(pictures, out: "whole", flags)).status == 0)
    let whole = Date().timeIntervalSince(started)
    var kills = 0
    for share in [0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95] {
      let run = try Command.start(arguments(pictures, flags))
      usleep(UInt32(whole * share * 1e6))
      run.send(SIGKILL)
      if try run.outcome().status == 128 + SIGKILL { kills += 1 }
    }
    #expect(kills >= 4)
    let last = try Command.run(arguments(pictures, flags))
    #expect(last.status == 0, "\(last.errors)")
    try expectSame("whole", "run")
    #expect(try Command.run(arguments(pictures, flags)).status == 0, "a finished run is run again")
    try expectSame("whole", "run")
  }

  @Test(.timeLimit(.minutes(20))) func `Ctrl-C ends with 130 and leaves a run that goes on`() throws {
    let pictures = try workplace.links(4000, to: try workplace.pictures(12))
    let flags = ["--search-only", "--threads", "1"]
    #expect(try Command.run(arguments(pictures, out: "whole", flags)).status == 0)
    var resumed = 0
    for _ in 0..<3 {
      // A child has the signals blocked that the thread which starts it has.
      let run = try Command.start(
        arguments(pictures, flags), shell: "exec env --default-signal=INT \"$@\"")
      let end = Date().addingTimeInterval(20)
      while !FileManager.default.fileExists(atPath: workplace.path("run/run.json")), Date() < end {
        usleep(1000)
      }
      usleep(150_000)
      run.send(SIGINT)
      let outcome = try run.outcome()
      guard outcome.status != 0 else { break }
      #expect(outcome.status == 130)
      if outcome.errors.contains("goes on from there") {
        resumed += 1
        let saved = try SafeTensors(reading: workplace.path("run/search.safetensors"))
        #expect(saved.metadata["progress"]?.contains("next") == true)
      }
    }
    #expect(resumed > 0)
    let last = try Command.run(arguments(pictures, flags))
    #expect(last.status == 0)
    try expectSame("whole", "run")
  }

  /// As what a script starts with `&`.
  @Test func `a signal that the caller had ignored stays ignored`() throws {
    let pictures = try workplace.links(1000, to: try workplace.pictures(12))
    let run = try Command.start(
      arguments(pictures, ["--search-only", "--threads", "1"]), shell: "trap '' INT; exec \"$@\"")
    let end = Date().addingTimeInterval(20)
    while !FileManager.default.fileExists(atPath: workplace.path("run/run.json")), Date() < end {
      usleep(1000)
    }
    run.send(SIGINT)
    run.send(SIGINT)
    #expect(try run.outcome().status == 0)
  }

  @Test func `unreadable pictures are skipped, counted and listed, or an error with --strict`() throws {
    let pictures = try workplace.pictures(3, in: "mixed")
    let bad = try workplace.badPictures(in: "mixed")
    let outcome = try Command.run(arguments(pictures))
    #expect(outcome.status == 0 && outcome.errors.contains("\(bad.count) images could not be read"))
    #expect(outcome.output == workplace.path("run/index.html\n").replacingOccurrences(of: "//", with: "/"))
    let skipped = try JSONDecoder().decode(
      [[String: String]].self, from: #require(try workplace.contents(of: "run")["skipped.json"]))
    #expect(skipped.count == bad.count)
    for (path, reason) in bad {
      let name = URL(fileURLWithPath: path).lastPathComponent
      let entry = try #require(skipped.first { $0["image"] == name })
      #expect(entry["reason"]?.contains(reason) == true && entry["reason"]?.contains(name) == true)
    }
    let again = try Command.run(arguments(pictures, ["--json", "--quiet"]))
    #expect(try again.errors.isEmpty && (again.json()["skipped"] as? [Any])?.count == bad.count)
    try Command.refusal(arguments(pictures, out: "strict", ["--strict"]), naming: ["mixed/"])
    for (path, reason) in bad {
      try Command.refusal(arguments(path, out: "alone"), naming: [path, reason])
      try Command.refusal(arguments(path, out: "alone"), naming: [path, reason])
      try FileManager.default.removeItem(atPath: workplace.path("alone"))
    }
  }

  @Test func `folders without pictures, and none, are refused`() throws {
    try workplace.folder.write(Array("hello".utf8), to: "empty/readme.txt")
    try Command.refusal(arguments(workplace.path("empty")), naming: [workplace.path("empty"), "no images"])
    try Command.refusal(arguments(workplace.path("nowhere")), naming: [workplace.path("nowhere")])
    try Command.refusal(arguments("folder:" + workplace.path("nowhere")), naming: [workplace.path("nowhere")])
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
  }

  @Test func `layers and units that do not exist are refused, with near names`() throws {
    let pictures = try workplace.pictures(1)
    try Command.refusal(
      arguments(pictures, ["--layers", "conv1,cnov2"]), naming: ["plain.onnx", "'cnov2'", "conv2"])
    for units in ["12", "3,99", "12..<20", "400...500"] {
      try Command.refusal(
        arguments(pictures, ["--units", units]), naming: ["plain.onnx", "conv3", "0 to 11"])
    }
    #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
    #expect(try Command.run(arguments(pictures, ["--units", "11"])).status == 0)
  }

  @Test func `another run's folder is refused, with what differs`() throws {
    let pictures = try workplace.pictures(2)
    #expect(try Command.run(arguments(pictures, ["--search-only"])).status == 0)
    let before = try workplace.contents(of: "run")
    try Command.refusal(
      arguments(pictures, ["--pre-activation"]),
      naming: [workplace.path("run"), "preActivation was false, is true"])
    try workplace.pictures(3)
    try Command.refusal(arguments(pictures, ["--search-only"]), naming: ["picturesDigest"])
    try workplace.plain { $0.preprocessing?.scale = 1 }
    try FileManager.default.removeItem(atPath: pictures + "/2.jpg")
    try Command.refusal(arguments(pictures, ["--search-only"]), naming: ["modelDigest", "preprocessing"])
    try workplace.folder.write(Array("thesis".utf8), to: "mine/thesis.txt")
    try Command.refusal(arguments(pictures, out: "mine"), naming: [workplace.path("mine"), "not a run"])
    #expect(try workplace.contents(of: "run") == before)
  }

  /// What the earlier configurations found is taken, and nothing of it is left over but what the page does not name.
  @Test func `a run grows: other units, layers and rules take the search that is there`() throws {
    let pictures = try workplace.links(40, to: try workplace.pictures(12))
    let steps: [(flags: [String], searches: Bool)] = [
      (["--layers", "conv2", "--units", "0..<3"], true), (["--layers", "conv2", "--units", "2..<9"], false),
      (["--layers", "conv1,conv2,conv3", "--units", "all"], true),
      (["--layers", "conv3", "--units", "1,5", "--rule", "guided"], false),
      (["--layers", "conv3", "--units", "1,5", "--top", "2"], false), (["--search-only"], false),
      (["--units", "all", "--no-arrays", "--top", "6"], true),
    ]
    for (number, step) in steps.enumerated() {
      let grown = try Command.run(arguments(pictures, step.flags))
      #expect(
        grown.status == 0 && grown.errors.contains("search: ") == step.searches,
        "\(step.flags): \(grown.errors)")
      #expect(
        try Command.run(arguments(pictures, out: "fresh\(number)", step.flags + ["--quiet"])).status == 0)
      try expectGrown("run", as: "fresh\(number)", searchedAlike: number < 3 || number == 6)
    }
    try workplace.pictures(3)
    try Command.refusal(
      ["features", model, workplace.path("pictures"), "--out", workplace.path("run")],
      naming: ["picturesDigest"])
  }

  /// A run that had other configurations before holds what a fresh one does; beside that, pictures of units alone, and
  /// the search may be of more.
  private func expectGrown(
    _ run: String, as fresh: String, searchedAlike isAlike: Bool, leaving left: Set<String> = []
  ) throws {
    let (mine, theirs) = (try workplace.contents(of: run), try workplace.contents(of: fresh))
    for (file, bytes) in theirs where isAlike || file != "search.safetensors" {
      #expect(mine[file] == bytes, "\(file) of \(fresh)")
    }
    for file in mine.keys where theirs[file] == nil && !left.contains(file) {
      #expect(
        file.hasPrefix("gallery/") && (file.hasSuffix(".webp") || file.hasSuffix(".jpg")),
        "\(file) is left over")
    }
  }

  @Test(.timeLimit(.minutes(20))) func `killed while it grows, a run ends with the bytes of a fresh one`()
    throws
  {
    let pictures = try workplace.links(200, to: try workplace.pictures(12))
    let flags = ["--units", "all", "--arrays", "--quiet"]
    let started = Date()
    #expect(try Command.run(arguments(pictures, out: "fresh", flags)).status == 0)
    let whole = Date().timeIntervalSince(started)
    var kills = 0
    for share in [0.05, 0.2, 0.4, 0.6, 0.8] {
      for some in [
        ["--layers", "conv2", "--units", "3..<7"], ["--layers", "conv1,conv3", "--rule", "guided"],
      ] {
        for flags in [some + ["--quiet"], flags] {
          let run = try Command.start(arguments(pictures, flags))
          usleep(UInt32(whole * share * 1e6))
          run.send(SIGKILL)
          if try run.outcome().status == 128 + SIGKILL { kills += 1 }
        }
      }
    }
    #expect(kills >= 8)
    let last = try Command.run(arguments(pictures, flags))
    #expect(last.status == 0, "\(last.errors)")
    try expectGrown("run", as: "fresh", searchedAlike: true)
    #expect(try workplace.contents(of: "run")["search.safetensors.new"] == nil)
  }

  /// conv1 of 47 x 53 pixels: fields that hang over the edge are left out, and each peak is the largest of the others.
  @Test func `interior peaks are the largest of those whose field lies inside the picture`() throws {
    let pictures = try workplace.pictures(9)
    let flags = ["--layers", "conv2,conv3", "--no-arrays"]
    #expect(try Command.run(arguments(pictures, flags)).status == 0)
    let all = try workplace.contents(of: "run")
    let outcome = try Command.run(arguments(pictures, flags + ["--interior"]))
    #expect(outcome.status == 0 && outcome.errors.contains("search: 9 images"), "\(outcome.errors)")
    let run = try workplace.contents(of: "run")
    #expect(
      run["search.safetensors"] == all["search.safetensors"] && run["search-interior.safetensors"] != nil)
    #expect(run["features.json"] != all["features.json"])
    let network = try Network(onnx: model)
    let input = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    let table = try JSONDecoder().decode(FeatureTable.self, from: try #require(run["features.json"]))
    let value = "relu2.out"
    guard
      case .window(let rows, let columns) = network.fields(below: value, shapes: shapes)[
        network.inputs[0].name]
    else { throw CocoaError(.coderInvalidValue) }
    func isInside(_ row: Int, _ column: Int) -> Bool {
      rows.start(row) >= 0 && rows.start(row) + rows.extent <= input.rows && columns.start(column) >= 0
        && columns.start(column) + columns.extent <= input.columns
    }
    let runner = try Runner(network, keeping: [value])
    let preprocessing = try #require(network.preprocessing)
    for unit in table.layers[0].units {
      for entry in unit.top {
        #expect(isInside(entry.row, entry.column))
        let picture = try Picture(decoding: pictures + "/" + entry.image)
        let maps = try #require(runner.forward(picture.prepared(preprocessing).tensor)[value])
        let inside = (0..<maps.shape.rows * maps.shape.columns).filter {
          isInside($0 / maps.shape.columns, $0 % maps.shape.columns)
        }.map { maps.elements[$0 * maps.shape.channels + unit.unit] }
        #expect(entry.value == inside.max())
      }
    }
    #expect(try Command.run(arguments(pictures, out: "fresh", flags + ["--interior"])).status == 0)
    try expectGrown("run", as: "fresh", searchedAlike: true, leaving: ["search.safetensors"])
    let back = try Command.run(arguments(pictures, flags))
    #expect(back.status == 0 && !back.errors.contains("search: "))
    for (file, bytes) in all { #expect(try workplace.contents(of: "run")[file] == bytes, "\(file)") }
  }

  @Test func `all units leave arrays out unless they are asked for`() throws {
    let pictures = try workplace.pictures(5)
    func arrays(_ out: String, _ flags: [String]) throws -> Int {
      let outcome = try Command.run(arguments(pictures, out: out, flags))
      #expect(outcome.status == 0, "\(outcome.errors)")
      let count = try workplace.contents(of: out).keys.count { $0.hasPrefix("projections/") }
      #expect(outcome.errors.contains("of arrays") == (count > 0) && outcome.errors.contains("on disk"))
      return count
    }
    #expect(try arrays("usual", []) == 3)
    #expect(try arrays("all", ["--units", "all"]) == 0)
    #expect(try arrays("asked", ["--units", "all", "--arrays"]) == 3)
    #expect(try arrays("none", ["--no-arrays"]) == 0)
  }

  @Test func `where pictures have classes, units say for which they fire`() throws {
    for (label, level) in [("dark", UInt8(0)), ("light", 255)] {
      for number in 0..<30 {
        let pixels = (0..<40 * 40 * 3).map { level == 0 ? UInt8(number % 4) : 255 - UInt8(($0 + number) % 5) }
        try workplace.folder.write(
          Picture(rows: 40, columns: 40, pixels: pixels).encodedPNG(), to: "classes/\(label)/\(number).png")
      }
    }
    let outcome = try Command.run(arguments(workplace.path("classes"), ["--layers", "conv1", "--quiet"]))
    #expect(outcome.status == 0, "\(outcome.errors)")
    let run = try workplace.contents(of: "run")
    let table = try JSONDecoder().decode(FeatureTable.self, from: try #require(run["features.json"]))
    let claims = table.layers[0].units.compactMap(\.classes).flatMap { $0 }
    #expect(claims.contains { $0.name == "light" && $0.count == 12 && $0.strongest == 12 && $0.lift == 2 })
    let script = String(decoding: try #require(run["gallery/conv1.js"]), as: UTF8.self)
    #expect(script.contains("'light' 2x (12 of 12)"))
    for unit in table.layers[0].units {
      #expect((0...1).contains(try #require(unit.active)) && (0...1).contains(unit.selectivity ?? 0))
    }
  }

  @Test func `a checkpoint that is damaged is refused, never taken`() throws {
    let pictures = try workplace.pictures(5)
    #expect(try Command.run(arguments(pictures, ["--search-only"])).status == 0)
    let path = workplace.path("run/search.safetensors")
    let good = try SafeTensors(reading: path)
    func refused(_ change: (inout SafeTensors) -> Void) throws {
      var bad = good
      change(&bad)
      try bad.write(to: path)
      try Command.refusal(arguments(pictures, ["--search-only"]), naming: ["search.safetensors"])
    }
    try refused { $0.metadata = [:] }
    try refused { $0.metadata["progress"] = "{\"next\":9,\"skipped\":[]}" }
    try refused { $0.metadata["progress"] = "{\"next\":-1,\"skipped\":[]}" }
    try refused { $0.tensors["relu1.out"] = Tensor([1]) }
    try refused { $0.tensors["relu1.out\u{1}distribution"] = nil }
    try refused { saved in
      saved.tensors["relu1.out"]?.withMutableSpan { $0[2] = 77 }
    }
    try workplace.folder.write(Array("half".utf8), to: "run/search.safetensors")
    try Command.refusal(arguments(pictures, ["--search-only"]), naming: ["search.safetensors"])
  }

  @Test func `two at once: the second is told to wait`() throws {
    let pictures = try workplace.links(4000, to: try workplace.pictures(12))
    let first = try Command.start(arguments(pictures, ["--search-only"]))
    let end = Date().addingTimeInterval(20)
    while !FileManager.default.fileExists(atPath: workplace.path("run/run.json")), Date() < end {
      usleep(1000)
    }
    try Command.refusal(
      arguments(pictures, ["--search-only"]), naming: [workplace.path("run"), "another process"])
    #expect(try first.outcome().status == 0)
  }

  @Test func `outputs that cannot be are refused`() throws {
    let pictures = try workplace.pictures(1)
    try workplace.folder.write([1], to: "file")
    for out in [workplace.path("file"), workplace.path("file/run"), "/proc/run"] {
      try Command.refusal(["features", model, pictures, "--out", out], naming: [out])
    }
  }

  /// A limit on the size of files stands for a full disk where none can be made: writing fails all the same.
  @Test(arguments: [2, 24, 64, 200]) func `where writing fails nothing half-written is taken for whole`(
    blocks: Int
  ) throws {
    let pictures = try workplace.pictures(8)
    let flags = ["--units", "all", "--quiet"]
    let limited = "trap '' XFSZ; ulimit -f \(blocks); exec \"$@\""
    try Command.refusal(arguments(pictures, flags), shell: limited, naming: [workplace.path("run")])
    try expectWhole("run")
    #expect(try Command.run(arguments(pictures, flags)).status == 0)
    #expect(try Command.run(arguments(pictures, out: "whole", flags)).status == 0)
    try expectSame("whole", "run")
  }

  @Test(.enabled(if: SmallDisk.canBeMade, "skipped: a small file system cannot be mounted here"))
  func `on a full disk nothing half-written is taken for whole`() throws {
    let pictures = try workplace.pictures(8)
    let flags = ["--units", "all", "--quiet"]
    let disk = try SmallDisk(at: workplace.path("disk"), kilobytes: 48)
    for size in [48, 120, 400, 900] {
      try disk.resize(kilobytes: size)
      try Command.refusal(arguments(pictures, out: "disk/run", flags), naming: [workplace.path("disk/run")])
      try expectWhole("disk/run")
    }
    try disk.resize(kilobytes: 64 << 10)
    #expect(try Command.run(arguments(pictures, out: "disk/run", flags)).status == 0)
    #expect(try Command.run(arguments(pictures, out: "whole", flags)).status == 0)
    try expectSame("whole", "disk/run")
  }

  /// Every file that is in its place can be read to its end.
  private func expectWhole(_ run: String) throws {
    for (file, bytes) in try workplace.contents(of: run) {
      let path = workplace.path(run) + "/" + file
      switch (file as NSString).pathExtension {
      case "json": #expect(throws: Never.self, "\(file)") { try JSONSerialization.jsonObject(with: bytes) }
      case "safetensors": #expect(throws: Never.self, "\(file)") { try SafeTensors(reading: path) }
      case "png": #expect(throws: Never.self, "\(file)") { try Picture(decoding: path) }
      case "webp", "jpg": #expect(throws: Never.self, "\(file)") { try Picture(decoding: path) }
      case "js": #expect(bytes.suffix(2) == Data(")\n".utf8), "\(file)")
      case "svg": #expect(bytes.suffix(7) == Data("</svg>\n".utf8), "\(file)")
      case "pdf": #expect(bytes.suffix(6) == Data("%%EOF\n".utf8), "\(file)")
      default: #expect(file.hasSuffix(".partial") || file.hasSuffix(".html"), "\(file)")
      }
    }
  }

  @Test func `layers whose names look alike to a file system keep files of their own`() throws {
    var build = TinyNetworks.Builder(seed: 3)
    for name in ["a/b", "a-b", "A-b", "<script>", "../up"] {
      build.convolution(name, 2, of: build.nodes.isEmpty ? 3 : 2, window: 3)
    }
    var network = try build.network(rows: 30, columns: 30)
    network.preprocessing = Preprocessing(resize: .init(rows: 30, columns: 30), crop: nil, scale: 1 / 255)
    try network.writeONNX(to: workplace.path("<odd> & 'names'.onnx"))
    let pictures = try workplace.pictures(2)
    try FileManager.default.moveItem(atPath: pictures + "/0.jpg", toPath: pictures + "/<b>&\"0\".jpg")
    let outcome = try Command.run(
      "features", workplace.path("<odd> & 'names'.onnx"), pictures, "--out", workplace.path("run"),
      "--layers",
      "a/b,a-b,A-b,<script>,../up,a/b", "--pre-activation")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let run = try workplace.contents(of: "run")
    #expect(run.keys.filter { $0.hasPrefix("projections/") }.count == 5)
    for page in run.keys where page.hasSuffix(".html") {
      let html = String(decoding: try #require(run[page]), as: UTF8.self)
      #expect(!html.contains("<b>&") && !html.contains("<script>\"") && !html.contains("<odd>"), "\(page)")
      #expect(page == "index.html" || html.contains("&lt;b&gt;&amp;&quot;0&quot;.jpg"), "\(page)")
    }
    try checkPage(run)
  }

  @Test func `a network of one channel and one of open size are searched too`() throws {
    let pictures = try workplace.pictures(3)
    var build = TinyNetworks.Builder(seed: 5)
    build.convolution("conv1", 4, of: 1, window: 5)
    build.relu("relu1")
    let network = try Network(
      name: "open", inputs: [.init(name: "input", extents: [nil, 1, nil, nil])], nodes: build.nodes,
      outputs: ["relu1.out"])
    try network.writeONNX(to: workplace.path("open.onnx"))
    let outcome = try Command.run(
      "features", workplace.path("open.onnx"), pictures, "--out", workplace.path("run"), "--resize", "32",
      "--crop", "30")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let arrays = try SafeTensors(reading: workplace.path("run/projections/conv1.safetensors")).tensors
    #expect(arrays["projections"]?.shape == [4, 9, 5, 5, 1])
    let table = String(
      decoding: try #require(try workplace.contents(of: "run")["features.json"]), as: UTF8.self)
    #expect(table.contains("\"layer\":\"conv1\""))
    try Command.refusal(
      ["features", workplace.path("open.onnx"), pictures, "--out", workplace.path("none"), "--resize", "0"],
      naming: [])
  }

  @Test func `activations that are not numbers are refused, with the picture`() throws {
    let pictures = try workplace.pictures(1)
    let model = try workplace.plain("huge.onnx") { $0.preprocessing?.scale = 1e36 }
    let flags = ["--pre-activation"]
    try Command.refusal(
      ["features", model, pictures, "--out", workplace.path("run")] + flags, naming: [model, "NaN", "0.jpg"])
    try Command.refusal(
      ["project", model, pictures + "/0.jpg", "--layer", "conv1", "--out", workplace.path("p.png")] + flags,
      naming: [model, "NaN", "0.jpg"])
  }
}

/// A file system in memory that is soon full; gone with its owner.
private final class SmallDisk {
  private let path: String

  static let canBeMade: Bool = {
    guard let folder = try? TemporaryFolder(),
      let disk = try? SmallDisk(at: folder.file("disk"), kilobytes: 64)
    else {
      return false
    }
    return FileManager.default.fileExists(atPath: disk.path)
  }()

  init(at path: String, kilobytes: Int) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.mount("-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path)
  }

  func resize(kilobytes: Int) throws { try Self.mount("-o", "remount,size=\(kilobytes)k", path) }

  deinit { try? Self.call("/bin/umount", [path]) }

  private static func mount(_ arguments: String...) throws { try call("/bin/mount", arguments) }

  private static func call(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteNoPermission) }
  }
}
