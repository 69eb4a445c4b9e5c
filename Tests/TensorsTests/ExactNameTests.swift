import Tensors
import Testing

@Suite struct ExactNames {
  @Test func `names of other bytes are others, whatever Unicode takes them for`() {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    #expect(composed == decomposed && ExactName(composed) != ExactName(decomposed))
    #expect(Set([composed, decomposed, composed].map { ExactName($0) }).count == 2)
    #expect(
      [composed, "a", decomposed, "a"].distinctByBytes.map { Array($0.utf8) } == [
        Array("a".utf8), Array(decomposed.utf8), Array(composed.utf8),
      ])
  }

  @Test func `a file's name of any bytes is a text that gives them back, and no two are one text`() {
    var generator = SeededGenerator(seed: 3)
    let pieces: [[UInt8]] = [
      [0xE9], [0xC3, 0xA9], [0xFF], [0xEE, 0xBE, 0x80], [0xEE, 0xBF, 0xBF], [0xEE], [0x80], [0x61],
      [0xF0, 0x9F],
      [0xF0, 0x9F, 0x98, 0x80], [0x65, 0xCC, 0x81], [0xED, 0xA0, 0x80], [0xC0, 0x80],
    ]
    var texts: [ExactName: [UInt8]] = [:]
    for _ in 0..<3000 {
      let bytes = (0..<Int.random(in: 1...4, using: &generator)).flatMap { _ in
        pieces.randomElement(using: &generator) ?? []
      }
      let text = String(fileName: bytes)
      #expect(text.fileNameBytes == bytes)
      #expect(texts.updateValue(bytes, forKey: ExactName(text)) ?? bytes == bytes)
      if let plain = String(validating: bytes, as: UTF8.self), !plain.contains(/[\u{EF80}-\u{EFFF}]/) {
        #expect(ExactName(text) == ExactName(plain))
      }
    }
  }
}
