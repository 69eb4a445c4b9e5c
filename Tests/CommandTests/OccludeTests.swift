import Files
import Foundation
import Images
import Networks
import Studies
import Tensors
import TestSupport
import Testing

@Suite struct OccludeCommands {
  let workplace: Workplace
  let model: String
  let pictures: String

  init() throws {
    workplace = try Workplace()
    model = try workplace.classifier()
    pictures = try workplace.pictures(3)
  }

  private func occlude(_ flags: String..., model: String? = nil) throws -> Command.Outcome {
    try Command.run(
      [
        "occlude", model ?? self.model, pictures, "--out", workplace.path("run"), "--size", "6", "--stride",
        "5",
      ]
        + flags)
  }

  private func map(_ name: String) throws -> [String: Any] {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: workplace.path("run/occlusion/\(name).json")))
    return try #require(JSONSerialization.jsonObject(with: bytes) as? [String: Any])
  }

  @Test func `each picture gets its maps and its scores, as the contract has them`() throws {
    let outcome = try occlude("--layer", "conv1", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let map = try map("0")
    #expect(map["rows"] as? [Int] == [0, 5, 10] && map["columns"] as? [Int] == [0, 5, 10])
    #expect(map["size"] as? Int == 6)
    let label = try #require(map["class"] as? Int)
    let base = try #require(map["base"] as? [String: Any])
    #expect(base["label"] as? Int == label && base["probability"] is Double)
    #expect((map["probability"] as? [[Double]])?.map(\.count) == [3, 3, 3])
    #expect((map["label"] as? [[Int]])?.map(\.count) == [3, 3, 3])
    let maps = try #require(map["maps"] as? [String: [String: Any]])
    #expect((maps["conv1"]?["total"] as? [[Double]])?.count == 3 && maps["conv1"]?["unit"] is Int)
    let logits = try SafeTensors(reading: workplace.path("run/occlusion/0.safetensors")).tensors["logits"]
    #expect(logits?.shape == [3, 3, 5])
    for file in ["index.html", "figures/occlusion-6.svg", "figures/occlusion-6.png", "skipped.json"] {
      #expect(FileManager.default.fileExists(atPath: workplace.path("run/" + file)), "\(file)")
    }
  }

  @Test func `what is done stays, and another setting is another run`() throws {
    #expect(try occlude("--quiet").status == 0)
    let before = try workplace.contents(of: "run")
    #expect(try occlude("--quiet").status == 0)
    #expect(try workplace.contents(of: "run") == before)
    let other = try occlude("--fill", "black")
    #expect(other.status == 2 && other.errors.contains("fill was \"gray\", is \"black\""), "\(other.errors)")
  }

  @Test func `a class is watched by name, and near names are told`() throws {
    let named = try occlude("--class", "cat", "--quiet")
    #expect(named.status == 0, "\(named.errors)")
    #expect(try map("1")["class"] as? Int == 1)
    try FileManager.default.removeItem(atPath: workplace.path("run"))
    let wrong = try occlude("--class", "cap")
    #expect(wrong.status == 2 && wrong.errors.contains("cat"), "\(wrong.errors)")
    let unknown = try occlude("--class", "true")
    #expect(unknown.status == 2 && unknown.errors.contains("true class"), "\(unknown.errors)")
  }

  @Test func `sizes and strides that lead nowhere are refused`() throws {
    for (flags, word) in [
      (["--size", "17"], "does not fit"), (["--stride", "0"], "--stride"), (["--size", "0"], "--size"),
    ] {
      let outcome = try Command.run(
        ["occlude", model, pictures, "--out", workplace.path("other"), "--size", "6", "--stride", "5"] + flags
      )
      #expect(outcome.status == 2 && outcome.errors.contains(word), "\(flags): \(outcome.errors)")
    }
  }

  @Test func `a network without a classifier keeps its maps and says so`() throws {
    let plain = try workplace.plain()
    let outcome = try occlude(model: plain)
    #expect(outcome.status == 0 && outcome.errors.contains("classifies nothing"), "\(outcome.errors)")
    #expect(try map("0")["probability"] == nil)
    try FileManager.default.removeItem(atPath: workplace.path("run"))
    let watched = try occlude("--class", "cat", model: plain)
    #expect(watched.status == 2 && watched.errors.contains("no class can be watched"), "\(watched.errors)")
  }

  @Test func `an unreadable picture among others is skipped and listed`() throws {
    try workplace.folder.write(Array("no picture".utf8), to: "pictures/bad.jpg")
    let outcome = try occlude()
    #expect(outcome.status == 0, "\(outcome.errors)")
    let skipped = try String(contentsOfFile: workplace.path("run/skipped.json"), encoding: .utf8)
    #expect(skipped.contains("bad.jpg"))
  }

  @Test func `a lost map is found again after a picture that cannot be read`() throws {
    try workplace.folder.write(Array("no picture".utf8), to: "pictures/0.jpg")
    #expect(try occlude("--quiet").status == 0)
    let before = try workplace.contents(of: "run")
    try FileManager.default.removeItem(atPath: workplace.path("run/occlusion/2.json"))
    let again = try occlude("--quiet")
    #expect(again.status == 0, "\(again.errors)")
    #expect(try workplace.contents(of: "run") == before)
  }
}

