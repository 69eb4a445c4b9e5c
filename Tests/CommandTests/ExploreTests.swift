import Files
import Foundation
import Images
import Tensors
import TestSupport
import Testing

/// An explorer that serves a small run with classes, for as long as the value lives.
final class Served {
  let workplace: Workplace
  let running: Command.Running
  let http: RawHTTP
  let token: String

  convenience init(named name: String = "pictures") throws {
    let workplace = try Workplace()
    let model = try workplace.classifier()
    for (place, label) in ["ant", "bee & <b>wasp</b>"].enumerated() {
      _ = try workplace.pictures(5, in: "\(name)/\(label)")
      for number in 0..<5 {
        let picture = Workplace.picture(10 * place + number, rows: 40 + number, columns: 60)
        try workplace.folder.write(picture.encodedPNG(), to: "\(name)/\(label)/\(number).png")
      }
    }
    let made = try Command.run([
      "features", model, workplace.path(name), "--out", workplace.path("run"), "--units", "0..<2", "--quiet",
    ])
    #expect(made.status == 0, "\(made.errors)")
    try self.init(workplace, runs: workplace.path("run"))
  }

  /// Runs that were made already.
  init(_ workplace: Workplace, runs: String...) throws {
    self.workplace = workplace
    running = try Command.start(["explore"] + runs + ["--no-open", "--json"])
    let line = try running.firstLine()
    let report = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
    let address = try #require(URLComponents(string: report["url"] ?? ""))
    http = RawHTTP(port: try #require(address.port))
    token = try #require(address.queryItems?.first { $0.name == "token" }?.value)
  }

  deinit { running.send(SIGKILL) }

  var cookie: String { "Cookie: switchback-\(http.port)=\(token)" }

  func get(_ target: String) throws -> RawHTTP.Reply { try http.request("GET", target, headers: [cookie]) }

  /// The body as it was sent.
  func bytes(_ target: String) throws -> [UInt8] {
    let line =
      "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(http.port)\r\nConnection: close\r\n\(cookie)\r\n\r\n"
    let all = try http.bytes([Array(line.utf8)])
    let end = try #require(all.indices.first { all[$0...].starts(with: Array("\r\n\r\n".utf8)) })
    return Array(all[(end + 4)...])
  }

  /// Sends JSON, as a page's script does.
  func post(_ target: String, _ body: String) throws -> RawHTTP.Reply {
    try http.request(
      "POST", target, headers: [cookie, "X-Switchback: 1", "Content-Type: application/json"],
      body: Array(body.utf8))
  }

  /// Every address that the pages lead to from one on, each of which leads somewhere; no more than so many, and none that
  /// holds one of some words.
  func crawled(
    from start: String, most: Int = 400, without words: [String] = ["round="]
  ) throws -> Set<String> {
    var seen = Set<String>()
    var queue = [start]
    while !queue.isEmpty {
      let address = queue.removeFirst()
      guard seen.count < most, !words.contains(where: address.contains), seen.insert(address).inserted else {
        continue
      }
      let reply = try get(address)
      #expect([200, 303].contains(reply.status), "\(address): \(reply.text.prefix(200))")
      guard reply.header("Content-Type")?.hasPrefix("text/html") == true else { continue }
      #expect(!reply.body.contains("<b>wasp</b>") && !reply.body.contains(" style="))
      let base = try #require(URL(string: "http://x" + address))
      for match in reply.body.matches(of: /(?:href|src)="([^"#]+)/) {
        let target = String(match.1).replacing("&amp;", with: "&")
        let url = try #require(URL(string: target, relativeTo: base)?.absoluteURL, "\(target)")
        #expect(url.host == "x", "\(target) leaves the explorer")
        // A stamp says that what is there stays as it is, and not what is there.
        let query = url.query(percentEncoded: true).flatMap { $0.hasPrefix("v=") ? nil : "?" + $0 }
        queue.append(url.path(percentEncoded: true) + (query ?? ""))
      }
    }
    return seen
  }

  func json(_ target: String) throws -> [String: Any] {
    let reply = try get(target)
    #expect(reply.status == 200, "\(target): \(reply.text.prefix(300))")
    return try #require(try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any])
  }
}

@Suite struct Explore {
  @Test func `the token opens it once, and the cookie from there on`() throws {
    let served = try Served()
    let opened = try served.http.request("GET", "/?token=\(served.token)")
    #expect(opened.status == 303 && opened.header("Location") == "/")
    let cookie = try #require(opened.header("Set-Cookie"))
    #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"))
    let home = try served.get("/")
    #expect(home.status == 200 && home.body.contains("units in"))
    for (name, value) in [
      ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
    ] { #expect(home.header(name) == value) }
    let policy = try #require(home.header("Content-Security-Policy"))
    #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
    #expect(home.header("Access-Control-Allow-Origin") == nil)
    // Programs give the token with each question.
    #expect(try served.http.request("GET", "/api/run.json?token=\(served.token)").status == 200)
  }

  @Test func `every unit has a page, drawn by the run or not, and links that lead somewhere`() throws {
    let served = try Served()
    let run = try served.json("/api/run.json")
    let layers = try #require(run["layers"] as? [[String: Any]])
    #expect(!layers.isEmpty)
    let seen = try served.crawled(from: "/")
    for layer in layers {
      let stem = try #require(layer["stem"] as? String)
      let count = try #require(layer["units"] as? Int)
      for unit in 0..<count { #expect(seen.contains("/units/\(stem)/\(unit).html"), "\(stem) \(unit)") }
    }
    #expect(seen.contains { $0.hasPrefix("/tiles/") } && seen.contains { $0.hasPrefix("/atlases/") })
  }

  @Test func `what stays as it is need not be asked for again, and no other view is taken for it`() throws {
    let served = try Served()
    let page = try served.get("/units/conv1/0.html")
    #expect(page.header("Cache-Control") == "private, no-cache" && page.header("ETag") != nil)
    let tile = try #require(page.body.firstMatch(of: /href="..\/..(\/tiles\/[^"]+\.jpg)(\?v=[^"]+)"/))
    let (path, stamp) = (String(tile.1), String(tile.2))
    #expect(try served.get(path + stamp).header("Cache-Control") == "private, max-age=86400")
    for other in ["", "?v=", "?v=0", stamp + "0"] {
      #expect(try served.get(path + other).header("Cache-Control") == "private, no-cache", "\(other)")
    }
    #expect(try served.get("/tiles/deconvnet/conv1/99.jpg" + stamp).header("Cache-Control") == "no-store")
    let again = try Served(served.workplace, runs: served.workplace.path("run"))
    #expect(!(try again.get("/units/conv1/0.html").body.contains(stamp)))
  }

  @Test func `a unit's tiles are the bytes that features would draw`() throws {
    let served = try Served()
    // The run has drawn units 0 and 1; another is drawn for the page.
    let layers = try #require(try served.json("/api/run.json")["layers"] as? [[String: Any]])
    let stem = try #require(layers[0]["stem"] as? String)
    let units = try #require(try served.json("/api/layers/\(stem).json")["units"] as? [[String: Any]])
    let unit = try #require(
      units.dropFirst(2).first { ($0["strongest"] as? Double ?? 0) > 0 }?["unit"] as? Int)
    let model = served.workplace.path("classifier.onnx")
    let grown = try Command.run([
      "features", model, served.workplace.path("pictures"), "--out", served.workplace.path("other"),
      "--units", "\(unit)", "--quiet",
    ])
    #expect(grown.status == 0, "\(grown.errors)")
    for ending in [".jpg", ".webp", "-fitted.jpg", "-views.webp"] {
      let file = served.workplace.path("other/gallery/deconvnet/\(stem)/\(unit)\(ending)")
      let drawn = try Data(contentsOf: URL(fileURLWithPath: file))
      #expect(try Data(served.bytes("/tiles/deconvnet/\(stem)/\(unit)\(ending)")) == drawn, "\(ending)")
    }
  }

  @Test func `a unit's arrays are those that features keeps`() throws {
    let served = try Served()
    let layers = try #require(try served.json("/api/run.json")["layers"] as? [[String: Any]])
    let stem = try #require(layers[0]["stem"] as? String)
    let path = served.workplace.path("run/projections/\(stem).safetensors")
    let kept = try #require(try SafeTensors.array("projections", slice: 1, in: path))
    let reply = try served.bytes("/arrays/deconvnet/\(stem)/1.safetensors")
    let file = try served.workplace.folder.write(reply, to: "unit.safetensors")
    let given = try #require(try SafeTensors(reading: file).tensors["projections"])
    #expect(
      given.elements.elementsEqual(kept.elements.prefix(given.elements.count)) && !given.elements.isEmpty)
  }

