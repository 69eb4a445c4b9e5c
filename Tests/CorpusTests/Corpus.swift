import Foundation
import Testing

/// The inputs that the fuzzer begins with, and those that once ended the program: read or refused by every build.
@Suite struct Corpus {
  @Test(arguments: FuzzedReader.Kind.allCases)
  func `every input of the corpus is read or refused`(kind: FuzzedReader.Kind) throws {
    let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Corpus/\(kind.rawValue)")
    let inputs = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(!inputs.isEmpty)
    let reader = try FuzzedReader(kind)
    for input in inputs { reader.attempt(try Data(contentsOf: folder.appendingPathComponent(input))) }
  }

  /// What is read is more than refusals: each kind's corpus has an input that its reader accepts.
  @Test(arguments: FuzzedReader.Kind.allCases)
  func `the input called sound is read`(kind: FuzzedReader.Kind) throws {
    let file = try #require(Bundle.module.resourceURL).appendingPathComponent("Corpus/\(kind.rawValue)/sound")
    #expect(try FuzzedReader(kind).attempt(try Data(contentsOf: file)))
  }
}
