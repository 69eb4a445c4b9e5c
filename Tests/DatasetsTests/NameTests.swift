import Datasets
import Foundation
import Images
import Tensors
import TestSupport
import Testing

/// Names are bytes: forms that Unicode takes for the same, bytes that are no UTF-8, capitals, blanks and ends of lines.
@Suite struct Names {
  let folder: TemporaryFolder
  let composed = "caf\u{E9}"
  let decomposed = "cafe\u{301}"

  init() throws { folder = try TemporaryFolder() }

  private func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  /// Writes a picture by the bytes of its name, which need be no text.
  private func put(_ name: [UInt8], in place: String) throws {
    try write(folder, [place + "/plain.png"])
    let target = Array(folder.file(place + "/").utf8) + name
    try #require(
      unsafe rename(folder.file(place + "/plain.png"), (target + [0]).map { CChar(bitPattern: $0) }) == 0)
  }

  @Test func `two forms of one name are two files, two folders and two classes`() throws {
    try write(folder, [composed, decomposed].map { "flat/\($0).png" })
    try write(
      folder,
      ["\(composed)/1.png", "\(composed)/2.png", "\(decomposed)/1.png", "tea/1.png"].map { "p/" + $0 })
    #expect(try Dataset.parse(folder.file("flat")).items.count == 2)
    for kind in ["", "caltech101:"] {
      if !kind.isEmpty { try write(folder, ["p/tea/image_0001.jpg"]) }
      let classes = try Dataset.parse(kind + folder.file("p"))
      #expect(bytes(classes.classNames ?? []) == bytes([decomposed, composed, "tea"]))
      #expect(classes.items.map(\.label).prefix(4) == [0, 1, 1, 2])
    }
  }

  @Test func `a class in one form in train and another in val is one class, unless a split has both`() throws
  {
    for (split, name) in [("train", composed), ("val", decomposed)] {
      try write(folder, ["\(split)/\(name)/a.png", "\(split)/tea/b.png"])
    }
    let both = try Dataset.parse(folder.path)
    #expect(both.classNames?.count == 2 && both.items.map(\.label) == [0, 1, 0, 1])
    try write(folder, ["train/\(decomposed)/c.png"])
    let apart = try Dataset.parse(folder.path)
    #expect(bytes(apart.classNames ?? []) == bytes([decomposed, composed, "tea"]))
  }

  @Test func `a slash before a name that begins with an accent divides it still`() throws {
    try write(folder, ["c/d.png"])
    try put(Array("\u{301}b.png".utf8), in: "e")
    try #require(unsafe rename(folder.file("e"), folder.path + "/" + "\u{301}a") == 0)
    let found = try Dataset.parse(folder.path)
    #expect(bytes(found.classNames ?? []) == bytes(["c", "\u{301}a"]) && found.items.map(\.label) == [0, 1])
  }

  @Test func `names that are no UTF-8 are read, labelled, listed and found again`() throws {
    let latin: [UInt8] = [0x70, 0xF1, 0x61] + Array(".png".utf8)
    try put(latin, in: "p/tea")
    try write(folder, ["p/coffee/a.png"])
    let found = try Dataset.parse(folder.file("p"))
    #expect(found.items.count == 2 && found.items[1].path.fileNameBytes == Array("tea/".utf8) + latin)
    #expect(try found.picture(1).rows == 2 && found.extents(of: 1).columns == 3)
    let list = try folder.write(Array(Exclusions([found.items[1].path]).text(note: "n").utf8), to: "list.txt")
    #expect(try found.excluding(Exclusions(reading: list)).items.map(\.path) == ["coffee/a.png"])
    // As `ls` lists it, byte for byte.
    let listed = try folder.write(latin + Array("\t5\n".utf8), to: "listed.tsv")
    #expect(try found.labels(from: listed) == [1: 5])
    let left = try folder.write(Array("tea/".utf8) + latin, to: "left.txt")
    #expect(try found.excluding(Exclusions(reading: left)).items.map(\.path) == ["coffee/a.png"])
    let skipped = Skipped(image: found.items[1].path, reason: "r")
    let coded = try JSONDecoder().decode(Skipped.self, from: JSONEncoder().encode(skipped))
    #expect(coded == skipped && found.count(without: [coded]) == 1)
    // A folder by such a name is a class.
    let target = Array(folder.file("p/").utf8) + [0xE9, 0]
    try #require(unsafe rename(folder.file("p/tea"), target.map { CChar(bitPattern: $0) }) == 0)
    let classes = try Dataset.parse(folder.file("p"))
    #expect(classes.classNames?.map(\.fileNameBytes) == [Array("coffee".utf8), [0xE9]])
    #expect(classes.items.map(\.label) == [0, 1])
    #expect(try classes.picture(1).rows == 2)
  }

  @Test func `lists name two forms apart, and one form by the other where one alone is there`() throws {
    let (one, other) = ("\(composed).png", "\(decomposed).png")
    try write(folder, ["both/" + one, "both/" + other, "one/" + one])
    let both = try Dataset.parse(folder.file("both"))
    let single = try Dataset.parse(folder.file("one"))
    #expect(bytes(both.items.map(\.path)) == bytes([other, one]))
    #expect(bytes(try both.excluding(Exclusions([one])).items.map(\.path)) == bytes([other]))
    #expect(Exclusions([one, other]).paths.count == 2)
    let labels = try folder.write(Array("\(other)\t4\n".utf8), to: "labels.tsv")
    #expect(try both.labels(from: labels) == [0: 4] && single.labels(from: labels) == [0: 4])
    let pictures = PreparedPictures(both, Preprocessing(resize: nil, crop: nil))
    pictures.skip([Skipped(image: one, reason: "r")])
    #expect(pictures.skippedIDs == [1])
    #expect(Set([one, other].map { Skipped(image: $0, reason: "r") }).count == 2)
  }

  @Test func `a list of labels may quote names as JSON, and name them after a dot`() throws {
    try write(folder, ["p/a.png", "p/b.png", "p/new\nline.png", "p/ lead.png"])
    let list = try folder.write(
      Array("\u{FEFF}\"a.png\"\t0\r\n./b.png\t1\r\n\"new\\nline.png\"\t2\r\n lead.png\t3\r\n".utf8),
      to: "l.tsv")
    #expect(try Dataset.parse(folder.file("p")).labels(from: list) == [0: 3, 1: 0, 2: 1, 3: 2])
  }

  @Test func `paths of every kind come back from a list of exclusions`() throws {
    let paths = [
      " lead.png", "end ", "new\nline", "line\u{2028}", "\r", "#hash", "\"quoted\"", "./dot", "\u{301}",
      "a/\u{301}b",
      composed, decomposed, "caf\u{EFE9}", "A", "a", "#\u{301}", "\"\u{301}", "tab\t", "\u{85}",
    ]
    let list = try folder.write(Array(Exclusions(paths).text(note: "a note").utf8), to: "list.txt")
    #expect(try bytes(Exclusions(reading: list).paths) == bytes(paths.distinctByBytes))
  }
}

