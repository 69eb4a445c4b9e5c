import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct DurableFiles {
  @Test func `a file is there once it is finished, and nothing else`() throws {
    let folder = try TemporaryFolder()
    try folder.write([1, 2, 3, 4], to: "file")
    let file = try DurableFile(path: folder.file("file"))
    try file.write(Data([9, 9]))
    #expect(FileManager.default.contents(atPath: folder.file("file")) == Data([1, 2, 3, 4]))
    try file.finish()
    #expect(FileManager.default.contents(atPath: folder.file("file")) == Data([9, 9]))
    _ = try DurableFile(path: folder.file("unfinished"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
  }

  @Test func `two processes that write one file disturb neither each other nor the file`() throws {
    let folder = try TemporaryFolder()
    // Of another process that lives, of one that is no more, and of an older version.
    let living = "file.1.partial"
    for name in [living, "file.\(Int32.max).partial", "file.partial", "file.x.partial", "other.partial"] {
      try folder.write([7], to: name)
    }
    let file = try DurableFile(path: folder.file("file"))
    try file.write(Data([9]))
    let mine = "file.\(getpid()).partial"
    let during = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(during == [living, mine, "file.x.partial", "other.partial"].sorted())
    try file.finish()
    #expect(FileManager.default.contents(atPath: folder.file("file")) == Data([9]))
    #expect(FileManager.default.contents(atPath: folder.file(living)) == Data([7]))
    #expect(!FileManager.default.fileExists(atPath: folder.file(mine)))
  }

  /// A limit so high that no other test meets it; the file is sparse.
  @Test func `past a limit on its size a file says so, and the process goes on`() throws {
    let folder = try TemporaryFolder()
    var before = rlimit()
    unsafe getrlimit(__rlimit_resource_t(1), &before)
    var low = rlimit(rlim_cur: 1 << 40, rlim_max: before.rlim_max)
    unsafe setrlimit(__rlimit_resource_t(1), &low)
    defer { unsafe setrlimit(__rlimit_resource_t(1), &before) }
    let file = try DurableFile(path: folder.file("file"))
    let error = #expect(throws: FileError.self) { try file.write(Data([1]), at: 1 << 40) }
    #expect(error?.description.contains("File too large") == true, "\(error?.description ?? "")")
  }

  @Test func `a file is opened as it is, or emptied, or made`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write([1, 2, 3], to: "file")
    try #require(FileHandle(creating: path, emptied: false)).close()
    #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
    try #require(FileHandle(creating: path, emptied: true)).close()
    #expect(FileManager.default.contents(atPath: path) == Data())
    try #require(FileHandle(creating: folder.file("new"), emptied: false)).write(contentsOf: Data([7]))
    #expect(FileManager.default.contents(atPath: folder.file("new")) == Data([7]))
    #expect(FileHandle(creating: folder.file("none/file"), emptied: true) == nil)
    #expect(FileHandle(creating: folder.path, emptied: false) == nil)
  }
}
