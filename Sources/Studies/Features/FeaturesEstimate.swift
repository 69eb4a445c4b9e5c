internal import Datasets
internal import Figures
internal import Images
internal import Execution
internal import Networks
internal import Peaks
internal import Tensors

/// What a long gallery will cost, measured on one picture before it begins.
struct FeaturesEstimate {
  let study: Features
  let pictures: PreparedPictures
  let threads: Int

  /// A search shorter than this, in seconds, needs no estimate.
  static let shortest = 10.0

  /// A sentence for a person; nil where the search is short, or none of the first pictures can be read.
  ///
  /// - Throws: `Interruption` where the work is cancelled, or an error of the network's.
  func note() throws -> String? {
    guard let image = try (0..<min(8, pictures.count)).first(where: { try pictures.tensor($0) != nil }),
      let input = try pictures.tensor(image)
    else { return nil }
    let runner = try Runner(study.subject.network, keeping: study.layers.map(\.value), threads: 1)
    // The first pass prepares weights and takes memory.
    _ = try runner.forward(input)
    let searching =
      try seconds { if let input = try pictures.tensor(image) { _ = try runner.forward(input) } }
      * Double(pictures.count) / Double(threads)
    guard searching >= Self.shortest else { return nil }
    let search = "about \(Listener.Progress.time(searching)) for the search of \(pictures.count) pictures"
    guard !study.onlySearches else { return search + "." }
    let count = study.layers.reduce(0) { $0 + study.units.units(of: $1.units).count } * study.top
    let measured = [0, study.layers.count / 2, study.layers.count - 1].map { study.layers[$0] }
    let costs = try measured.map { try secondsOfGallery($0, image) }
    let projecting = costs.reduce(0, +) / Double(costs.count) * Double(study.layers.count) / Double(threads)
    return search + ", then about \(Listener.Progress.time(projecting)) for \(count) projections of "
      + "\(study.layers.count) layers. Stopped at any moment, the same command goes on."
  }

  /// What the projections will take on disk, in words.
  func size() throws -> String {
    var (arrays, drawn) = (0, 0)
    for layer in study.layers {
      let units = study.units.units(of: layer.units).count
      let field = try FieldGeometry(study.subject.network, value: layer.value, rule: study.rule).extents
      let tile = TileMaker.tile(ofField: field.rows, field.columns)
      arrays +=
        units * study.top * field.rows * field.columns * study.subject.preprocessing.channels.count * 4
      // Measured on AlexNet: a fifth of a byte a pixel, for five tiles a peak on the page and two on sheets.
      drawn += units * study.top * tile.rows * tile.columns * 8 / 5
    }
    return "about \(drawn.bytes) on disk"
      + (study.writesArrays ? ", and \(arrays.bytes) of arrays (--no-arrays leaves them out)." : ".")
  }

  /// One thread's time for a layer's projections: a forward pass for each picture, and a walk back for each peak.
  private func secondsOfGallery(_ layer: StudiedLayer, _ image: Int) throws -> Double {
    let gallery = try Gallery(study.subject.network, value: layer.value, rule: study.rule, threads: 1)
    let shape = study.subject.shapes[layer.value] ?? []
    let (row, column) = shape.rank == 4 ? (shape.rows / 2, shape.columns / 2) : (0, 0)
    let pictures = pictures
    func project(_ count: Int) throws -> Double {
      let places = (0..<count).map {
        (unit: $0 % layer.units, rank: $0, peak: Peak(value: 1, image: image, row: row, column: column))
      }
      return try seconds { try gallery.project(places, input: { try pictures.tensor($0) }) { _ in } }
    }
    _ = try project(1)
    let (one, nine) = (try project(1), try project(9))
    let walk = max(nine - one, 0) / 8
    let peaks = study.units.units(of: layer.units).count * study.top
    return Double(min(peaks, pictures.count)) * max(one - walk, 0) + Double(peaks) * walk
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return start.duration(to: .now).seconds
  }
}

extension Int {
  /// As a size of files: `513 MB`.
  fileprivate var bytes: String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var (size, unit) = (Double(self), 0)
    while size >= 1000, unit < units.count - 1 { (size, unit) = (size / 1000, unit + 1) }
    return "\(size.significant) \(units[unit])"
  }
}
