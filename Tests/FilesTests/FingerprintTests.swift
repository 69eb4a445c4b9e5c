import Files
import Foundation
import Tensors
import Testing

@Suite struct Fingerprints {
  private func fingerprint(_ bytes: [UInt8]...) throws -> String {
    var fingerprint = Fingerprint()
    for each in bytes {
      let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      defer { try? FileManager.default.removeItem(at: path) }
      try Data(each).write(to: path)
      try fingerprint.add(file: path.path)
    }
    return fingerprint.description
  }

  @Test func `the same bytes give the same, any other give another`() throws {
    var generator = SeededGenerator(seed: 1)
    // Longer than the pieces it is read in, and no whole number of words.
    var bytes = (0..<(2 << 20) + 5).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let one = try fingerprint(bytes)
    #expect(try one.count == 16 && fingerprint(bytes) == one)
    for place in [0, 7, 8, 1 << 20, bytes.count - 1] {
      bytes[place] ^= 0x80
      #expect(try fingerprint(bytes) != one, "byte \(place)")
      bytes[place] ^= 0x80
    }
    #expect(try fingerprint(bytes + [0]) != one && fingerprint(bytes.dropLast()) != one)
  }

  @Test func `where one file or text ends and the next begins counts`() throws {
    #expect(try fingerprint([1, 2, 3], [4]) != fingerprint([1, 2], [3, 4]))
    #expect(try fingerprint([], [0]) != fingerprint([0], []))
    #expect(try fingerprint([1], [2]) != fingerprint([2], [1]))
    func of(_ texts: String...) -> String {
      var fingerprint = Fingerprint()
      for text in texts { fingerprint.add(text) }
      return fingerprint.description
    }
    #expect(of("ab", "c") != of("a", "bc") && of("ab", "c") == of("ab", "c"))
    #expect(of("12345678") != of("12345678", ""))
  }

  @Test func `a missing file is named`() {
    var fingerprint = Fingerprint()
    let error = #expect(throws: FileError.self) { try fingerprint.add(file: "/nowhere/at.all") }
    #expect(error?.path == "/nowhere/at.all")
  }
}
