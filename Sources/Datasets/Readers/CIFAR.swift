internal import Files
internal import Foundation

extension Dataset {
  /// CIFAR-10, the binary version: five batches to train on and one to test.
  static func cifar10(at path: String) throws(DatasetError) -> Dataset {
    try cifar(
      at: path, kind: "cifar10", below: "cifar-10-batches-bin",
      files: (1...5).map { ("data_batch_\($0).bin", Split.train) } + [("test_batch.bin", .test)],
      names: "batches.meta.txt", classes: 10, labelBytes: 1)
  }

  /// CIFAR-100, the binary version, by its fine labels.
  static func cifar100(at path: String) throws(DatasetError) -> Dataset {
    try cifar(
      at: path, kind: "cifar100", below: "cifar-100-binary",
      files: [("train.bin", .train), ("test.bin", .test)],
      names: "fine_label_names.txt", classes: 100, labelBytes: 2)
  }

  /// Records of label bytes, the last of which counts, and 32 x 32 pixels a colour.
  private static func cifar(
    at path: String, kind: String, below: String, files: [(name: String, split: Split)], names: String,
    classes: Int, labelBytes: Int
  ) throws(DatasetError) -> Dataset {
    let root = Listing.root(path, or: [below])
    let missing = (files.map(\.name) + [names]).filter { !FileSystem.exists(root + "/" + $0) }
    guard missing.isEmpty else { throw .layout(path: path, kind: kind, missing: missing) }
    let classNames = (Listing.lines(of: root + "/" + names) ?? []).map(\.text)
    guard classNames.count == classes else {
      throw .malformed(
        file: root + "/" + names, reason: "it names \(classNames.count) classes, not \(classes).")
    }
    let step = labelBytes + 3 * 32 * 32
    var records = Records(rows: 32, columns: 32, planes: 3)
    for (name, split) in files {
      let file = root + "/" + name
      guard let bytes = FileSystem.mapped(file) else {
        throw .malformed(file: file, reason: "it cannot be read.")
      }
      guard !bytes.isEmpty, bytes.count % step == 0 else {
        throw .malformed(
          file: file, reason: "its \(bytes.count) bytes are not a number of records of \(step) bytes.")
      }
      try records.add(
        .init(file: file, bytes: bytes, count: bytes.count / step, start: labelBytes, step: step), as: name,
        split: split, of: classes, in: file
      ) { bytes[bytes.startIndex + $0 * step + labelBytes - 1] }
    }
    return Dataset(name: root, items: records.items, classNames: classNames, source: records)
  }
}
