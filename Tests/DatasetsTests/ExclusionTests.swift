import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct ExclusionLists {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["a.jpg", "b c.jpg", "sub/a.jpg", "#odd.jpg"] {
      try folder.write([1], to: "pictures/" + name)
    }
  }

  private func left(_ list: String) throws -> [String] {
    let path = try folder.write(Array(list.utf8), to: "list.txt")
    let pictures = Dataset(try PictureFolder(folder.file("pictures")))
    let kept = try pictures.excluding(Exclusions(reading: path))
    #expect(kept.items.map(\.id) == Array(kept.items.indices))
    return kept.items.map(\.path)
  }

  @Test func `a list leaves its pictures out, by their whole path`() throws {
    #expect(try left("# leaked\n\na.jpg\r\n  b c.jpg \n") == ["#odd.jpg", "sub/a.jpg"])
    #expect(try left("sub/a.jpg\nsub/a.jpg") == ["#odd.jpg", "a.jpg", "b c.jpg"])
    #expect(try left("# none\n").count == 4)
  }

  @Test func `what a list writes it reads`() throws {
    let list = Exclusions(["sub/a.jpg", "#odd.jpg", "sub/a.jpg"])
    let path = try folder.write(Array(list.text(note: "two\nlines").utf8), to: "written.txt")
    #expect(try Exclusions(reading: path) == list)
    #expect(list.paths == ["#odd.jpg", "sub/a.jpg"])
  }

  @Test func `names that a line cannot hold come back, and plain names stand as they are`() throws {
    let odd = [
      " a.jpg", "a.jpg ", "\u{A0}a.jpg", "a\nb.jpg", "a\r\nb.jpg", "a\u{2028}b.jpg", "\n", "\"a\".jpg",
      "\"a\"",
      "a\u{85}\t\\b\u{C}.jpg", "\"é\u{B}",
    ]
    let list = Exclusions(odd + ["plain \"x\" \\ é.jpg", "#odd.jpg"])
    let text = list.text(note: "odd")
    #expect(text.contains("\nplain \"x\" \\ é.jpg\n") && text.contains("\n./#odd.jpg\n"))
    #expect(text.contains("\n\" a.jpg\"\n") && text.contains("\n\"a\\u000ab.jpg\"\n"))
    let path = try folder.write(Array(text.utf8), to: "odd.txt")
    #expect(try Exclusions(reading: path) == list)
    for name in odd where !name.contains("/") { try folder.write([1], to: "odd/" + name + ".png") }
    let pictures = Dataset(try PictureFolder(folder.file("odd")))
    #expect(pictures.items.count == odd.count)
    let all = try folder.write(
      Array(Exclusions(pictures.items.dropFirst().map(\.path)).text(note: "all but one").utf8), to: "all.txt")
    #expect(try pictures.excluding(Exclusions(reading: all)).items.count == 1)
  }

  @Test func `blanks at a line's ends belong to a path that has them`() throws {
    for name in [" a.jpg", "c.jpg"] { try folder.write([1], to: "blanks/" + name) }
    func left(_ list: String) throws -> [String] {
      let path = try folder.write(Array(list.utf8), to: "list.txt")
      return try Dataset.parse(folder.file("blanks")).excluding(Exclusions(reading: path)).items.map(\.path)
    }
    #expect(try left(" a.jpg\n") == ["c.jpg"])
    #expect(try left("  # a note\n  ./c.jpg \t\n") == [" a.jpg"])
    #expect(throws: DatasetError.self) { try left("a.jpg\n") }
  }

  @Test func `a byte order mark is no part of the first name`() throws {
    #expect(try left("\u{FEFF}a.jpg\nb c.jpg") == ["#odd.jpg", "sub/a.jpg"])
    let labels = try folder.write(Array("\u{FEFF}a.jpg\t3\n".utf8), to: "labels.txt")
    let pictures = Dataset(try PictureFolder(folder.file("pictures")))
    #expect(try pictures.labels(from: labels) == [1: 3, 3: 3])
  }

  @Test func `pictures that the data set has not are named, the first few`() throws {
    let list = (1...9).map { "x\($0).jpg\n" }.joined() + "a.jpg\n"
    let error = #expect(throws: DatasetError.self) { try left(list) }
    let text = try #require(error).description
    for word in ["9 images", "x1.jpg", "and 4 more", "#odd.jpg", "pictures"] {
      #expect(text.contains(word), "\(text)")
    }
    #expect(!text.contains("x6.jpg"))
  }

  @Test func `a list of everything, none or no text is refused`() throws {
    let all = try #require(
      #expect(throws: DatasetError.self) { try left("./#odd.jpg\na.jpg\nb c.jpg\nsub/a.jpg") })
    #expect(all.description.contains("nothing"))
    #expect(throws: DatasetError.self) { try Exclusions(reading: folder.file("nowhere.txt")) }
    let picture = try folder.write([0xFF, 0xD8, 0xFF, 0, 7, 10], to: "list.jpg")
    let error = #expect(throws: DatasetError.self) { try Exclusions(reading: picture) }
    #expect(try #require(error).description.contains("list.jpg"))
  }
}
