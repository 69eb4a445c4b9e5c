import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// Paths whose bytes are no UTF-8, which Foundation finds nothing by.
@Suite struct FileSystemTests {
  private let folder: TemporaryFolder
  /// `niño` in Latin-1, below the folder.
  private var latin: String { String(fileName: Array((folder.path + "/ni").utf8) + [0xF1, 0x6F]) }

  init() throws { folder = try TemporaryFolder() }

  @Test func `a run stands in a folder by any name`() throws {
    let run = try RunFolder.open(at: latin + "/run", kind: "k", configuration: ["a": 1])
    try run.write(json: [1, 2], to: "below/list.json")
    #expect(try run.read([Int].self, from: "below/list.json") == [1, 2])
    #expect(run.contains("below/list.json") && !run.contains("other"))
    #expect(try FolderListing(folder.path).names.map(\.fileNameBytes) == [[0x6E, 0x69, 0xF1, 0x6F]])
    #expect(run.names(in: "below") == ["list.json"] && run.names(in: "none").isEmpty)
    try run.write(json: [1], to: "gone/deep/list.json")
    try run.remove("gone")
    try run.remove("never there")
    #expect(!run.contains("gone"))
    let names = try FolderListing(latin + "/run").names
    #expect(names == ["below", "run.json", "run.lock"])
    #expect(throws: RunError.self) {
      try RunFolder.open(at: latin, kind: "k", configuration: ["a": 1])
    }
    try DurableFile.write(Data([1]), to: latin + "/file")
    #expect(FileSystem.contents(of: latin + "/file") == Data([1]))
    #expect(FileSystem.mapped(latin + "/file") == Data([1]))
    #expect(try decompressedBytes(of: latin + "/file") == Data([1]))
    let digest = try folder.write([1], to: "file")
    var (one, other) = (Fingerprint(), Fingerprint())
    try one.add(file: latin + "/file")
    try other.add(file: digest)
    #expect(one.description == other.description)
  }

  @Test func `only plain files have contents`() throws {
    try folder.write([UInt8](repeating: 7, count: 3 << 20), to: "large")
    #expect(FileSystem.contents(of: folder.file("large"))?.count == 3 << 20)
    #expect(FileSystem.mapped(folder.file("large")) == FileSystem.contents(of: folder.file("large")))
    try folder.write([], to: "empty")
    #expect(FileSystem.contents(of: folder.file("empty"))?.isEmpty == true)
    #expect(FileSystem.mapped(folder.file("empty"))?.isEmpty == true)
    #expect(unsafe mkfifo(folder.file("pipe"), 0o600) == 0)
    for none in [folder.path, folder.file("pipe"), folder.file("none"), "/dev/zero", folder.file("empty\0")] {
      #expect(FileSystem.contents(of: none) == nil && FileSystem.mapped(none) == nil, "\(none)")
    }
    #expect(FileSystem.exists(folder.file("pipe")) && !FileSystem.exists(folder.file("none")))
  }

  @Test func `a folder is removed with what it holds, and links in it lead nowhere`() throws {
    try folder.write([1], to: "kept/file")
    try folder.write([1], to: "gone/below/.hidden")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("gone/link"), withDestinationPath: folder.file("kept"))
    FileSystem.remove(folder.file("gone"))
    #expect(try FolderListing(folder.path).names == ["kept"])
    #expect(FileSystem.exists(folder.file("kept/file")))
    FileSystem.remove(folder.file("none"))
  }

  @Test func `links are followed to the end, and a folder that cannot be made says why`() throws {
    try folder.write([1], to: "a/file")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link"), withDestinationPath: folder.file("a"))
    let real = try #require(FileSystem.resolved(folder.path))
    #expect(FileSystem.resolved(folder.file("link/file")) == real + "/a/file")
    #expect(FileSystem.resolved(folder.file("none")) == nil)
    try FileSystem.makeFolder(folder.file("one/two/"))
    try FileSystem.makeFolder(folder.file("one/two"))
    #expect(FileKind(folder.file("one/two"))?.isFolder == true)
    let error = #expect(throws: FileError.self) { try FileSystem.makeFolder(folder.file("a/file/three")) }
    #expect(error?.reason.contains("Not a directory") == true)
  }

  @Test(arguments: [
    ("a", "."), ("é", "."), ("a/", "."), ("", "."), ("run", "."), ("a/b", "a"), ("a/b/", "a"), ("a//b", "a"),
    ("./a", "."), ("../a", ".."), ("/", "/"), ("//", "/"), ("/a", "/"), ("/a/b", "/a"),
  ])
  func `the folder of a path is what stands before its last name`(path: String, folder: String) {
    #expect(FileSystem.folder(of: path) == folder)
  }
}
