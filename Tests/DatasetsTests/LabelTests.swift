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
  private func labels(_ list: String, classes: [String] = []) throws -> [String: Int] {
    try labels(ofBytes: Array(list.utf8), classes: classes)
  }

  private func labels(ofBytes list: [UInt8], classes: [String] = []) throws -> [String: Int] {
    let path = try folder.write(list, to: "labels.tsv")
    let pictures = Dataset(try PictureFolder(folder.file("pictures")))
    let found = try pictures.labels(from: path, classes: ClassLookup(classes))
    return Dictionary(uniqueKeysWithValues: found.map { (pictures.items[$0.key].path, $0.value) })
  }

  private func refusal(_ list: String, classes: [String] = []) -> String {
    let error = #expect(throws: DatasetError.self) { try labels(list, classes: classes) }
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

  @Test func `classes may stand by their names`() throws {
    let classes = ["cat", "Dog", "crane", "crane, bird", "7"]
    #expect(try labels("b.jpg\tdog\nsub/c.jpg\tcat\n", classes: classes) == ["b.jpg": 1, "sub/c.jpg": 0])
    // An index comes before a name that looks like one, and a header is no class.
    #expect(try labels("image\tlabel\nb.jpg\t3\n", classes: classes) == ["b.jpg": 3])
    #expect(try labels("b.jpg\t7\n", classes: classes) == ["b.jpg": 7])
    #expect(refusal("b.jpg\tcow\nsub/c.jpg\tcow\n", classes: classes).contains("line 1"))
    let several = refusal("b.jpg\tCrane\n", classes: ["crane", "x", "crane"])
    #expect(several.contains("line 1") && several.contains("0 or 2"))
  }

  @Test func `a comma stands for the tab where there is none`() throws {
    let classes = ["cat", "crane, bird"]
    #expect(try labels("image,label\nb.jpg,1\nsub/c.jpg, 0\n") == ["b.jpg": 1, "sub/c.jpg": 0])
    #expect(try labels("b.jpg,crane, bird\n", classes: classes) == ["b.jpg": 1])
    #expect(try labels("b.jpg,\"crane, bird\"\n", classes: classes) == ["b.jpg": 1])
    #expect(refusal("b.jpg,1\nsub/c.jpg,dog\n", classes: classes).contains("line 2"))
  }

  @Test func `a list in UTF-16, as spreadsheets write it, is read`() throws {
    let units = Array("\u{FEFF}b.jpg\t7\r\nsub/c.jpg\t0\r\n".utf16)
    let little = units.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let big = units.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    #expect(try labels(ofBytes: little) == ["b.jpg": 7, "sub/c.jpg": 0])
    #expect(try labels(ofBytes: big) == ["b.jpg": 7, "sub/c.jpg": 0])
  }

  @Test func `a list that names none of the pictures is refused`() {
    #expect(refusal("").contains("none of the images"))
    #expect(refusal("image\tlabel\n").contains("none of the images"))
    #expect(refusal("x.jpg\t1\n").contains("none of the images"))
  }

  @Test func `a missing list is refused`() throws {
    let pictures = Dataset(try PictureFolder(folder.file("pictures")))
    #expect(throws: DatasetError.self) { try pictures.labels(from: folder.file("nowhere.tsv")) }
    #expect(throws: DatasetError.self) { try pictures.labels(from: folder.path) }
  }
}
