import Datasets
import Foundation
import TestSupport
import Testing

/// Files need not be pictures here: what they hold is found out when they are decoded.
@Suite struct PictureFolders {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func put(_ names: String...) throws {
    for name in names { try folder.write([1], to: name) }
  }

  private func link(_ name: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: folder.file(name), withDestinationPath: target)
  }

  private func paths() throws -> [String] { try PictureFolder(folder.path).files.map(\.path) }

  @Test func `a flat folder is listed in the order of bytes, without labels`() throws {
    try put(
      "b.jpg", "a.PNG", "B.jpeg", "é.webp", "c.gif", "10.tif", "9.tiff", "notes.txt", "jpg", "script.jpg.sh")
    let found = try PictureFolder(folder.path)
    #expect(found.files.map(\.path) == ["10.tif", "9.tiff", "B.jpeg", "a.PNG", "b.jpg", "c.gif", "é.webp"])
    #expect(Dataset(found).items.map(\.id) == Array(0..<7))
    #expect(found.files.allSatisfy { $0.label == nil } && found.classNames == nil)
    #expect(found.fullPath(of: found.files[1]) == folder.path + "/9.tiff")
  }

  @Test func `folders are classes where every picture lies in one`() throws {
    try put("dog/1.jpg", "cat/2.jpg", "cat/1.jpg", "cat/kittens/0.jpg", "Ant/x.png", "empty/readme.txt")
    let found = try PictureFolder(folder.path)
    #expect(found.classNames == ["Ant", "cat", "dog"])
    #expect(
      found.files.map(\.path) == ["Ant/x.png", "cat/1.jpg", "cat/2.jpg", "cat/kittens/0.jpg", "dog/1.jpg"])
    #expect(found.files.map(\.label) == [0, 1, 1, 1, 2])
  }

  @Test func `one picture beside the folders makes them no classes`() throws {
    try put("cat/1.jpg", "dog/1.jpg", "1.jpg")
    let found = try PictureFolder(folder.path)
    #expect(found.files.map(\.path) == ["1.jpg", "cat/1.jpg", "dog/1.jpg"])
    #expect(found.classNames == nil && found.files.allSatisfy { $0.label == nil })
  }

  @Test func `hidden files and folders are left out`() throws {
    try put("a.jpg", ".b.jpg", ".cache/c.jpg", "._a.jpg")
    #expect(try paths() == ["a.jpg"])
  }

  @Test func `one picture is a data set of its own`() throws {
    try put("deep/one.bin")
    let found = try PictureFolder(folder.file("deep/one.bin"))
    #expect(found.files.map(\.path) == ["one.bin"])
    #expect(found.fullPath(of: found.files[0]) == folder.file("deep/one.bin"))
    #expect(found.files[0].label == nil)
  }

  @Test(.timeLimit(.minutes(20))) func `links are followed once, in a fixed order, and loops end`() throws {
    try put("real/a.jpg", "real/deep/b.jpg")
    try link("again", to: "real")
    try link("real/deep/up", to: "../..")
    try link("self", to: "self")
    try link("gone.jpg", to: "nowhere.jpg")
    try link("real/alias.jpg", to: "a.jpg")
    let once = try paths()
    // A link to nothing is listed, so that whoever decodes it can say so.
    #expect(once == ["again/a.jpg", "again/alias.jpg", "again/deep/b.jpg", "gone.jpg"])
    for _ in 0..<3 { #expect(try paths() == once) }
  }

  /// Makes a file whose name is bytes, which need be no text, as `printf` of the shell writes them.
  private func put(bytes name: String) throws {
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "touch \"$(printf '\(folder.path)/\(name)')\""]
    try shell.run()
    shell.waitUntilExit()
  }

  @Test func `files that are not used are said to be left out, whatever their names`() throws {
    try put("a.jpg", "sub/b.jpg")
    for name in [#"caf\351.JPG"#, #"sub/\377"#, #"\351.txt"#] { try put(bytes: name) }
    let found = try PictureFolder(folder.path)
    #expect(found.files.map(\.path) == ["a.jpg", "caf\u{EFE9}.JPG", "sub/b.jpg"])
    #expect(found.unread.map(\.image) == ["sub/\u{EFFF}", "\u{EFE9}.txt"])
    let dataset = Dataset(found)
    #expect(dataset.unread == found.unread && dataset.selecting([1]).unread == found.unread)
    let only = try TemporaryFolder()
    #expect(throws: DatasetError.noPictures(path: only.path)) { try PictureFolder(only.path) }
  }

  /// The superuser may list everything.
  @Test(.enabled(if: geteuid() != 0))
  func `a folder that may not be listed or entered is said to be left out`()
    throws
  {
    try put("a/1.jpg", "b/2.jpg", "c/3.jpg")
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: folder.file("b"))
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.file("c"))
    let found = try PictureFolder(folder.path)
    #expect(found.files.map(\.path) == ["a/1.jpg"])
    #expect(found.unread.map(\.image) == ["b", "c/3.jpg"])
    #expect(found.unread[0].reason.contains("Permission denied"))
    let error = #expect(throws: DatasetError.self) { try PictureFolder(folder.file("b")) }
    #expect(error?.description.contains("Permission denied") == true)
    for name in ["b", "c"] {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file(name))
    }
  }

  @Test func `two ways to one folder are one data set, parts and copies of it are others`() throws {
    try put("p/a.jpg", "p/b.jpg", "q/a.jpg", "q/b.jpg")
    try link("again", to: "p")
    let one = try Dataset.parse(folder.file("p"))
    for way in ["p/", "./p", "../\((folder.path as NSString).lastPathComponent)/p", "again", "again/"] {
      #expect(one.isSame(as: try Dataset.parse(folder.file(way))), "\(way)")
      #expect(one.isSame(as: try Dataset.parse("folder:" + folder.file(way))), "\(way)")
    }
    #expect(!one.isSame(as: try Dataset.parse(folder.file("q"))))
    #expect(!one.isSame(as: one.selecting([0])))
    #expect(try Dataset.parse("scenes:count=9").isSame(as: Dataset.parse("scenes:count=9")))
    #expect(try !Dataset.parse("scenes:count=9").isSame(as: Dataset.parse("scenes:count=9,seed=8")))
  }

  @Test func `a link to the folder is the folder`() throws {
    try put("in/a.jpg")
    try link("out", to: "in")
    #expect(try PictureFolder(folder.file("out")).files.map(\.path) == ["a.jpg"])
  }

  @Test func `ids do not depend on when files were made`() throws {
    let names = (0..<40).map { "\($0 * 7 % 40).jpg" }
    for name in names { try put(name) }
    let other = try TemporaryFolder()
    for name in names.reversed() { try other.write([1], to: name) }
    #expect(try paths() == PictureFolder(other.path).files.map(\.path))
  }

  @Test func `what is missing or holds no pictures is refused by name`() throws {
    try put("readme.txt")
    let missing = #expect(throws: DatasetError.self) { try PictureFolder(folder.file("nowhere")) }
    #expect(missing == .missing(path: folder.file("nowhere")))
    let empty = #expect(throws: DatasetError.self) { try PictureFolder(folder.path) }
    #expect(empty == .noPictures(path: folder.path))
    #expect(empty?.description.contains(folder.path) == true)
  }
}
