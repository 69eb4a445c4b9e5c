internal import Foundation
internal import Images

/// Pictures as records of equal length in a few large files, one plane a colour.
struct Records: ImageSource {
  /// A file's records, or the part of them that pictures are read from.
  struct Block {
    let file: String
    let bytes: Data
    let count: Int
    /// Bytes from the start to the first picture's, and from picture to picture.
    let start: Int
    let step: Int
  }

  let rows: Int
  let columns: Int
  /// 1, which becomes grey, or 3.
  let planes: Int
  private(set) var blocks: [Block] = []
  private(set) var items: [Dataset.Item] = []

  init(rows: Int, columns: Int, planes: Int) {
    self.rows = rows
    self.columns = columns
    self.planes = planes
  }

  /// Takes in a file's records, each of one of the classes, which `file` says; `names` begins their names, which their
  /// numbers end.
  ///
  /// - Throws: ``DatasetError/malformed(file:reason:)`` for a label that no class has.
  mutating func add(
    _ block: Block, as names: String, split: Dataset.Split, of classes: Int, in file: String,
    label: (Int) -> UInt8
  ) throws(DatasetError) {
    blocks.append(block)
    for record in 0..<block.count {
      let label = Int(label(record))
      guard label < classes else {
        throw .malformed(file: file, reason: "record \(record) has class \(label) of \(classes).")
      }
      items.append(.init(path: "\(names)/\(record)", label: label, split: split))
    }
  }

  func picture(_ id: Int) throws(ImageError) -> Picture {
    var place = id
    for block in blocks {
      guard place >= block.count else { return picture(place, of: block) }
      place -= block.count
    }
    throw .unreadable(file: blocks.last?.file ?? "", reason: "it has no record \(id)")
  }

  private func picture(_ record: Int, of block: Block) -> Picture {
    let start = block.bytes.startIndex + block.start + record * block.step
    let area = rows * columns
    var pixels = [UInt8](repeating: 0, count: area * 3)
    for channel in 0..<3 {
      let plane = start + (planes == 3 ? channel * area : 0)
      for pixel in 0..<area { pixels[pixel * 3 + channel] = block.bytes[plane + pixel] }
    }
    return Picture(rows: rows, columns: columns, pixels: pixels)
  }

  func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) { (rows, columns) }
}