@Suite struct InvarianceCommands {
  @Test func `curves, areas and figures are written, and a mistyped change is named`() throws {
    let workplace = try Workplace()
    let model = try workplace.classifier()
    let pictures = try workplace.pictures(2)
    let outcome = try Command.run(
      [
        "invariance", model, pictures, "--out", workplace.path("run"), "--changes", "vertical=-4...4/2,flip",
        "--json",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let curves = try JSONDecoder().decode(
      [InvarianceCurves].self,
      from: Data(contentsOf: URL(fileURLWithPath: workplace.path("run/invariance.json"))))
    #expect(curves.map(\.change) == [.vertical, .flip] && curves[0].amounts == [-4, -2, 0, 2, 4])
    #expect(curves[0].pictures.count == 2 && curves[0].mean.values.allSatisfy { $0[2] == 0 })
    #expect(FileManager.default.fileExists(atPath: workplace.path("run/figures/invariance-flip.png")))
    let wrong = try Command.run(
      ["invariance", model, pictures, "--out", workplace.path("other"), "--changes", "vertcal"])
    #expect(wrong.status != 0 && wrong.errors.contains("vertical"), "\(wrong.errors)")
  }
}

@Suite struct CorrespondCommands {
  private func parts(_ workplace: Workplace, _ text: String) throws -> String {
    try workplace.folder.write(Array(text.utf8), to: "pictures/parts.json")
  }

  private func correspond(_ workplace: Workplace, _ parts: String, _ flags: String...) throws
    -> Command.Outcome
  {
    try Command.run(
      [
        "correspond", try workplace.classifier(), "--parts", parts, "--out", workplace.path("run"), "--draws",
        "9",
      ]
        + flags)
  }

  @Test func `parts of a list are held against random boxes`() throws {
    let workplace = try Workplace()
    try workplace.pictures(2)
    let list = try parts(
      workplace, "{\"pictures\":[\"0.jpg\",\"1.png\"],\"parts\":{\"nose\":[[2,3,12,20],[4,4,14,21]]}}")
    let outcome = try correspond(workplace, list, "--layers", "conv1", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let table = try JSONDecoder().decode(
      CorrespondenceTable.self,
      from: Data(contentsOf: URL(fileURLWithPath: workplace.path("run/correspondence.json"))))
    #expect(table.rows.map(\.part) == ["nose"] && (0.1...1).contains(table.rows[0].p))
    for file in ["correspondence.csv", "correspondence.md", "figures/correspondence.svg", "index.html"] {
      #expect(FileManager.default.fileExists(atPath: workplace.path("run/" + file)), "\(file)")
    }
  }

  @Test func `lists that do not hold together are refused with what is wrong`() throws {
    let workplace = try Workplace()
    try workplace.pictures(2)
    for (text, word) in [
      ("{}", "does not list parts"),
      ("{\"pictures\":[\"0.jpg\",\"1.png\"],\"parts\":{\"nose\":[[2,3,12,20]]}}", "1 boxes for 2 images"),
      ("{\"pictures\":[\"0.jpg\",\"9.png\"],\"parts\":{\"nose\":[[2,3,12,20],[2,3,12,20]]}}", "9.png"),
      (
        "{\"pictures\":[\"0.jpg\",\"1.png\"],\"parts\":{\"nose\":[[2,3,900,20],[2,3,12,20]]}}",
        "not a box inside"
      ),
      ("{\"pictures\":[\"0.jpg\"],\"parts\":{\"nose\":[[2,3,12,20]]}}", "two or more"),
    ] {
      let outcome = try correspond(workplace, try parts(workplace, text))
      #expect(outcome.status == 2 && outcome.errors.contains(word), "\(word): \(outcome.errors)")
    }
  }
}
