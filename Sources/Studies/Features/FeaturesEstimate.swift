internal import Attribution
internal import Datasets
internal import Execution
internal import Figures
internal import Foundation
internal import Images
internal import Networks
internal import Peaks
internal import Tensors

/// What a long gallery will cost, measured on one picture before it begins.
struct FeaturesEstimate {
  let study: Features
  let pictures: PreparedPictures
  let threads: Int

  /// A run shorter than this, in seconds, needs no estimate.
  static let shortest = 10.0
  /// Layers that are measured, from the first to the last; the others' costs lie between their neighbours'.
  static let mostMeasured = 5
  /// Projections with which a layer is measured.
  static let measuredProjections = 5
  /// One picture's values are worth a word from so many bytes on.
  static let largeTrace = 1 << 30

  /// Threads that are measured at once: enough to see that they share cores, few enough for their memory.
  private var measured: Int { min(threads, 4) }

  /// What one thread takes for a layer: a picture's forward pass and one walk back with its tile, in seconds, and a
  /// picture's bytes.
  private struct Cost {
    var forward: Double
    var walk: Double
    var bytes: Int
  }

  /// A sentence for a person; nil where the run is short, or none of the first pictures can be read.
  ///
  /// - Throws: `Interruption` where the work is cancelled, or an error of the network's.
  func note() throws -> String? {
    let pictures = pictures
    guard let image = try (0..<min(8, pictures.count)).first(where: { try pictures.tensor($0) != nil }),
      let input = try pictures.tensor(image)
    else { return nil }
    let runners = try (0..<measured).map { _ in
      try Runner(study.subject.network, keeping: study.layers.map(\.value), threads: 1)
    }
    // The first pass prepares weights and takes memory.
    for runner in runners { _ = try runner.forward(input) }
    let searching =
      try seconds(runners) { runner in
        if let input = try pictures.tensor(image) { _ = try runner.forward(input) }
      } * Double(pictures.count) / Double(threads)
    let search =
      "about \(Listener.Progress.time(searching)) for the search of \(pictures.count.counted("images"))"
    let count = study.layers.reduce(0) { $0 + study.units.units(of: $1.units).count } * depth
    let isMeasured = Self.measuredProjections * Self.mostMeasured < count
    guard !study.onlySearches, isMeasured || searching >= Self.shortest else {
      return searching >= Self.shortest ? search + "." : nil
    }
    let costs = try costs(image)
    let projecting = zip(study.layers, costs).reduce(0) { $0 + seconds(of: $1.0, $1.1) } / Double(threads)
    guard searching + projecting >= Self.shortest else { return nil }
    let largest = costs.map(\.bytes).max() ?? 0
    return search
      + ", then about \(Listener.Progress.time(projecting)) for \(count.counted("projections")) of "
      + "\(study.layers.count.counted("layers"))"
      + (largest >= Self.largeTrace
        ? ", with \((Double(largest) / 0x1p30).rounded(decimals: 1)) GiB for the values of one image" : "")
      + ". Stopped at any moment, the same command goes on."
  }

  /// What the projections will take on disk, in words.
  func size() throws -> String {
    var drawn = 0
    for layer in study.layers {
      let units = study.units.units(of: layer.units).count
      let field = try FieldGeometry(study.subject.network, value: layer.value, rule: study.rule).extents
      let tile = TileMaker.tile(ofField: field.rows, field.columns)
      // Measured on AlexNet, ResNet-18 and MobileNetV3, for five tiles a peak on the page and two on sheets.
      drawn += units * study.top * tile.rows * tile.columns * 12 / 5
    }
    return "about \(drawn.bytes) on disk"
      + (study.writesArrays
        ? ", and \(study.arrayBytes.bytes) of arrays (--no-arrays leaves them out)."
        : "; projections are not kept as arrays (--arrays keeps them, \(study.arrayBytes.bytes)).")
  }

  /// How many peaks a unit has.
  private var depth: Int { min(study.top, pictures.count) }

  /// One thread's time for a layer's projections: a forward pass for each picture, and a walk back for each peak.
  private func seconds(of layer: StudiedLayer, _ cost: Cost) -> Double {
    let peaks = Double(study.units.units(of: layer.units).count * depth)
    let count = Double(pictures.count)
    // So many pictures have one of the peaks, if these fall anywhere.
    let needed = count * (1 - exp(-peaks / count))
    return needed * cost.forward + peaks * cost.walk
  }

  /// Each layer's cost: some are measured, the others interpolated.
  private func costs(_ image: Int) throws -> [Cost] {
    let last = study.layers.count - 1
    guard last > 0 else { return try study.layers.map { try cost(of: $0, image) } }
    let steps = min(Self.mostMeasured - 1, last)
    let costs = try (0...steps).map { try cost(of: study.layers[last * $0 / steps], image) }
    return (0...last).map { index in
      let step = min(index * steps / last, steps - 1)
      let (low, high) = (last * step / steps, last * (step + 1) / steps)
      let share = min(max(Double(index - low) / Double(max(high - low, 1)), 0), 1)
      let (one, other) = (costs[step], costs[step + 1])
      return Cost(
        forward: one.forward + share * (other.forward - one.forward),
        walk: one.walk + share * (other.walk - one.walk), bytes: max(one.bytes, other.bytes))
    }
  }

  private func cost(of layer: StudiedLayer, _ image: Int) throws -> Cost {
    let galleries = try (0..<measured).map { _ in
      try Gallery(study.subject.network, value: layer.value, rule: study.rule, threads: 1)
    }
    let shape = study.subject.shapes[layer.value] ?? []
    let (row, column) = shape.rank == 4 ? (shape.rows / 2, shape.columns / 2) : (0, 0)
    let pictures = pictures
    let maker = TileMaker(field: galleries[0].extents, preprocessing: study.subject.preprocessing)
    let seen = try pictures.seen(image)
    func project(_ count: Int) throws -> Double {
      let places = (0..<count).map {
        (unit: $0 % layer.units, rank: $0, peak: Peak(value: 1, image: image, row: row, column: column))
      }
      return try seconds(galleries) { gallery in
        try gallery.project(places, input: { try pictures.tensor($0) }) { results in
          for (_, projection) in results {
            _ = try seen.map {
              try maker.tile(of: projection.pixels, top: projection.top, left: projection.left, in: $0)
            }
          }
        }
      }
    }
    _ = try project(1)
    let (one, more) = (try project(1), try project(Self.measuredProjections))
    let walk = max(more - one, 0) / Double(Self.measuredProjections - 1)
    return Cost(forward: max(one - walk, 0), walk: walk, bytes: galleries[0].bytesOfPicture)
  }

  /// What the same takes on several threads at once: two that share a core are slower than one alone.
  private func seconds<State>(_ states: [State], _ body: @Sendable (State) throws -> Void) throws -> Double {
    let start = ContinuousClock.now
    _ = try Pool.map(over: states.indices, with: states) { _, state in try body(state) }
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