  @Test func `an image of one's own excites what the command says it does`() throws {
    let served = try Served()
    let image = try served.workplace.folder.write(
      try Workplace.picture(77).encodedPNG(), to: "own.png")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: image)))
    let reply = try served.http.request(
      "POST", "/api/live", headers: [served.cookie, "X-Switchback: 1"], body: bytes)
    #expect(reply.status == 200, "\(reply.text.prefix(400))")
    let found = try #require(
      try JSONSerialization.jsonObject(with: Data(reply.body.utf8)) as? [String: Any])
    let id = try #require(found["id"] as? String)
    let classes = try #require(found["classes"] as? [[String: Any]])
    let model = served.workplace.path("classifier.onnx")
    let classified = try Command.run(["classify", model, image, "--json"]).json()
    let top = try #require((classified["pictures"] as? [[String: Any]])?.first?["top"] as? [[String: Any]])
    #expect(classes[0]["name"] as? String == top[0]["name"] as? String)
    let layers = try #require(found["layers"] as? [[String: Any]])
    let excited = try #require(layers.first { !(($0["units"] as? [Any]) ?? []).isEmpty })
    let unit = try #require((excited["units"] as? [[String: Any]])?.first)
    let (layer, stem) = (
      try #require(excited["layer"] as? String), try #require(excited["stem"] as? String)
    )
    let (number, row, column) = (
      try #require(unit["unit"] as? Int), try #require(unit["row"] as? Int),
      try #require(unit["column"] as? Int)
    )
    let array = try served.get(
      "/api/live/\(id)/projection.safetensors?layer=\(stem)&unit=\(number)&row=\(row)&column=\(column)")
    #expect(array.status == 200)
    let projected = try Command.run([
      "project", model, image, "--layer", layer, "--unit", "\(number)", "--at", "\(row),\(column)",
      "--array", served.workplace.path("array.safetensors"), "--out", served.workplace.path("p.png"),
    ])
    #expect(projected.status == 0, "\(projected.errors)")
    let file = try Data(contentsOf: URL(fileURLWithPath: served.workplace.path("array.safetensors")))
    #expect(array.body == String(decoding: file, as: UTF8.self))
    for address in [
      "seen.webp", "maps/\(stem)/\(number).webp", "projection.jpg?layer=\(stem)&unit=\(number)",
      "layers/\(stem).json",
    ] { #expect(try served.get("/api/live/\(id)/\(address)").status == 200, "\(address)") }
    let sweep = try served.json("/api/live/\(id)/occlusion.json?size=6&stride=5")
    let rows = try #require(sweep["rows"] as? [Int])
    #expect(rows == Array(stride(from: 0, through: 16 - 6, by: 5)))
  }

  @Test func `what a unit reads is what reads it, and filters are most like themselves`() throws {
    let workplace = try Workplace()
    let run = workplace.path("run")
    let made = try Command.run([
      "features", try workplace.plain(), try workplace.pictures(6), "--out", run, "--search-only", "--quiet",
    ])
    #expect(made.status == 0, "\(made.errors)")
    let served = try Served(workplace, runs: run)
    func links(_ unit: [String: Any], _ key: String) throws -> [(layer: String, unit: Int, share: Double)] {
      try #require(unit[key] as? [[String: Any]]).map {
        (
          try #require($0["layer"] as? String), try #require($0["unit"] as? Int),
          try #require($0["share"] as? Double)
        )
      }
    }
    // The first layer has eight units, as many as are named: their shares of a filter's energy are all of it.
    for unit in 0..<10 {
      let reads = try links(try served.json("/api/layers/conv2/units/\(unit).json"), "reads")
      #expect(reads.count == 8 && reads.allSatisfy { $0.layer == "conv1" })
      #expect(abs(reads.reduce(0) { $0 + abs($1.share) } - 1) < 1e-6)
      #expect(reads.map { abs($0.share) } == reads.map { abs($0.share) }.sorted(by: >))
    }
    for unit in 0..<8 {
      for link in try links(try served.json("/api/layers/conv1/units/\(unit).json"), "readBy") {
        let back = try links(try served.json("/api/layers/\(link.layer)/units/\(link.unit).json"), "reads")
        #expect(back.contains { $0.unit == unit && $0.share == link.share })
      }
    }
    let similar = try links(try served.json("/api/layers/conv3/units/2.json"), "similar")
    let first = try #require(similar.first)
    let other = try links(try served.json("/api/layers/conv3/units/\(first.unit).json"), "similar")
    #expect(other.first { $0.unit == 2 }.map { abs($0.share - first.share) < 1e-9 } ?? true)
    #expect(similar.allSatisfy { $0.share <= first.share && abs($0.share) <= 1 })
    #expect(
      try served.get("/filters/conv1.png").status == 200 && served.get("/filters/conv2.png").status == 404)
  }

  /// In the first layer no switch and no ReLU but its own lies below: another image's change nothing.
  @Test func `controls say how much of a projection is the unit's`() throws {
    let served = try Served()
    let layers = try #require(try served.json("/api/run.json")["layers"] as? [[String: Any]])
    let stem = try #require(layers[0]["stem"] as? String)
    let units = try #require(try served.json("/api/layers/\(stem).json")["units"] as? [[String: Any]])
    let active = try #require(units.first { ($0["active"] as? Double ?? 0) > 0 }?["unit"] as? Int)
    let page = try served.get("/controls/\(stem)/\(active).html").body
    let cosines = page.matches(of: /<h2>([^<:]*): cosine (-?[0-9.]+)/).map { (String($0.1), Double($0.2)) }
    #expect(
      cosines.map(\.0) == [
        "Switches of another image", "Switches by chance", "Another unit, same place",
        "The same unit, next image", "Shuffled weights",
      ])
    #expect(cosines[0].1 == 1 && cosines[1].1 == 1)
    #expect(abs(cosines[4].1 ?? 1) < 0.9)
    for kind in ["evidence", "wrongSwitches", "randomSwitches", "otherUnit", "otherImage", "randomWeights"] {
      let picture = try served.get("/controls/deconvnet/\(stem)/\(active)-\(kind).jpg")
      #expect(picture.header("Content-Type") == "image/jpeg", "\(kind)")
    }
    #expect(try served.get("/controls/deconvnet/\(stem)/\(active)-nothing.jpg").status == 404)
  }

  @Test func `a search finds units by the classes of their images`() throws {
    let served = try Served()
    let layers = try #require(try served.json("/api/run.json")["layers"] as? [[String: Any]])
    let stem = try #require(layers[0]["stem"] as? String)
    #expect(try served.get("/search.html?q=\(stem):3").header("Location") == "/units/\(stem)/3.html")
    let ants = try served.get("/search.html?q=ant").body
    #expect(ants.contains("of its images") && ants.contains("units/\(stem)/"))
    #expect(try served.get("/search.html?q=zebra").body.contains("Nothing is called"))
  }

  @Test func `a copy has the same pages at the same addresses, and every link of them leads to a file`()
    throws
  {
    let served = try Served()
    let run = served.workplace.path("run")
    let copied = try Command.run(["explore", run, "--export", served.workplace.path("copy"), "--json"])
    #expect(copied.status == 0, "\(copied.errors)")
    #expect(copied.errors.contains("MB for ") && copied.errors.contains("mind who may see them"))
    let files = try served.workplace.contents(of: "copy")
    #expect(files["index.html"] != nil && files["explorer.js"] != nil)
    for (name, bytes) in files where name.hasSuffix(".html") {
      let page = String(decoding: bytes, as: UTF8.self)
      let folder = URL(string: "http://x/\(name)")
      for match in page.matches(of: /(?:href|src)="([^"#]+)/) {
        let target = try #require(URL(string: String(match.1), relativeTo: folder)?.absoluteURL)
        #expect(files[String(target.path.dropFirst())] != nil, "\(name) leads to \(match.1)")
      }
      #expect(try served.get("/" + name).status == 200, "\(name)")
    }
    let tiles = files.keys.filter { $0.hasPrefix("tiles/") || $0.hasPrefix("atlases/") }
    #expect(!tiles.isEmpty)
    for name in tiles {
      let reply = try served.get("/" + name)
      #expect(reply.body == files[name].map { String(decoding: $0, as: UTF8.self) }, "\(name)")
    }
    // Some units alone: their neighbours have no page, and nothing leads there.
    let stem = try #require(files.keys.first { $0.hasPrefix("units/") }?.split(separator: "/")[1])
    let some = try Command.run([
      "explore", run, "--export", served.workplace.path("some"), "--layers", String(stem), "--units", "1,3",
      "--quiet",
    ])
    #expect(some.status == 0, "\(some.errors)")
    let fewer = try served.workplace.contents(of: "some").keys.filter { $0.hasPrefix("units/") }
    #expect(fewer.sorted() == ["units/\(stem)/1.html", "units/\(stem)/3.html"])
    try Command.refusal(
      ["explore", run, "--export", served.workplace.path("pictures")], naming: ["something else"])
  }

  @Test func `who is not the one that started it is refused`() throws {
    let served = try Served()
    let (http, cookie, port) = (served.http, served.cookie, served.http.port)
    func refused(
      _ what: String, _ expected: Set<Int>, _ reply: RawHTTP.Reply,
      at location: SourceLocation = #_sourceLocation
    ) {
      #expect(
        expected.contains(reply.status), "\(what): \(reply.text.prefix(200))", sourceLocation: location)
      for secret in ["units in", served.token, "root:"] {
        #expect(!reply.text.contains(secret), "\(what)", sourceLocation: location)
      }
    }
    // Another site's page, by DNS rebinding or otherwise.
    for host in [
      "evil.example", "evil.example:\(port)", "127.0.0.1", "127.0.0.1:1", "localhost", "0.0.0.0:\(port)",
      "127.0.0.1:\(port).evil.example", "127.0.0.1.evil.example:\(port)", "user@127.0.0.1:\(port)",
      "127.1:\(port)", "[::]:\(port)", "2130706433:\(port)",
    ] { refused("host \(host)", [403, 400], try http.request("GET", "/", headers: [cookie], host: host)) }
    refused(
      "no host", [400, 403],
      try http.send([Array("GET / HTTP/1.1\r\n\(cookie)\r\nConnection: close\r\n\r\n".utf8)]))
    refused(
      "two hosts", [400, 403],
      try http.request("GET", "/", headers: [cookie, "Host: 127.0.0.1:\(port)"], host: "evil.example"))
    for site in ["cross-site", "same-site", "", "none, cross-site"] {
      refused(
        "from \(site)", [403], try http.request("GET", "/", headers: [cookie, "Sec-Fetch-Site: \(site)"]))
    }
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:\(port)", ""] {
      refused(
        "origin \(origin)", [403], try http.request("GET", "/", headers: [cookie, "Origin: \(origin)"]))
    }
    // Another user of this machine.
    for headers in [
      [], ["Cookie: switchback-\(port)="], ["Cookie: switchback-\(port)=0"],
      ["Cookie: switchback-1=\(served.token)"],
      ["Authorization: Bearer \(String(served.token.reversed()))"],
      ["Cookie: switchback-\(port)=\(served.token)0"],
    ] { refused("cookie \(headers)", [403], try http.request("GET", "/", headers: headers)) }
    for target in [
      "/?token=", "/?token=0", "/?token=\(served.token)x", "/api/run.json", "/api/run.json?token=1",
    ] {
      refused(target, [403], try http.request("GET", target))
    }
    // Methods.
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "POST"] {
      refused(method, [403, 405, 400], try http.request(method, "/", headers: [cookie, "X-Switchback: 1"]))
    }
    refused("a form's POST", [403], try http.request("POST", "/api/live", headers: [cookie], body: [1, 2]))
    refused("GET of the upload", [405], try http.request("GET", "/api/live", headers: [cookie]))
    // Paths.
    for path in [
      "/../../../../etc/passwd", "/..%2f..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
      "/%252e%252e/etc/passwd",
      "/images/..%2f..%2fetc%2fpasswd.webp", "/images/%00.webp", "/images/-1.webp",
      "/images/99999999999999.webp",
      "/images/1e1.webp", "/images/.webp", "//etc/passwd", "/etc/passwd", "/run.json", "/..\\..\\etc\\passwd",
      "/tiles/deconvnet/..%2f..%2f..%2fetc/passwd.jpg", "/tiles/deconvnet/conv1/../../run.json",
      "/tiles/nonsense/conv1/0.jpg", "/units/conv1/0", "/units/conv1/00000000000.html",
      "/units/conv1/-1.html",
      "/units/conv1/0.html/..", "/layers/%ff.html", "/layers/%zz.html", "/layers/.css", "/%",
      "/atlases/deconvnet/conv1/-1.jpg",
      "/atlases/deconvnet/conv1/9.jpg", "/atlases/deconvnet/conv1/00.jpg", "/api/live/../run.json",
      "/api/live/0/seen.webp/..",
    ] { refused(path, [400, 404], try http.request("GET", path, headers: [cookie])) }
    refused(
      "a whole address", [400, 403, 404],
      try http.request("GET", "http://127.0.0.1:\(port)/", headers: [cookie], host: "evil.example"))
    refused("an id of nobody's", [410], try http.request("GET", "/api/live/0/seen.webp", headers: [cookie]))
  }

  @Test func `what is sent cannot hold it up, fill it or bring it down`() throws {
    let served = try Served()
    let (http, cookie) = (served.http, served.cookie)
    func post(_ body: [UInt8]) throws -> Int {
      try http.request("POST", "/api/live", headers: [cookie, "X-Switchback: 1"], body: body).status
    }
    #expect(try post(PictureFiles.pngClaiming(rows: 30_000, columns: 30_000)) == 422)
    #expect(try post(Array("no picture".utf8)) == 422)
    #expect(try post(Array("<svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8)) == 422)
    #expect(try post(Array(try Workplace.picture(1).encodedJPEG(quality: 90).prefix(400))) == 422)
    #expect([413, 0].contains(try post([UInt8](repeating: 0, count: 21 << 20))))
    // A claim of more than is sent, and headers without an end.
    let claim =
      "POST /api/live HTTP/1.1\r\nHost: 127.0.0.1:\(http.port)\r\n\(cookie)\r\nX-Switchback: 1\r\nContent-Length: 999999999\r\n\r\n"
    #expect([0, 400, 413].contains(try http.send([Array(claim.utf8)], patience: 2).status))
    let flood = (0..<5000).map { "X-\($0): \(String(repeating: "a", count: 100))\r\n" }.joined()
    let long = try http.request(
      "GET", "/", headers: [cookie, "X-Long: \(String(repeating: "a", count: 200_000))"])
    #expect([0, 400, 431].contains(long.status))
    #expect(
      [0, 400, 431].contains(
        try http.send([Array(("GET / HTTP/1.1\r\nHost: 127.0.0.1:\(http.port)\r\n" + flood + "\r\n").utf8)])
          .status))
    for bytes in [
      "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}",
      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    ] {
      #expect(try http.send([Array(bytes.utf8)], patience: 2).status != 200)
    }
    // A slow one holds up nobody else.
    let slow = "GET / HTTP/1.1\r\nHost: 127.0.0.1:\(http.port)\r\n"
    #expect(try http.send([Array(slow.utf8)], pause: 0.2, patience: 1).status != 200)
    for query in [
      "size=0&stride=1", "size=9999&stride=1", "size=1&stride=0", "size=-1&stride=-1", "size=x", "",
    ] {
      let picture = try Workplace.picture(3).encodedPNG()
      let reply = try http.request("POST", "/api/live", headers: [cookie, "X-Switchback: 1"], body: picture)
      let id = try #require(reply.body.firstMatch(of: /"id":"([0-9a-f]+)"/)).1
      #expect(try served.get("/api/live/\(id)/occlusion.json?\(query)").status == 422, "\(query)")
      for place in ["layer=none&unit=0", "layer=&unit=", "unit=1"] {
        #expect(try served.get("/api/live/\(id)/projection.jpg?\(place)").status == 422, "\(place)")
      }
    }
    #expect(try served.get("/").status == 200)
  }

  @Test func `a run that someone else made cannot bring it down, nor show what is not the run's`() throws {
    let workplace = try Workplace()
    let run = workplace.path("run")
    let made = try Command.run([
      "features", try workplace.plain(), try workplace.pictures(4), "--out", run, "--units", "0..<2",
      "--quiet",
    ])
    #expect(made.status == 0, "\(made.errors)")
    let file = run + "/features.json"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for (what, other) in [
      ("\"unit\":3", "\"unit\":99999"), ("\"unit\":3", "\"unit\":-1"), ("\"row\":", "\"row\":9999"),
      ("\"column\":", "\"column\":-"), ("\"layer\":\"conv2\"", "\"layer\":\"conv9\""),
    ] {
      let spoiled = try #require(text.range(of: what)).lowerBound
      try (text[..<spoiled] + other + text[text.index(spoiled, offsetBy: what.count)...]).write(
        toFile: file, atomically: true, encoding: .utf8)
      let message = try Command.refusal(["explore", run, "--no-open"], naming: [])
      #expect(message.contains("damaged") || message.contains("not finished"), "\(other): \(message)")
    }
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    let header = try String(contentsOfFile: run + "/run.json", encoding: .utf8)
    let top = try #require(header.firstMatch(of: /"top" : [0-9]+/)?.range)
    for number in ["4611686018427387904", "0", "-9"] {
      try header.replacingCharacters(in: top, with: "\"top\" : \(number)").write(
        toFile: run + "/run.json", atomically: true, encoding: .utf8)
      try Command.refusal(["explore", run, "--no-open"], naming: ["damaged"])
    }
    try header.write(toFile: run + "/run.json", atomically: true, encoding: .utf8)
    // In place of tiles: a link to a file that is no picture, to a picture of another size, and torn bytes.
    let secret = try workplace.folder.write(Array("private words".utf8), to: "secret")
    let photograph = workplace.path("pictures/0.jpg")
    let gallery = run + "/gallery/deconvnet/conv1/"
    let kept = try Data(contentsOf: URL(fileURLWithPath: gallery + "0.jpg"))
    for (number, target) in [(0, secret), (1, photograph)] {
      try FileManager.default.removeItem(atPath: gallery + "\(number).jpg")
      try FileManager.default.createSymbolicLink(
        atPath: gallery + "\(number).jpg", withDestinationPath: target)
    }
    let served = try Served(workplace, runs: run)
    #expect(try Data(served.bytes("/tiles/deconvnet/conv1/0.jpg")) == kept)
    let other = try Data(served.bytes("/tiles/deconvnet/conv1/1.jpg"))
    #expect(try other != Data(contentsOf: URL(fileURLWithPath: photograph)) && !other.isEmpty)
  }

  @Test func `what cannot be explored is refused in a sentence`() throws {
    let workplace = try Workplace()
    let model = try workplace.classifier()
    try Command.refusal(["explore", workplace.path("nowhere")], naming: ["there is no"])
    try Command.refusal(
      ["explore", try workplace.pictures(1), "--no-open"], naming: ["is not a run", "features"])
    try Command.refusal(["explore", model, "pictures"], naming: ["--out"])
    try Command.refusal(["explore", "run", "--host", "0.0.0.0"], naming: ["--allow-host"])
    try Command.refusal(["explore", "run", "--port", "70000"], naming: ["--port"])
    try Command.refusal(["explore", "run", "--units", "1,2"], naming: ["--export"])
    try Command.refusal(["explore", "run", "--out", "other"], naming: ["--out"])
  }

  @Test func `Ctrl-C as a search ends ends what it was looked at with`() throws {
    let workplace = try Workplace()
    let (model, pictures) = (try workplace.classifier(), try workplace.pictures(4))
    for attempt in 0..<5 {
      let run = workplace.path("run\(attempt)")
      let running = try Command.start(
        ["explore", model, pictures, "--out", run, "--no-open", "--json"],
        shell: "exec env --default-signal=INT \"$@\"")
      _ = try running.firstLine()
      // The table is written when nothing asks for Ctrl-C any more, and the page not yet.
      let table = run + "/features.json"
      for _ in 0..<100_000 where !FileManager.default.fileExists(atPath: table) { usleep(100) }
      running.send(SIGINT)
      #expect(try running.outcome().status == 130)
    }
  }

  @Test func `a model and images are searched while one looks`() throws {
    let workplace = try Workplace()
    let model = try workplace.classifier()
    let pictures = try workplace.pictures(4)
    let running = try Command.start(
      ["explore", model, pictures, "--out", workplace.path("fresh"), "--no-open", "--json"],
      shell: "exec env --default-signal=INT \"$@\"")
    let line = try running.firstLine()
    #expect(line.hasPrefix("{\"url\":\"http://127.0.0.1:"))
    let table = workplace.path("fresh/features.json")
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: table) { usleep(100_000) }
    #expect(FileManager.default.fileExists(atPath: table))
    running.send(SIGINT)
    #expect(try running.outcome().status == 130)
    // What the network makes of images is settled with the run.
    for flags in [["--size", "32x32"], ["--mean", "1"], ["--out", workplace.path("other")]] {
      try Command.refusal(
        ["explore", workplace.path("fresh"), "--no-open"] + flags, naming: [workplace.path("fresh")])
    }
    try Command.refusal(["explore", model, "--no-open"], naming: ["MODEL IMAGES"])
    // Interrupted in its middle, it can be gone on with, and looked at before that.
    let many = try workplace.links(4000, to: pictures)
    let second = try Command.start(
      ["explore", model, many, "--out", workplace.path("second"), "--no-open", "--json", "--mean", "3"],
      shell: "exec env --default-signal=INT \"$@\"")
    _ = try second.firstLine()
    second.send(SIGINT)
    let stopped = try second.outcome()
    #expect(stopped.status == 130)
    if stopped.errors.contains("stopped after") {
      let served = try Served(workplace, runs: workplace.path("second"))
      #expect(
        try served.get("/").body.contains(
          "of \(4000.formatted(.number.grouping(.automatic).locale(Locale(identifier: "en_US")))) images so far"
        ))
    }
  }
}
