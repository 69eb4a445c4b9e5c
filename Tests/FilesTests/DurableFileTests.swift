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
