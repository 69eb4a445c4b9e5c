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
  let blocks: [Block]

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
