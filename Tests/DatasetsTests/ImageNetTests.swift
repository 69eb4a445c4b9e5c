import Datasets
import Foundation
import Images
import Tensors
import TestSupport
import Testing

/// ImageNet and its small sister, with ground truth in each form that it comes in.
@Suite struct ImageNetReaders {
  private func imageNet() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try write(
      folder,
      [
        "train/n01440764/n01440764_1.JPEG", "train/n00000002/n00000002_4.JPEG",
        "val/ILSVRC2012_val_00000001.JPEG", "val/ILSVRC2012_val_00000002.JPEG",
      ])
    try folder.write("2\n1\n".utf8, to: "ILSVRC2012_validation_ground_truth.txt")
    return folder
  }

  @Test func `ground truth counts in the order of the synset list, labels in that of wnids`() throws {
    let folder = try imageNet()
    try folder.write("n01440764 tench, Tinca tinca\nn00000002 thing\n".utf8, to: "synsets.txt")
    let dataset = try Dataset.parse("imagenet:" + folder.path)
    #expect(dataset.classNames == ["thing", "tench, Tinca tinca"])
    #expect(dataset.items.map(\.label) == [0, 1, 0, 1])
    #expect(dataset.items.map(\.split) == [.train, .train, .validation, .validation])
    #expect(try dataset.only(.validation).picture(1).pixels[0] == 90)
    let mapped = try imageNet()
    try mapped.write("n00000002 2 thing\nn01440764 1 tench\n".utf8, to: "map_clsloc.txt")
    #expect(try Dataset.parse("imagenet:" + mapped.path).items.map(\.label) == [0, 1, 0, 1])
  }

  /// An element of a MATLAB file, in the small form where it fits.
  private func element(_ kind: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    func word(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    if (1...4).contains(bytes.count), kind != 14 {
      return word(kind | UInt32(bytes.count) << 16) + bytes + [UInt8](repeating: 0, count: 4 - bytes.count)
    }
    let padding = kind == 15 ? 0 : (8 - bytes.count % 8) % 8
    return word(kind) + word(UInt32(bytes.count)) + bytes + [UInt8](repeating: 0, count: padding)
  }

  private func matrix(_ kind: UInt8, _ rows: UInt8, _ columns: UInt8, _ parts: [UInt8]) -> [UInt8] {
    element(
      14,
      element(6, [kind, 0, 0, 0, 0, 0, 0, 0]) + element(5, [rows, 0, 0, 0, columns, 0, 0, 0]) + element(1, [])
        + parts)
  }

  /// The kit's file: a list of synsets by number, as text in one of the forms that MATLAB has.
  ///
  /// `width`, where not 16, is the length of a field's name as a Double; `letter`, where not nil, what texts hold as
  /// Doubles.
  private func kit(
    _ synsets: [(Int, String, String)], isWide: Bool, isPlain: Bool = false, width: Double = 16,
    letter: Double? = nil
  ) -> [UInt8] {
    func bytes(_ number: Double) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
    }
    func text(_ text: String) -> [UInt8] {
      if let letter { return matrix(4, 1, 1, element(9, bytes(letter))) }
      let bytes = isWide ? text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } : Array(text.utf8)
      return matrix(4, 1, UInt8(text.count), element(isWide ? 17 : 16, bytes))
    }
    let names = ["ILSVRC2012_ID", "WNID", "words", "children"].flatMap { name in
      Array(name.utf8) + [UInt8](repeating: 0, count: 16 - name.utf8.count)
    }
    let records = synsets.flatMap { id, wnid, words in
      matrix(6, 1, 1, element(isWide ? 4 : 2, isWide ? [UInt8(id), 0] : [UInt8(id)])) + text(wnid)
        + text(words)
        + matrix(6, 0, 0, element(9, []))
    }
    let synsets = matrix(
      2, UInt8(synsets.count), 1, element(9, bytes(width)) + element(1, names) + records)
    let header =
      Array("MATLAB 5.0 MAT-file".utf8) + [UInt8](repeating: 32, count: 105) + [0, 1] + Array("IM".utf8)
    return header + matrix(6, 1, 1, element(9, [UInt8](repeating: 0, count: 8)))
      + (isPlain ? synsets : element(15, stored(synsets)))
  }

  /// What zlib makes of bytes that it doesn't compress.
  private func stored(_ bytes: [UInt8]) -> [UInt8] {
    let count = UInt16(bytes.count)
    let (low, high) = bytes.reduce((UInt32(1), UInt32(0))) { sums, byte in
      let low = (sums.0 + UInt32(byte)) % 65521
      return (low, (sums.1 + low) % 65521)
    }
    return [0x78, 1, 1, UInt8(count & 255), UInt8(count >> 8), UInt8(~count & 255), UInt8(~count >> 8)]
      + bytes
      + [high >> 8, high & 255, low >> 8, low & 255].map { UInt8($0) }
  }

  @Test(arguments: [false, true]) func `ground truth counts as the kit's own file says`(isWide: Bool) throws {
    let folder = try imageNet()
    let bytes = kit(
      [(1, "n01440764", "tench"), (2, "n00000002", "thing"), (3, "n00000003", "none")], isWide: isWide)
    try folder.write(bytes, to: "ILSVRC2012_devkit_t12/data/meta.mat")
    let dataset = try Dataset.parse("imagenet:" + folder.path)
    #expect(dataset.classNames == ["thing", "tench"])
    #expect(dataset.items.map(\.label) == [0, 1, 0, 1])
    // Cut or changed anywhere it is read or refused, never worse.
    for length in stride(from: 0, to: bytes.count, by: 3) {
      try folder.write(bytes[..<length], to: "ILSVRC2012_devkit_t12/data/meta.mat")
      #expect(reason("imagenet:" + folder.path).contains("meta.mat is damaged"))
    }
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<300 {
      var changed = kit([(1, "n01440764", "tench")], isWide: isWide, isPlain: true)
      changed[Int.random(in: 128..<changed.count, using: &generator)] = .random(
        in: 0...255, using: &generator)
      try folder.write(changed, to: "ILSVRC2012_devkit_t12/data/meta.mat")
      _ = reason("imagenet:" + folder.path)
    }
  }

  @Test(arguments: [Double.nan, .infinity, 1e300, -1e300, -1, 0, 9.3e18])
  func `a number in the kit's file that is no length and no letter is refused`(number: Double) throws {
    let folder = try imageNet()
    let synsets = [(1, "n01440764", "tench")]
    let file = "ILSVRC2012_devkit_t12/data/meta.mat"
    try folder.write(kit(synsets, isWide: false, isPlain: true, width: number), to: file)
    #expect(reason("imagenet:" + folder.path).contains("meta.mat is damaged"))
    try folder.write(kit(synsets, isWide: false, isPlain: true, letter: number), to: file)
    #expect(reason("imagenet:" + folder.path).contains("meta.mat"))
  }

  @Test func `validation may have a folder a class`() throws {
    let folder = try TemporaryFolder()
    try write(folder, ["train/n00000001/a.JPEG", "val/n00000001/b.JPEG", "val/n00000002/c.JPEG"])
    let dataset = try Dataset.parse("imagenet:\(folder.path),split=val")
    #expect(dataset.items.map(\.label) == [0, 1])
    #expect(dataset.items.map(\.path) == ["val/n00000001/b.JPEG", "val/n00000002/c.JPEG"])
  }

  @Test func `ground truth that does not fit says why`() throws {
    let folder = try imageNet()
    #expect(reason("imagenet:" + folder.path).contains("synsets.txt"))
    try folder.write("n01440764\nn00000002\n".utf8, to: "synsets.txt")
    try folder.write("2\n".utf8, to: "ILSVRC2012_validation_ground_truth.txt")
    #expect(reason("imagenet:" + folder.path).contains("1 lines for 2 images"))
    try folder.write("2\n7\n".utf8, to: "ILSVRC2012_validation_ground_truth.txt")
    #expect(reason("imagenet:" + folder.path).contains("line 2 is no number"))
    try folder.write("n01440764\nn00000009\n".utf8, to: "synsets.txt")
    try folder.write("1\n2\n".utf8, to: "ILSVRC2012_validation_ground_truth.txt")
    #expect(reason("imagenet:" + folder.path).contains("n00000009, a class that train has not"))
    let list = (0..<1000).map { "n\(10_000_000 + $0)\n" }.joined()
    try folder.write(list.utf8, to: "synsets.txt")
    #expect(reason("imagenet:" + folder.path).contains("meta.mat"))
  }

  @Test func `tiny-imagenet reads its own layout, and annotations that are wrong say where`() throws {
    let folder = try TemporaryFolder()
    try write(
      folder,
      [
        "train/n00000001/images/n00000001_0.JPEG", "train/n00000002/images/n00000002_0.JPEG",
        "val/images/val_0.JPEG", "val/images/val_1.JPEG",
      ])
    try folder.write("n00000001\tfish\nn00000002\tshark\n".utf8, to: "words.txt")
    let annotations = "val/val_annotations.txt"
    try folder.write(
      "val_1.JPEG\tn00000001\t0\t0\t9\t9\nval_0.JPEG\tn00000002\t0\t0\t9\t9\n".utf8, to: annotations)
    let dataset = try Dataset.parse("tiny-imagenet:" + folder.path)
    #expect(dataset.items.map(\.label) == [0, 1, 0, 1])
    #expect(dataset.items.map(\.path).suffix(2) == ["val/images/val_1.JPEG", "val/images/val_0.JPEG"])
    #expect(dataset.classNames == ["fish", "shark"])
    try folder.write("val_7.JPEG\tn00000001\n".utf8, to: annotations)
    #expect(reason("tiny-imagenet:" + folder.path).contains("line 1 names val_7.JPEG"))
    try folder.write("\nval_0.JPEG\tn00000007\n".utf8, to: annotations)
    #expect(reason("tiny-imagenet:" + folder.path).contains("line 2 names no class"))
  }
}
