import Datasets
import Foundation
import Images
import TestSupport
import Testing

/// A tiny folder of each kind, made here, and each way in which it can be wrong.
@Suite struct Readers {
  @Test(arguments: [
    ("imagenet", ["train/WNID", "val"]), ("tiny-imagenet", ["train/WNID", "val"]),
    ("caltech101", ["101_ObjectCategories/CLASS/image_0001.jpg"]),
    ("caltech256", ["256_ObjectCategories/001.ak47"]),
    ("voc2012", ["JPEGImages", "Annotations", "ImageSets/Main/trainval.txt"]),
    ("cifar10", ["data_batch_1.bin", "test_batch.bin", "batches.meta.txt"]),
    ("cifar100", ["train.bin", "test.bin", "fine_label_names.txt"]),
    ("mnist", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]),
  ])
  func `a folder of another kind says what it has not, and none says so`(
    _ kind: String, _ missing: [String]
  ) throws {
    let folder = try TemporaryFolder()
    let text = reason("\(kind):\(folder.path)")
    for name in missing { #expect(text.contains(name), "\(text)") }
    #expect(text.contains(kind) && text.contains(folder.path))
    #expect(throws: DatasetError.missing(path: "/nowhere")) { try Dataset.parse(kind + ":/nowhere") }
  }

  // MARK: Caltech

  @Test func `caltech leaves its background out unless asked, and lists divide it`() throws {
    let folder = try TemporaryFolder()
    try write(
      folder,
      [
        "ant/image_0001.jpg", "ant/image_0002.jpg", "BACKGROUND_Google/image_0001.jpg",
        "wrench/image_0003.jpg",
      ]
      .map { "101_ObjectCategories/" + $0 })
    let all = try Dataset.parse("caltech101:" + folder.path)
    #expect(all.items.map(\.label) == [0, 0, 1])
    #expect(all.classNames == ["ant", "wrench"])
    let more = try Dataset.parse("caltech101:\(folder.path),background=yes")
    #expect(more.classNames == ["BACKGROUND_Google", "ant", "wrench"])
    let lists = folder.file("101_ObjectCategories")
    try folder.write("wrench/image_0003.jpg\nant/image_0001.jpg\n".utf8, to: "101_ObjectCategories/train.txt")
    try folder.write("ant/image_0002.jpg\n".utf8, to: "101_ObjectCategories/test.txt")
    #expect(try Dataset.parse("caltech101:" + lists).items.map(\.split) == [.train, .train, .test])
    #expect(try Dataset.parse("caltech101:\(lists),split=test").items.map(\.path) == ["ant/image_0002.jpg"])
    try folder.write("ant/image_0009.jpg\n".utf8, to: "101_ObjectCategories/test.txt")
    #expect(reason("caltech101:" + lists).contains("line 1 names 'ant/image_0009.jpg'"))
    try folder.write("\n".utf8, to: "101_ObjectCategories/test.txt")
    #expect(reason("caltech101:" + lists).contains("test.txt is damaged: it names no images"))
    let larger = try TemporaryFolder()
    try write(larger, ["001.ak47/001_0001.jpg", "002.flag/002_0001.jpg", "257.clutter/257_0001.jpg"])
    #expect(try Dataset.parse("caltech256:" + larger.path).classNames == ["ak47", "flag"])
  }

  // MARK: PASCAL

  private func voc(_ annotation: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try write(folder, ["JPEGImages/a.jpg"])
    try folder.write("a\n".utf8, to: "ImageSets/Main/val.txt")
    try folder.write(annotation.utf8, to: "Annotations/a.xml")
    return folder
  }

  private func object(_ name: String, isDifficult: Bool, more: String = "") -> String {
    "<object><name>\(name)</name><difficult>\(isDifficult ? 1 : 0)</difficult>"
      + "<bndbox><xmin>2</xmin><ymin>1</ymin><xmax>3</xmax><ymax>2</ymax></bndbox>\(more)</object>"
  }

  @Test func `a class is ignored where all its objects are difficult, and boxes count from zero`() throws {
    let head =
      "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1.4</xmax><ymax>2</ymax></bndbox></part>"
    let folder = try voc(
      "<annotation>" + object("person", isDifficult: true) + object("person", isDifficult: false, more: head)
        + object("dog", isDifficult: true) + "</annotation>")
    let dataset = try Dataset.parse("voc2012:" + folder.path)
    let names = try #require(dataset.classNames)
    let presences = try #require(dataset.items[0].presences)
    let present = zip(names, presences).filter { $1 != .absent }
    #expect(present.map(\.0) == ["dog", "person"])
    #expect(present.map(\.1) == [.ignored, .present])
    #expect(dataset.items[0].split == .validation)
    let regions = dataset.regions(of: 0)
    #expect(regions.map(\.name) == ["person", "person", "dog"])
    #expect(regions[0].box == Box(top: 0, left: 1, bottom: 2, right: 3))
    #expect(regions[1].parts == [Region(name: "head", box: Box(top: 0, left: 0, bottom: 2, right: 1))])
  }

  @Test(arguments: [
    ("<annotation><object>", "is no XML: line 1"), ("<scene></scene>", "the XML of 'scene'"),
    ("", "no element found"),
    ("<annotation><object><name>gnu</name></object></annotation>", "'gnu' has no known class"),
    ("<annotation><object><name>dog</name></object></annotation>", "no box"),
    (String(repeating: "<a>", count: 5000), "16 deep"),
  ])
  func `an annotation that is damaged says so`(_ annotation: String, _ part: String) throws {
    let folder = try voc(annotation)
    let text = reason("voc2012:" + folder.path)
    #expect(text.contains(part) && text.contains("a.xml"), "\(text)")
  }

  /// The parser ended the program at such a name.
  @Test func `an annotation with a name that is no UTF-8 says so`() throws {
    let folder = try voc("")
    try folder.write(Array("<a><y".utf8) + [0xFF] + Array(">1</y></a>".utf8), to: "Annotations/a.xml")
    #expect(reason("voc2012:" + folder.path).contains("a.xml is damaged: it is no XML: line 1"))
  }

  @Test func `a list that names a missing picture or annotation says so`() throws {
    let folder = try voc("<annotation></annotation>")
    try folder.write("a\nb\n".utf8, to: "ImageSets/Main/val.txt")
    #expect(reason("voc2012:" + folder.path).contains("line 2 names 'b'"))
    try write(folder, ["JPEGImages/b.jpg"])
    #expect(reason("voc2012:" + folder.path).contains("b.xml"))
  }

  // MARK: Records

  /// A record whose three planes are `first`, `first + 1` and `first + 2`.
  private func record(_ labels: [UInt8], _ first: UInt8) -> [UInt8] {
    labels + (0..<3).flatMap { [UInt8](repeating: first + $0, count: 1024) }
  }

  private func cifar() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for batch in 1...5 {
      try folder.write(record([UInt8(batch)], UInt8(10 * batch)), to: "data_batch_\(batch).bin")
    }
    try folder.write(record([0], 100) + record([9], 200), to: "test_batch.bin")
    try folder.write((0..<10).map { "class\($0)\n" }.joined().utf8, to: "batches.meta.txt")
    return folder
  }

  @Test func `cifar10 gives its records as pictures, batch after batch`() throws {
    let folder = try cifar()
    let dataset = try Dataset.parse("cifar10:" + folder.path)
    #expect(dataset.items.map(\.label) == [1, 2, 3, 4, 5, 0, 9])
    #expect(dataset.classNames?.last == "class9")
    let last = try dataset.only(.test).picture(1)
    #expect(last.rows == 32 && last.columns == 32)
    #expect(Array(last.pixels.prefix(3)) == [200, 201, 202])
    #expect(try dataset.picture(3).pixels.suffix(3) == [40, 41, 42])
  }

  @Test func `a cifar file that is cut, empty or has a wrong class is named`() throws {
    let folder = try cifar()
    try folder.write(record([1], 1).dropLast(), to: "data_batch_3.bin")
    #expect(reason("cifar10:" + folder.path).contains("3072 bytes are not a number of records of 3073"))
    try folder.write([UInt8](), to: "data_batch_3.bin")
    #expect(reason("cifar10:" + folder.path).contains("data_batch_3.bin"))
    try folder.write(record([1], 1) + record([10], 1), to: "data_batch_3.bin")
    #expect(reason("cifar10:" + folder.path).contains("record 1 has class 10 of 10"))
    try folder.write("one\n".utf8, to: "batches.meta.txt")
    #expect(reason("cifar10:" + folder.path).contains("names 1 classes, not 10"))
  }

  @Test func `cifar100 takes the fine label`() throws {
    let folder = try TemporaryFolder()
    try folder.write(record([3, 77], 5), to: "cifar-100-binary/train.bin")
    try folder.write(record([4, 99], 6), to: "cifar-100-binary/test.bin")
    try folder.write((0..<100).map { "c\($0)\n" }.joined().utf8, to: "cifar-100-binary/fine_label_names.txt")
    let dataset = try Dataset.parse("cifar100:" + folder.path)
    #expect(dataset.items.map(\.label) == [77, 99])
    #expect(try dataset.picture(1).pixels.prefix(3) == [6, 7, 8])
  }

  private func mnist() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let pixels: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    try folder.write(
      [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + pixels, to: "train-images-idx3-ubyte")
    try folder.write([0, 0, 8, 1, 0, 0, 0, 2, 7, 3], to: "train-labels-idx1-ubyte")
    try folder.write(
      [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3] + pixels.suffix(6), to: "t10k-images-idx3-ubyte")
    try folder.write([0, 0, 8, 1, 0, 0, 0, 1, 9], to: "t10k-labels-idx1-ubyte")
    return folder
  }

  @Test func `mnist's grey pictures become red, green and blue`() throws {
    let folder = try mnist()
    let dataset = try Dataset.parse("mnist:" + folder.path)
    #expect(dataset.items.map(\.label) == [7, 3, 9])
    let second = try dataset.picture(1)
    #expect(second.rows == 2 && second.columns == 3)
    #expect(second.pixels.prefix(6) == [7, 7, 7, 8, 8, 8])
    #expect(try dataset.only(.test).picture(0) == second)
  }

  @Test func `an IDX file that is damaged says how`() throws {
    let images = "train-images-idx3-ubyte"
    for (bytes, part) in [
      ([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1], "it has 1 values for extents of 2 x 2 x 3"),
      ([0, 0, 8, 1, 0, 0, 0, 0], "does not begin"), ([], "does not begin"),
      ([0, 0, 13, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3], "does not begin"),
      ([0, 0, 8, 3] + [UInt8](repeating: 255, count: 12), "values for extents"),
      ([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 5, 5], "2 labels for 1 images"),
    ] as [([UInt8], String)] {
      let folder = try mnist()
      try folder.write(bytes, to: images)
      #expect(reason("mnist:" + folder.path).contains(part), "\(reason("mnist:" + folder.path))")
    }
    let folder = try mnist()
    try folder.write([0, 0, 8, 1, 0, 0, 0, 1, 10], to: "t10k-labels-idx1-ubyte")
    #expect(reason("mnist:" + folder.path).contains("labels-idx1-ubyte is damaged: record 0 has class 10"))
  }

  // MARK: Real ones

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist"),
      "skipped: no dataset-fashion-mnist"))
  func `Fashion-MNIST is read from its gzipped files, and a cut one is told`() throws {
    let root = "/usr/share/datasets/fashion-mnist"
    let dataset = try Dataset.parse("mnist:" + root)
    #expect(dataset.only(.train).items.count == 60_000 && dataset.only(.test).items.count == 10_000)
    #expect(dataset.classNames?[dataset.items[0].label ?? 0] == "ankle boot")
    #expect(try dataset.picture(69_999).rows == 28)
    let folder = try TemporaryFolder()
    for name in try FileManager.default.contentsOfDirectory(atPath: root) {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: root + "/" + name))
      try folder.write(name.hasPrefix("t10k-images") ? bytes.dropLast(1000) : bytes, to: name)
    }
    #expect(reason("mnist:" + folder.path).contains("cut short"))
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.reason)"))
  func `the shared data sets are what they are said to be`() throws {
    let caltech = try Dataset.parse("caltech101:" + SharedData.path("images/caltech101"))
    #expect(caltech.classNames?.count == 101)
    #expect(caltech.splits == [.train, .test])
    let whole = try Dataset.parse("caltech101:\(SharedData.path("images/caltech101")),background=yes")
    #expect(whole.only(.train).items.count == 3060 && whole.only(.test).items.count == 1712)
    let tiny = try Dataset.parse("tiny-imagenet:" + SharedData.path("images/tiny-imagenet-20"))
    #expect(tiny.only(.train).items.count == 6000 && tiny.only(.validation).items.count == 1000)
    #expect(tiny.classNames?.count == 20)
    let voc = try Dataset.parse("voc2012:" + SharedData.path("images/voc2012-fixture"))
    #expect(voc.items.count == 5)
    #expect(voc.regions(of: 0).first?.parts.map(\.name) == ["head", "hand", "foot", "foot"])
    #expect(try voc.picture(0).rows == 500)
  }
}
