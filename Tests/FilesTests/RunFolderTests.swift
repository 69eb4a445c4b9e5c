import Files
import Foundation
import TestSupport
import Testing

@Suite struct RunFolders {
  let folder: TemporaryFolder
  var path: String { folder.file("deep/run") }

  init() throws { folder = try TemporaryFolder() }

  private struct Settings: Codable, Equatable {
    var top = 9
    var layers = ["conv1", "conv5"]
    var note: String?
  }

  private func open(_ settings: Settings = Settings(), kind: String = "features") throws -> RunFolder {
    try RunFolder.open(at: path, kind: kind, configuration: settings)
  }

  private func refusal(_ settings: Settings = Settings(), kind: String = "features") -> RunError? {
    #expect(throws: RunError.self) { try open(settings, kind: kind) }
  }

  @Test func `a folder is made with its parents, and opened again by the same run`() throws {
    do { try open().write(json: [1, 2], to: "figures/a.json") }
    let again = try open()
    #expect(again.contains("figures/a.json") && !again.contains("figures/b.json"))
    #expect(try again.read([Int].self, from: "figures/a.json") == [1, 2])
    let header = try Data(contentsOf: URL(fileURLWithPath: path + "/run.json"))
    let object = try #require(try JSONSerialization.jsonObject(with: header) as? [String: Any])
    #expect(object["kind"] as? String == "features" && object["format"] as? Int == 1)
    #expect((object["configuration"] as? [String: Any])?["top"] as? Int == 9)
  }

  @Test func `another run is refused, with each setting that differs`() throws {
    do { _ = try open() }
    #expect(
      refusal(Settings(top: 4, layers: ["conv1"], note: "x"))
        == .otherRun(
          folder: path,
          differences: [
            "layers was [\"conv1\",\"conv5\"], is [\"conv1\"]", "note was absent, is \"x\"",
            "top was 9, is 4",
          ]))
    guard case .otherRun(_, let differences) = refusal(kind: "occlude") else {
      Issue.record("another command's run was taken")
      return
    }
    #expect(differences == ["it is a run of \"features\", not of \"occlude\""])
    #expect(refusal(Settings(top: 4))?.description.contains(path) == true)
    #expect(throws: Never.self) { try open() }
  }

  @Test func `the same settings in another layout are the same run`() throws {
    do { _ = try open() }
    let header = path + "/run.json"
    let settings = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: header)))
    let layout = try JSONSerialization.data(withJSONObject: settings)
    try layout.write(to: URL(fileURLWithPath: header))
    #expect(throws: Never.self) { try open() }
    #expect(try Data(contentsOf: URL(fileURLWithPath: header)) == layout)
    try Data(String(decoding: layout, as: UTF8.self).replacing("\"format\":1", with: "\"format\":2").utf8)
      .write(
        to: URL(fileURLWithPath: header))
    #expect(refusal() == .otherRun(folder: path, differences: ["its format is another"]))
  }

  @Test func `a run adapts to settings that may change, and is another's for all others`() throws {
    do { try open().write(json: [1], to: "figures/a.json") }
    func grow(_ settings: Settings, _ adapt: (RunFolder, Data) throws(RunError) -> Void) throws -> RunFolder {
      try RunFolder.open(
        at: path, kind: "features", configuration: settings, changing: ["layers"], adapt: adapt)
    }
    let stopped = #expect(throws: RunError.self) {
      try grow(Settings(layers: ["conv2"])) { (run, _) throws(RunError) in
        throw .unwritable(folder: run.path, reason: "stopped")
      }
    }
    #expect(stopped == .unwritable(folder: path, reason: "stopped"))
    _ = try grow(Settings()) { _, _ in Issue.record("it is the earlier configuration still") }
    do {
      let grown = try grow(Settings(layers: ["conv2"])) { (run, earlier) throws(RunError) in
        #expect(String(decoding: earlier, as: UTF8.self).contains("conv5"))
        #expect(run.names(in: "figures") == ["a.json"])
        try run.remove("figures")
        try run.remove("figures")
      }
      #expect(!grown.contains("figures") && grown.names(in: "figures").isEmpty)
    }
    #expect(try String(contentsOfFile: path + "/run.json", encoding: .utf8).contains("conv2"))
    let refused = #expect(throws: RunError.self) { try grow(Settings(top: 4)) { _, _ in } }
    #expect(
      refused?.description.contains("top was 9") == true && refused?.description.contains("layers") == false)
  }

  @Test func `a folder of something else is not taken for a run, nor overwritten`() throws {
    try folder.write(Array("thesis".utf8), to: "deep/run/thesis.txt")
    #expect(refusal() == .notARun(folder: path))
    #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["thesis.txt"])
  }

  @Test func `what was killed before its first file was whole begins anew`() throws {
    try folder.write(Array("{\"kin".utf8), to: "deep/run/run.json.partial")
    try folder.write([], to: "deep/run/run.lock")
    #expect(throws: Never.self) { try open() }
  }

  @Test func `a header that is no JSON is called damaged`() throws {
    try folder.write(Array("{\"kin".utf8), to: "deep/run/run.json")
    guard case .damaged(let file, _) = refusal() else {
      Issue.record("a damaged header was taken")
      return
    }
    #expect(file == path + "/run.json")
  }

  @Test func `a run is one process's at a time, and free when that is gone`() throws {
    var first: RunFolder? = try open()
    #expect(first != nil)
    #expect(refusal() == .busy(folder: path))
    first = nil
    #expect(throws: Never.self) { try open() }
  }

  @Test func `a file in the folder's place, or a folder that cannot be written, is refused`() throws {
    try folder.write([1], to: "deep/run")
    guard case .unwritable(let named, _) = refusal() else {
      Issue.record("a file was taken for a folder")
      return
    }
    #expect(named == path)
    let error = #expect(throws: RunError.self) {
      try RunFolder.open(at: "/proc/run", kind: "features", configuration: Settings())
    }
    #expect(error?.description.contains("/proc/run") == true)
  }

  @Test func `a value's bytes are the same each time, and never half there`() throws {
    let run = try open()
    let value = ["b": 1, "a": 2, "c/d": 3]
    try run.write(json: value, to: "x.json")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: run.path(of: "x.json")))
        == Data("{\"a\":2,\"b\":1,\"c/d\":3}".utf8))
    try folder.write(Array("[1,2".utf8), to: "deep/run/y.json.partial")
    #expect(!run.contains("y.json"))
    #expect(throws: RunError.self) { try run.read([Int].self, from: "y.json") }
    try run.write(json: [3], to: "y.json")
    #expect(try run.read([Int].self, from: "y.json") == [3])
    #expect(!FileManager.default.fileExists(atPath: run.path(of: "y.json.partial")))
  }

  @Test func `a file that is not what it should be is called damaged`() throws {
    let run = try open()
    try run.write(bytes: Data("[1,".utf8), to: "x.json")
    let error = #expect(throws: RunError.self) { try run.read([Int].self, from: "x.json") }
    #expect(error?.description.contains(run.path(of: "x.json")) == true)
  }
}
