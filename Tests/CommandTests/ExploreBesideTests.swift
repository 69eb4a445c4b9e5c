import Files
import Foundation
import Images
import ONNXMessages
import Tensors
import TestSupport
import Testing

/// What the explorer shows beside a run of features: other runs, epochs, notes, the game, and runs under way.
@Suite struct ExploreBeside {
  /// A training of two epochs, its features, evolution and diagnosis, and features of two layers, all served together.
  private func beside() throws -> Served {
    let workplace = try Workplace()
    for folder in ["ant", "bee & <b>wasp</b>"] { try workplace.pictures(12, in: "pictures/\(folder)") }
    let (pictures, trained) = (workplace.path("pictures"), workplace.path("trained"))
    let model = trained + "/models/epoch-002.onnx"
    for line in [
      [
        "train", pictures, "--out", trained, "--input", "24", "--width", "0.1", "--init", "he", "--batch",
        "8", "--epochs", "2", "--hold-out", "0",
      ],
      ["features", model, pictures, "--out", workplace.path("features"), "--search-only"],
      [
        "features", model, pictures, "--out", workplace.path("some"), "--layers", "conv1,conv5",
        "--search-only",
      ],
      ["evolve", trained, "--out", workplace.path("evolution"), "--units", "2"],
      ["diagnose", model, pictures, "--out", workplace.path("diagnosis")],
    ] {
      let made = try Command.run(line + ["--quiet", "--threads", "2"])
      #expect(made.status == 0, "\(line[0]): \(made.errors)")
    }
    return try Served(
      workplace,
      runs: workplace.path("features"), workplace.path("some"), workplace.path("evolution"),
      workplace.path("diagnosis"), trained)
  }

