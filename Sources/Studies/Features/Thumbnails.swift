internal import Datasets
internal import Files
internal import Foundation
internal import Images
internal import Tensors

/// Whole pictures, small, on which the page marks what a unit saw.
struct Thumbnails {
  let dataset: Dataset
  let work: Work

  /// Pixels along the longer side.
  private static let side = 128

  /// The file of a picture's thumbnail in the run.
  static func file(_ id: Int) -> String { "gallery/pictures/\(id).webp" }

  /// Draws those of some pictures, by path, that the run lacks.
  func draw(_ paths: Set<ExactName>) throws {
    let missing = try work.decided {
      dataset.items.filter { paths.contains(ExactName($0.path)) }.map(\.id)
        .filter { !work.run.contains(Self.file($0)) }
    }
    guard !missing.isEmpty else { return }
    var meter = work.meter("whole images", total: missing.count, unit: "images")
    let groups = stride(from: 0, to: missing.count, by: 64).map {
      Array(missing[$0..<min($0 + 64, missing.count)])
    }
    var done = 0
    try work.deal(groups.count) { group in
      try draw(groups[group])
      return Data()
    } keep: { group, _ in
      done += groups[group].count
      meter.show(done)
    }
    meter.finish()
  }

  private func draw(_ ids: [Int]) throws {
    let (dataset, run) = (dataset, work.run)
    _ = try Pool.map(over: ids.indices, threads: work.threads, cancellation: work.cancellation) { index in
      let picture = try dataset.picture(ids[index])
      let longest = max(picture.rows, picture.columns, Self.side)
      let small = try picture.resized(
        rows: max(1, picture.rows * Self.side / longest),
        columns: max(1, picture.columns * Self.side / longest),
        by: .lanczos)
      try run.write(bytes: Data(try small.encoded(as: .webp(quality: 50))), to: Self.file(ids[index]))
    }
  }
}
