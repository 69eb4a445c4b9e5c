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
    let missing = dataset.items.filter { paths.contains(ExactName($0.path)) }.map(\.id)
      .filter { !work.run.contains(Self.file($0)) }
    guard !missing.isEmpty else { return }
    var meter = work.meter("whole images", total: missing.count, unit: "images")
    let (dataset, run) = (dataset, work.run)
    for start in stride(from: 0, to: missing.count, by: 64) {
      let some = Array(missing[start..<min(start + 64, missing.count)])
      _ = try Pool.map(over: some.indices, threads: work.threads, cancellation: work.cancellation) { index in
        let picture = try dataset.picture(some[index])
        let longest = max(picture.rows, picture.columns, Self.side)
        let small = try picture.resized(
          rows: max(1, picture.rows * Self.side / longest),
          columns: max(1, picture.columns * Self.side / longest),
          by: .lanczos)
        try run.write(bytes: Data(try small.encoded(as: .webp(quality: 50))), to: Self.file(some[index]))
      }
      meter.show(start + some.count)
    }
    meter.finish()
  }
}
