import Datasets
import Foundation
import Images
import TestSupport
import Testing

@Suite struct Datasets {
  /// A folder of small pictures, each of one grey that tells it from the others.
  private func folder(_ files: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for (index, file) in files.enumerated() {
      let grey = Picture(rows: 2, columns: 3, pixels: [UInt8](repeating: UInt8(10 * index), count: 18))
      try folder.write(try grey.encodedPNG(), to: file)
    }
    return folder
  }

  @Test func `class folders give labels, and ids give pictures and their extents`() throws {
    let folder = try folder(["dog/b.png", "ant/a.png"])
    let dataset = try Dataset.parse("folder:" + folder.path)
    #expect(dataset.items.map(\.path) == ["ant/a.png", "dog/b.png"])
    #expect(dataset.items.map(\.label) == [0, 1])
    #expect(dataset.classNames == ["ant", "dog"])
    #expect(try dataset.picture(0).pixels[0] == 10)
    #expect(try dataset.picture(1).pixels[0] == 0)
    let extents = try dataset.extents(of: 1)
    #expect(extents.rows == 2 && extents.columns == 3)
    #expect(dataset.splits.isEmpty)
    #expect(dataset.regions(of: 0).isEmpty)
  }

  @Test func `folders named train and val that hold class folders are splits`() throws {
    let folder = try folder(["val/dog/1.png", "train/dog/2.png", "train/ant/3.png"])
    let dataset = try Dataset.parse(folder.path)
    #expect(dataset.classNames == ["ant", "dog"])
    #expect(dataset.items.map(\.label) == [0, 1, 1])
    #expect(dataset.items.map(\.split) == [.train, .train, .validation])
    #expect(try Dataset.parse("folder:\(folder.path),split=val").picture(0).pixels[0] == 0)
    let flat = try self.folder(["val/1.png", "train/2.png"])
    #expect(try Dataset.parse(flat.path).classNames == ["train", "val"])
  }

  @Test func `a path alone is a folder or a picture, even with a colon in its name`() throws {
    let folder = try folder(["a:b/one.png"])
    #expect(try Dataset.parse(folder.path).items.map(\.path) == ["a:b/one.png"])
    #expect(try Dataset.parse(folder.file("a:b/one.png")).items.map(\.path) == ["one.png"])
  }

  @Test func `a selection is numbered anew and reads the same pictures, also when selected again`() throws {
    let folder = try folder(["a.png", "b.png", "c.png", "d.png"])
    let some = try Dataset.parse(folder.path).selecting([3, 1, 2])
    #expect(some.items.map(\.path) == ["d.png", "b.png", "c.png"])
    #expect(some.items.map(\.id) == [0, 1, 2])
    #expect(try some.picture(0).pixels[0] == 30)
    let fewer = some.selecting([2, 0])
    #expect(try fewer.picture(0).pixels[0] == 20)
    #expect(try fewer.picture(1).pixels[0] == 30)
  }

  @Test func `a list labels pictures by path or name, under a header, and says where it is wrong`() throws {
    let folder = try folder(["x/a.png", "x/b.png"])
    let dataset = try Dataset.parse(folder.path)
    let list = try folder.write("file\tclass\na.png\t7\nx/b.png\t3\nelsewhere.png\t1\n".utf8, to: "list.tsv")
    #expect(try dataset.labels(from: list) == [0: 7, 1: 3])
    let wrong = try folder.write("a.png\t7\nb.png\n".utf8, to: "wrong.tsv")
    #expect(
      throws: DatasetError.list(
        file: wrong, of: "labels",
        reason: "line 2 has no class after a tab or a comma, by its index or its name: 'b.png'.")
    ) { try dataset.labels(from: wrong) }
    let other = try folder.write("z.png\t7\n".utf8, to: "other.tsv")
    #expect(
      throws: DatasetError.list(
        file: other, of: "labels", reason: "it names none of the images in \(folder.path).")
    ) { try dataset.labels(from: other) }
  }

  @Test func `a mistyped kind is told from a path that leads nowhere`() throws {
    #expect(throws: DatasetError.unknownKind(kind: "scences")) { try Dataset.parse("scences:") }
    #expect(throws: DatasetError.missing(path: "/nowhere/a:b")) { try Dataset.parse("/nowhere/a:b") }
    #expect("\(DatasetError.unknownKind(kind: "scences"))".contains("folder:, "))
  }

  @Test func `a split that is not there is named beside those that are`() throws {
    let folder = try folder(["a.png"])
    #expect(throws: DatasetError.noSplit(name: folder.path, split: .validation, present: [])) {
      try Dataset.parse("folder:\(folder.path),split=val")
    }
    #expect(throws: DatasetError.self) { try Dataset.parse("folder:\(folder.path),split=half") }
  }
}