@Suite struct NamesOfClasses {
  @Test func `a class's very name counts first, then what only one class is called`() {
    let letters = ClassLookup(["A", "B", "a", "b"])
    #expect(letters.indices(of: "a") == [2] && letters.indices(of: "A") == [0])
    let signs = ClassLookup(["+", ",", "-", "=", "_"])
    #expect(["_", "-", ",", "="].map(signs.indices) == [[4], [2], [1], [3]])
    let cranes = ClassLookup(["crane", "other", "crane", "Great_white", "great white"])
    #expect(cranes.indices(of: "crane") == [0, 2] && cranes.indices(of: "CRANE") == [0, 2])
    #expect(cranes.indices(of: "GREAT-WHITE") == [3, 4] && cranes.indices(of: "Other") == [1])
    let commas = ClassLookup(["red, green", "red", "green", "red, blue"])
    #expect(commas.indices(of: "red") == [1] && commas.indices(of: "BLUE") == [3])
    let forms = ClassLookup(["caf\u{E9}", "cafe\u{301}", "na\u{EF}ve"])
    #expect(forms.indices(of: "cafe\u{301}") == [1] && forms.indices(of: "nai\u{308}ve") == [2])
    #expect(cranes.indices(of: "gnu").isEmpty)
  }

  @Test func `folders that several classes may be are left out of the accuracy, and said`() {
    let folders = FolderClasses(["crane", "other"], names: ["crane", "other", "crane"], count: 3)
    #expect(folders.indices == [nil, 1])
    #expect(folders.note?.contains("1 of 2 folders are named as several") == true)
    #expect(folders.note?.contains("crane (0 or 2)") == true)
    let letters = FolderClasses(["A", "B", "a", "b"], names: ["A", "B", "a", "b"], count: 4)
    #expect(letters.indices == [0, 1, 2, 3] && letters.note == nil)
  }
}

@Suite struct Unused {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `what a folder holds beside pictures is counted by reason`() throws {
    try write(
      folder, ["ant/a.jfif", "ant/b.jpe", "bee/c.ppm", "bee/d", "bee/e.JP2", "bee/f.avif", "bee/g.pgm"])
    for name in ["ant/z.txt", "ant/deep/y.TXT", "bee/notes", "cat/x.txt", "cat/.hidden", "dog/.hidden"] {
      try folder.write(Array("text".utf8), to: name)
    }
    let found = try Dataset.parse(folder.path)
    #expect(found.items.count == 7 && found.classNames == ["ant", "bee"])
    #expect(
      found.unread == [
        Skipped(image: "ant/deep/y.TXT", reason: "'.txt' is no ending of images.", count: 3),
        Skipped(image: "bee/notes", reason: "it has no ending, and its content is no image.", count: 1),
        Skipped(image: "cat", reason: "this class folder holds no image.", count: 1),
        Skipped(image: "dog", reason: "this class folder holds no image.", count: 1),
      ])
    #expect("\(found.unread[0])" == "ant/deep/y.TXT and 2 more: '.txt' is no ending of images.")
  }
}