  @Test func `other runs have pages too, every link of which leads somewhere`() throws {
    let served = try beside()
    let home = try served.get("/").body
    for name in ["with/some/index.html", "runs/evolution.html", "runs/diagnosis.html", "runs/trained.html"] {
      #expect(home.contains("\"\(name)\""), "\(name)")
    }
    // Questions of the game have no end, and figures for paper take a while: one is asked for below.
    let slow = ["round=", "/figures/", "/controls/", "/arrays/"]
    let seen = try ["/", "/runs/evolution.html", "/units/conv1/0.html"].reduce(into: Set<String>()) {
      $0.formUnion(try served.crawled(from: $1, most: 120, without: slow))
    }
    #expect(seen.contains("/runs/evolution/settling.svg") && seen.contains("/epochs/conv1/0.jpg"))
    let other = try served.crawled(from: "/with/some/index.html", most: 150, without: slow)
    #expect(other.contains("/with/some/units/conv1/0.html") && other.contains("/index.html"))
    #expect(other.contains { $0.hasPrefix("/with/some/atlases/") })
    let unit = try served.get("/units/conv1/0.html").body
    #expect(unit.contains("../../figures/units.svg?units=conv1%3a0&amp;rule=deconvnet"))
    #expect(try served.get("/figures/units.svg?units=conv1%3A0&rule=deconvnet").status == 200)
    let diagnosis = try served.get("/runs/diagnosis.html").body
    #expect(diagnosis.contains("../layers/conv1.html") && diagnosis.contains("units never active"))
    // A drawing may do nothing, whoever opens it.
    let figure = try served.get("/runs/evolution/settling.svg")
    #expect(figure.header("Content-Type") == "image/svg+xml")
    let policy = figure.header("Content-Security-Policy") ?? ""
    #expect(
      policy.contains("sandbox") && policy.contains("default-src 'none'") && !policy.contains("script-src"))
    let copied = try Command.run([
      "explore", served.workplace.path("features"), served.workplace.path("evolution"), "--export",
      served.workplace.path("copy"), "--quiet",
    ])
    #expect(copied.status == 0, "\(copied.errors)")
    let files = try served.workplace.contents(of: "copy")
    #expect(try files["epochs/conv1/0.jpg"] == Data(served.bytes("/epochs/conv1/0.jpg")))
    #expect(files["runs/evolution.html"] != nil && files["runs/evolution/settling.svg"] != nil)
  }

  @Test func `a unit at the last epoch is the unit of the run, and earlier ones are of earlier networks`()
    throws
  {
    let served = try beside()
    let unit = try served.json("/api/layers/conv5/units/0.json")
    let top = try #require((unit["top"] as? [[String: Any]])?.first)
    let page = try served.get("/units/conv5/0.html?epoch=1").body
    let frames = page.matches(
      of: /id="e([0-9]+)"( class="now")?>.*?<figcaption>.*?<br>([^<]*)<\/figcaption>/.dotMatchesNewlines())
    #expect(frames.map { String($0.1) } == ["1", "2"] && frames.map { $0.2 != nil } == [true, false])
    #expect(try String(frames[1].3) == #require(top["image"] as? String))
    // A frame is a patch and beside that its projection; the two epochs' networks differ, and so do their projections.
    let film = try Picture(decoding: served.bytes("/epochs/conv5/0.jpg"), named: "film")
    let overview = try Picture(decoding: served.bytes("/epochs/conv5/2/0.jpg"), named: "overview")
    let tile = (film.columns - 2) / 2
    #expect(overview.columns >= tile && overview.rows >= film.rows)
    let halves = [0, tile + 2].map {
      film.cropped(to: Box(top: 0, left: $0, bottom: film.rows, right: $0 + tile))
    }
    #expect(halves[0] != halves[1])
    for missing in [
      "/epochs/conv5/3/0.jpg", "/epochs/conv5/1/9.jpg", "/epochs/conv5/99999.jpg", "/epochs/none/0.jpg",
    ] {
      #expect(try served.get(missing).status == 404, "\(missing)")
    }
    #expect(try served.get("/layers/conv5.html?epoch=1&sort=steady").body.contains("../epochs/conv5/1/0.jpg"))
    #expect(try served.get("/layers/conv5.html?epoch=7").body.contains("../atlases/deconvnet/conv5/0.jpg"))
    let compared = try served.get("/compare.html?a=conv5:0@1&b=some/conv5:0").body
    #expect(compared.contains("epoch 1: ") && compared.contains("with/some/units/conv5/0.html"))
    #expect(try served.get("/compare.html?a=conv5:0@7&b=conv9").body.contains("There is no"))
    #expect(try served.get("/compare.html?a=/&b=some/").body.matches(of: /<section class="pane">/).count == 2)
  }

  @Test func `notes are kept in the run, shown as text and found`() throws {
    let served = try Served()
    let stem = "conv1"
    let kept = try served.post(
      "/api/notes", #"{"layer":"conv1","unit":2,"text":"stripes <b>&\" of wasps","pinned":true}"#)
    #expect(kept.status == 200, "\(kept.text)")
    let page = try served.get("/units/\(stem)/2.html").body
    #expect(page.contains("stripes &lt;b&gt;&amp;") && page.contains("aria-pressed=\"true\""))
    #expect(try served.get("/").body.contains("Pinned and noted"))
    #expect(try served.get("/search.html?q=of+wasps").body.contains("units/conv1/2.html"))
    // What is left out stays as it was.
    #expect(try served.post("/api/notes", #"{"layer":"conv1","unit":2,"pinned":false}"#).status == 200)
    let notes = try #require(try served.json("/api/notes.json")["notes"] as? [[String: Any]])
    #expect(notes.count == 1 && notes[0]["text"] as? String == "stripes <b>&\" of wasps")
    #expect(notes[0]["isPinned"] as? Bool == false)
    // Another explorer of the run adds to them.
    let other = try Served(served.workplace, runs: served.workplace.path("run"))
    #expect(try other.post("/api/notes", #"{"layer":"conv1","unit":0,"text":"dots"}"#).status == 200)
    #expect(try served.get("/units/conv1/0.html").body.contains("dots"))
    let many = String(repeating: "x", count: 4001)
    for (body, status) in [
      ("", 422), ("{}", 422), ("[1,2]", 422), (#"{"layer":"conv1","unit":9999,"text":"x"}"#, 404),
      (#"{"layer":"../run","unit":0,"text":"x"}"#, 404), (#"{"layer":"conv1","unit":-1}"#, 404),
      (#"{"layer":"conv1","unit":0,"text":"\#(many)"}"#, 422),
      (#"{"layer":"conv1","unit":1e99}"#, 422), (String(repeating: "[", count: 60_000), 422),
    ] {
      #expect(try served.post("/api/notes", body).status == status, "\(body.prefix(60))")
    }
    #expect(try served.get("/api/notes").status == 405)
    #expect(try served.post("/units/conv1/0.html", "{}").status == 405)
    let unasked = try served.http.request(
      "POST", "/api/notes", headers: [served.cookie], body: Array(#"{"layer":"conv1","unit":0}"#.utf8))
    #expect(unasked.status == 403)
    #expect((try served.json("/api/notes.json")["notes"] as? [Any])?.count == 2)
    // A damaged notebook is told of, and not written over.
    let file = served.workplace.path("run/notebook.json")
    try "{\"notes\": [".write(toFile: file, atomically: true, encoding: .utf8)
    #expect(try served.get("/units/conv1/0.html").status == 200)
    let refused = try served.post("/api/notes", #"{"layer":"conv1","unit":0,"text":"lost"}"#)
    #expect(refused.status == 422 && refused.text.contains("damaged"))
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "{\"notes\": [")
  }

  @Test func `the game asks what has one answer, and counts each question once`() throws {
    let served = try Served()
    var right = 0
    for round in 1...6 {
      let page = try served.get("/game.html?layer=conv1&show=projections&round=\(round)").body
      #expect(page == (try served.get("/game.html?layer=conv1&show=projections&round=\(round)").body))
      #expect(page.matches(of: /data-choice=/).count == 4)
      let pictures = try (0..<4).map { try served.bytes("/game/conv1/\(round)/projections/\($0).jpg") }
      #expect(Set(pictures).count == 4 && pictures.allSatisfy { !$0.isEmpty })
      #expect(try served.get("/game/conv1/\(round)/projections/references.jpg").status == 200)
      func answered(_ choice: Int) throws -> [String: Any] {
        let reply = try served.post(
          "/api/game", #"{"layer":"conv1","round":\#(round),"shown":"projections","choice":\#(choice)}"#)
        #expect(reply.status == 200, "\(reply.text)")
        return try #require(try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any])
      }
      let told = try answered(0)
      let answer = try #require(told["answer"] as? Int)
      #expect(told["isRight"] as? Bool == (answer == 0))
      right += answer == 0 ? 1 : 0
      let again = try answered(answer)
      #expect(again["right"] as? Int == right && again["of"] as? Int == round)
    }
    let score = try served.get("/game.html?layer=conv1&show=projections").body
    #expect(score.contains("<td>\(right) of 6</td>") && score.contains("data-round=\"7\""))
    for body in [
      #"{"layer":"conv1","round":1,"shown":"patches","choice":4}"#,
      #"{"layer":"none","round":1,"shown":"patches","choice":0}"#,
    ] {
      #expect(try served.post("/api/game", body).status == 404, "\(body)")
    }
    for body in [
      #"{"layer":"conv1","round":-1,"shown":"patches","choice":0}"#,
      #"{"layer":"conv1","round":1,"shown":"names","choice":0}"#,
    ] {
      #expect(try served.post("/api/game", body).status == 422, "\(body)")
    }
    for path in ["1/names/0.jpg", "1/patches/4.jpg", "-1/patches/0.jpg", "1/patches/other.jpg"] {
      #expect(try served.get("/game/conv1/\(path)").status == 404, "\(path)")
    }
  }

  @Test func `a run under way shows what was found so far, and more as it is found`() throws {
    let workplace = try Workplace()
    let (run, pictures) = (workplace.path("run"), try workplace.pictures(6))
    let line = ["features", try workplace.classifier(), pictures, "--out", run, "--search-only", "--quiet"]
    #expect(try Command.run(line).status == 0)
    let (search, table) = (run + "/search.safetensors", run + "/features.json")
    let whole = try Data(contentsOf: URL(fileURLWithPath: search))
    try FileManager.default.removeItem(atPath: table)
    // As a search has it that was stopped after three images: what it holds of later ones it has not seen.
    var early = try SafeTensors(reading: search)
    early.metadata["progress"] = #"{"next":3,"skipped":[]}"#
    try early.write(to: search)
    let served = try Served(workplace, runs: run)
    let home = try served.get("/").body
    #expect(
      home.contains("Searched 3 of") && home.contains("6 images so far") && home.contains("--search-only"))
    #expect(try served.json("/api/run.json")["searched"] as? Int == 3)
    #expect(try served.get("/units/conv1/0.html").body.contains("the patch that it sees"))
    #expect(!(try served.get("/units/conv1/0.html").body.contains("figures/units.svg")))
    let live = try served.http.request(
      "POST", "/api/live", headers: [served.cookie, "X-Switchback: 1"],
      body: [UInt8](Data(contentsOf: URL(fileURLWithPath: pictures + "/0.jpg"))))
    #expect(live.status == 200)
    // The search goes on, and ends.
    try whole.write(to: URL(fileURLWithPath: search), options: .atomic)
    #expect(try Command.run(line).status == 0)
    var now = home
    for _ in 0..<50 where now.contains("so far") {
      usleep(200_000)
      now = try served.get("/").body
    }
    #expect(!now.contains("so far") && now.contains("over 6 images"))
    // Before anything is found there is the structure.
    try FileManager.default.removeItem(atPath: table)
    try FileManager.default.removeItem(atPath: search)
    let empty = try Served(workplace, runs: run)
    #expect(try empty.get("/").body.contains("Searched 0 of"))
    #expect(try empty.get("/units/conv1/0.html").body.contains("of those searched so far"))
    #expect(try empty.get("/game.html").body.contains("Too few units"))
    // A search of something else is refused, whether or not the run is finished.
    try Data("{}".utf8).write(to: URL(fileURLWithPath: search))
    try Command.refusal(["explore", run, "--no-open"], naming: ["search.safetensors"])
  }

  @Test func `units are drawn for paper as the figure command draws them`() throws {
    let served = try Served()
    let run = served.workplace.path("run")
    for (format, units) in [("svg", "conv1:0,1"), ("pdf", "conv1:1"), ("png", "conv1:3")] {
      let file = served.workplace.path("units." + format)
      let drawn = try Command.run(["figure", run, "--units", units, "--out", file, "--quiet"])
      #expect(drawn.status == 0, "\(drawn.errors)")
      let bytes = try served.bytes("/figures/units.\(format)?units=\(units)&rule=deconvnet")
      #expect(try Data(bytes) == Data(contentsOf: URL(fileURLWithPath: file)), "\(format)")
    }
    for query in ["", "units=", "units=conv9:1", "units=conv1:99", "units=conv1:0&rule=none", "units=conv1"] {
      #expect(try served.get("/figures/units.svg?" + query).status == 422, "\(query)")
    }
  }

  @Test func `a study's run that someone else made shows nothing that is not the run's`() throws {
    let served = try beside()
    let workplace = served.workplace
    let diagnosis = workplace.path("diagnosis")
    let secret = try workplace.folder.write(Array("<svg>private</svg>".utf8), to: "secret.svg")
    try FileManager.default.removeItem(atPath: diagnosis + "/figures/diagnosis.svg")
    try FileManager.default.createSymbolicLink(
      atPath: diagnosis + "/figures/diagnosis.svg", withDestinationPath: secret)
    try "layer,what\r\nconv1,<script>alert(1)</script>\r\n".write(
      toFile: diagnosis + "/odd.csv", atomically: true, encoding: .utf8)
    try "layer,\"never closed\r\n".write(toFile: diagnosis + "/torn.csv", atomically: true, encoding: .utf8)
    try #"{"models":[{"findings":[{"layer":"conv1","units":[-1,99999,0],"text":"<i>x","verdict":"watch"}]}]}"#
      .write(toFile: diagnosis + "/diagnosis.json", atomically: true, encoding: .utf8)
    let spoiled = try Served(workplace, runs: workplace.path("features"), diagnosis)
    let page = try spoiled.get("/runs/diagnosis.html").body
    #expect(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"))
    #expect(page.contains("units/conv1/0.html") && !page.contains("99999") && page.contains("&lt;i&gt;x"))
    #expect(!page.contains("never closed"))
    #expect(try spoiled.get("/runs/diagnosis/diagnosis.svg").status == 404)
    for path in [
      "/runs/..%2Ffeatures.html", "/runs/diagnosis/..%2F..%2Fsecret.svg", "/runs/none.html", "/with/none/",
      "/with/..%2F..%2Fetc/passwd", "/with/diagnosis/", "/with/", "/with",
    ] {
      #expect(try spoiled.get(path).status == 404, "\(path)")
    }
  }

  @Test func `the browser is led in by a file of its owner's, for a list of processes is everybody's`() throws
  {
    let workplace = try Workplace()
    let run = workplace.path("run")
    let made = try Command.run([
      "features", try workplace.plain(), try workplace.pictures(4), "--out", run, "--search-only", "--quiet",
    ])
    #expect(made.status == 0, "\(made.errors)")
    let told = workplace.path("told")
    try FileManager.default.createDirectory(atPath: workplace.path("bin"), withIntermediateDirectories: true)
    let opener = workplace.path("bin/xdg-open")
    try "#!/bin/sh\nprintf %s \"$*\" > '\(told).new' && mv '\(told).new' '\(told)'\n".write(
      toFile: opener, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: opener)
    let running = try Command.start(
      ["explore", run, "--json"],
      shell: "exec env DISPLAY=:9 PATH='\(workplace.path("bin"))':\"$PATH\" \"$@\"")
    defer { running.send(SIGKILL) }
    let line = try running.firstLine()
    let url = try #require(
      (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])?["url"])
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: told) { usleep(50_000) }
    let opened = try String(contentsOfFile: told, encoding: .utf8)
    #expect(opened == run + "/open-explorer.html")
    let mode = try FileManager.default.attributesOfItem(atPath: opened)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try String(contentsOfFile: opened, encoding: .utf8).contains("url=\(url)"))
    // A browser says that it comes from elsewhere: it may, to the first page, with the token.
    let address = try #require(URLComponents(string: url))
    let http = RawHTTP(port: try #require(address.port))
    let query = try #require(address.query)
    let visit = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]
    let led = try http.request("GET", "/?" + query, headers: visit)
    #expect(
      led.status == 200 && led.body.contains("url=/") && led.header("Set-Cookie")?.contains("Strict") == true)
    for (target, headers) in [
      ("/", visit), ("/?token=0", visit), ("/live.html?" + query, visit), ("/api/run.json?" + query, visit),
      ("/?" + query, Array(visit.prefix(2))), ("/?" + query, visit.prefix(2) + ["Sec-Fetch-Dest: iframe"]),
      ("/?" + query, [visit[0], "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"]),
    ] {
      #expect(try http.request("GET", target, headers: headers).status == 403, "\(target) \(headers)")
    }
  }

  @Test func `an image that can no longer be read is said, and tiles of a copy are as large as asked for`()
    throws
  {
    let workplace = try Workplace()
    let (run, pictures) = (workplace.path("run"), try workplace.pictures(5))
    let made = try Command.run([
      "features", try workplace.plain(), pictures, "--out", run, "--search-only", "--quiet",
    ])
    #expect(made.status == 0, "\(made.errors)")
    func width(_ folder: String, _ tile: String...) throws -> Int {
      let copied = try Command.run(
        ["explore", run, "--export", workplace.path(folder), "--units", "0", "--quiet"] + tile)
      #expect(copied.status == 0, "\(copied.errors)")
      return try Picture.extents(of: workplace.path(folder + "/tiles/deconvnet/conv2/0.jpg")).columns
    }
    let (usual, small) = (try width("usual"), try width("small", "--tile", "8"))
    #expect(small <= 3 * 8 + 4 && small < usual)
    try Command.refusal(["explore", run, "--export", "x", "--tile", "200"], naming: ["--tile"])
    try Command.refusal(["explore", run, "--tile", "20"], naming: ["--export"])
    try Data("no image".utf8).write(to: URL(fileURLWithPath: pictures + "/0.jpg"))
    let served = try Served(workplace, runs: run)
    let page = try served.get("/units/conv1/0.html").body
    #expect(page.matches(of: /this image can no longer be read/).count == 1)
    #expect(try served.get("/tiles/deconvnet/conv1/0.jpg").status == 200)
    #expect(try served.get("/images/0.webp").status == 422)
  }

  @Test func `names of layers, images and classes are text, wherever they come from`() throws {
    let workplace = try Workplace()
    let hostile = "a\"'><img src=x onerror=alert(1)>/../\u{e9}&amp;"
    let model = try workplace.edited(try workplace.classifier(), as: "hostile.onnx") { model in
      for place in model.graph.node.indices where model.graph.node[place].opType == "Conv" {
        model.graph.node[place].name = hostile
      }
    }
    let folder = "pictures/<b>class & \"quote'"
    _ = try workplace.pictures(3, in: folder)
    try workplace.folder.write(
      Workplace.picture(7).encodedPNG(), to: "\(folder)/<script>alert(2)<:script>.png")
    let run = workplace.path("run")
    let made = try Command.run([
      "features", model, workplace.path("pictures"), "--out", run, "--search-only", "--quiet",
    ])
    #expect(made.status == 0, "\(made.errors)")
    let served = try Served(workplace, runs: run)
    let seen = try served.crawled(from: "/", most: 80, without: ["round=", "/figures/", "/arrays/"])
    #expect(seen.count > 20)
    for address in seen where address.contains(".html") || address == "/" {
      let page = try served.get(address).body
      #expect(
        !page.contains("<img src=x") && !page.contains("<script>alert") && !page.contains("<b>class"),
        "\(address)")
    }
    // Moved images are asked for by name.
    try FileManager.default.moveItem(atPath: workplace.path("pictures"), toPath: workplace.path("elsewhere"))
    try Command.refusal(["explore", run, "--no-open"], naming: ["--pictures"])
    let found = try Command.start([
      "explore", run, "--pictures", workplace.path("elsewhere"), "--no-open", "--json",
    ])
    #expect(try found.firstLine().contains("url"))
    found.send(SIGKILL)
  }
}
