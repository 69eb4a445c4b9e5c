import Datasets
import TestSupport
import Testing

@Suite struct Labels {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["a.jpg", "b.jpg", "sub/a.jpg", "sub/c.jpg"] { try folder.write([1], to: "pictures/" + name) }
  }

  /// True classes by the picture's path.
  private func labels(_ list: String) throws -> [String: Int] {
    let path = try folder.write(Array(list.utf8), to: "labels.tsv")
    let pictures = Dataset(try PictureFolder(folder.file("pictures")))
    let found = try pictures.labels(from: path)
    return Dictionary(uniqueKeysWithValues: found.map { (pictures.items[$0.key].path, $0.value) })
  }

  private func refusal(_ list: String) -> String {
    let error = #expect(throws: DatasetError.self) { try labels(list) }
    #expect(error?.description.contains("labels.tsv") == true)
    return error?.description ?? ""
  }

  @Test func `lines name pictures by path or by file name`() throws {
    #expect(try labels("b.jpg\t7\nsub/c.jpg\t0\n") == ["b.jpg": 7, "sub/c.jpg": 0])
    #expect(try labels("a.jpg\t3\n") == ["a.jpg": 3, "sub/a.jpg": 3])
  }

  @Test func `a header, further columns, empty lines and strangers are passed over`() throws {
    let list = "image\tlabel\ttop1\tp\r\nb.jpg\t 2 \t9\t0.5\r\n\r\n   \nelsewhere.jpg\t1\n"
    #expect(try labels(list) == ["b.jpg": 2])
    #expect(try labels("b.jpg\t4") == ["b.jpg": 4])
  }

  @Test func `a wrong line is named by its number`() {
    #expect(refusal("b.jpg\t1\nsub/c.jpg 2\n").contains("line 2"))
    #expect(refusal("b.jpg\t1\n\nsub/c.jpg\tcat\n").contains("line 3"))
    #expect(refusal("b.jpg\t1\nsub/c.jpg\t-1\n").contains("line 2"))
    #expect(refusal("b.jpg\t1\nsub/c.jpg\t99999999999999999999\n").contains("line 2"))
  }

  @Test func `a list that names none of the pictures is refused`() {
    #expect(refusal("").contains("none of the pictures"))
    #expect(refusal("image\tlabel\n").contains("none of the pictures"))
    #expect(refusal("x.jpg\t1\n").contains("none of the pictures"))
  }

  @Test func `a missing list is refused`() throws {
    let pictures = Dataset(try PictureFolder(folder.file("pictures")))
    #expect(throws: DatasetError.self) { try pictures.labels(from: folder.file("nowhere.tsv")) }
    #expect(throws: DatasetError.self) { try pictures.labels(from: folder.path) }
  }
}
