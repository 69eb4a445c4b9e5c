internal import Files
internal import Foundation
internal import Tensors

extension Dataset {
  /// MNIST and what has its form: IDX files of grey pictures and their labels, gzipped or not.
  ///
  /// A folder whose name says `fashion` gets the names of clothes for its classes, any other the digits.
  static func mnist(at path: String) throws(DatasetError) -> Dataset {
    let stems = ["train-images", "train-labels", "t10k-images", "t10k-labels"]
    let files = stems.map { stem -> String? in
      let kind = stem.hasSuffix("images") ? "idx3-ubyte" : "idx1-ubyte"
      return ["\(stem)-\(kind)", "\(stem).\(kind)"].flatMap { [$0, $0 + ".gz"] }
        .first { FileSystem.exists(path + "/" + $0) }
    }
    let found = files.compactMap { $0 }
    guard found.count == stems.count else {
      let missing = zip(stems, files).filter { $1 == nil }.map(\.0)
      throw .layout(
        path: path, kind: "mnist",
        missing: missing.map { $0 + ($0.hasSuffix("images") ? "-idx3-ubyte" : "-idx1-ubyte") + " (or .gz)" })
    }
    let isFashion = path.lowercased().contains("fashion")
    let classNames = isFashion ? clothes : (0...9).map(String.init)
    var records: Records?
    for (images, labels, split) in [(found[0], found[1], Split.train), (found[2], found[3], .test)] {
      let pictures = try IDX(reading: path + "/" + images, rank: 3)
      let answers = try IDX(reading: path + "/" + labels, rank: 1)
      guard pictures.extents[0] == answers.extents[0] else {
        throw .malformed(
          file: path + "/" + labels,
          reason: "it has \(answers.extents[0]) labels for \(pictures.extents[0]) images.")
      }
      let area = Array(pictures.extents.dropFirst())
      var all = records ?? Records(rows: area[0], columns: area[1], planes: 1)
      guard area == [all.rows, all.columns], area.allSatisfy({ $0 > 0 }) else {
        throw .malformed(
          file: path + "/" + images, reason: "its images are of \(area[0]) x \(area[1]) pixels.")
      }
      try all.add(
        .init(
          file: path + "/" + images, bytes: pictures.bytes, count: pictures.extents[0], start: pictures.start,
          step: area[0] * area[1]), as: split == .train ? "train" : "t10k", split: split,
        of: classNames.count, in: path + "/" + labels
      ) { answers.bytes[answers.start + $0] }
      records = all
    }
    guard let records, !records.items.isEmpty else { throw .noPictures(path: path) }
    return Dataset(name: path, items: records.items, classNames: classNames, source: records)
  }

  private static let clothes = [
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
  ]
}

/// An IDX file of bytes: a magic number, the extents, the values.
private struct IDX {
  let bytes: Data
  let extents: [Int]
  /// Where the values begin.
  let start: Int

  init(reading file: String, rank: Int) throws(DatasetError) {
    do {
      bytes = try decompressedBytes(of: file)
    } catch {
      throw .malformed(file: file, reason: error.reason)
    }
    start = 4 + 4 * rank
    guard bytes.count >= start, bytes.prefix(4).elementsEqual([0, 0, 8, UInt8(rank)]) else {
      throw .malformed(file: file, reason: "it does not begin as an IDX file of bytes with \(rank) extents.")
    }
    let bytes = bytes
    extents = (0..<rank).map { axis in
      (0..<4).reduce(0) { $0 << 8 | Int(bytes[4 + 4 * axis + $1]) }
    }
    guard bytes.count - start == extents.checkedProduct else {
      let shape = extents.map(String.init).joined(separator: " x ")
      throw .malformed(file: file, reason: "it has \(bytes.count - start) values for extents of \(shape).")
    }
  }
}
