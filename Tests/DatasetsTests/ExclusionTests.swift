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

  @Test func `pictures that the data set has not are named, the first few`() throws {
    let list = (1...9).map { "x\($0).jpg\n" }.joined() + "a.jpg\n"
    let error = #expect(throws: DatasetError.self) { try left(list) }
    let text = try #require(error).description
    for word in ["9 pictures", "x1.jpg", "and 4 more", "#odd.jpg", "pictures"] {
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
