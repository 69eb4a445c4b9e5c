public import Attribution
internal import Execution
public import Kernels
public import Networks
public import Peaks
internal import Synchronization
public import Tensors

/// The projections of a layer's strongest peaks, each beside the picture that made it (the paper's figure 2).
public struct Gallery {
  /// A peak's place in its layer's table: the rank is 0 for the unit's strongest.
  public typealias Place = (unit: Int, rank: Int, peak: Peak)

  private let projector: Projector
  /// What is given of each projection, where it is not all.
  private let window: (rows: Reach, columns: Reach)?
  private let runner: Runner
  /// Pictures whose evidence is held at once, projections, and the bytes of both: what bounds the memory.
  private let mostImages = 64
  private let mostPlaces = 256
  private let mostBytes = 128 << 20
  /// Bytes of all forward passes under way; one always is.
  private let mostBytesRunning = 512 << 20

  /// - Parameters:
  ///   - network: The network.
  ///   - value: The layer's feature maps, by value name.
  ///   - rule: How signals pass rectifiers.
  ///   - threads: How many pictures, then batches of projections, are computed side by side.
  /// - Throws: `NetworkError` where the value is not known, or `KernelError` where oneDNN cannot start.
  public init(_ network: Network, value: String, rule: RectifierRule, threads: Int) throws {
    projector = try Projector(network, value: value, rule: rule, threads: threads)
    window = projector.walk.window
    let running = mostBytesRunning / max(projector.walk.bytesKept, 1)
    runner = try Runner(
      network, keeping: projector.keptValues, recordingSwitches: true, threads: min(max(running, 1), threads))
  }

  /// Rows and columns of every projection, in pixels of the network's input.
  public var extents: (rows: Int, columns: Int) {
    window.map { ($0.rows.extent, $0.columns.extent) } ?? projector.walk.extents
  }

  /// Whether projections reach further than ``extents``, through squeeze-and-excite gates: only what a unit sees
  /// without them is given.
  public var isCutAtGates: Bool { window != nil }

  /// Bytes of the values that a forward pass keeps of one picture.
  var bytesOfPicture: Int { projector.walk.bytesKept }

  /// Projects peaks; a picture is run forward once for all its peaks, or for every 256 of them.
  ///
  /// - Parameters:
  ///   - places: The peaks, in any order.
  ///   - input: Makes a picture by its id, on a worker's thread.
  ///   - receive: Called with each projection, a stretch of pictures at a time, on the caller's thread.
  /// - Throws: What `input` and `receive` throw.
  public func project(
    _ places: [Place], input: @escaping @Sendable (_ image: Int) throws -> Tensor?,
    receive: ([(place: Place, projection: PixelProjection)]) throws -> Void
  ) throws {
    let walk = projector.walk
    for stretch in stretches(of: places) {
      let collected = Mutex([(place: Place, evidence: Evidence)]())
      try runner.run(over: 0..<stretch.count, input: { try input(stretch[$0][0].peak.image) }) { trace in
        for (index, number) in trace.images.enumerated() {
          for place in stretch[number] {
            let seed = Seed.activation(unit: place.unit, row: place.peak.row, column: place.peak.column)
            let evidence = try walk.evidence(of: seed, in: trace, at: index)
            collected.withLock { $0.append((place, evidence)) }
          }
        }
      }
      // Arrival order must not decide which seeds share a batch.
      let evidence = collected.withLock { $0 }.sorted {
        ($0.place.unit, $0.place.rank) < ($1.place.unit, $1.place.rank)
      }
      let projections = try projector.project(evidence.map(\.evidence))
      try receive(zip(evidence, projections).map { (place: $0.0.place, projection: cut($0.1, $0.0.place)) })
    }
  }

  private func cut(_ projection: PixelProjection, _ place: Place) -> PixelProjection {
    guard let (rows, columns) = window else { return projection }
    return projection.window(
      top: rows.start(place.peak.row), left: columns.start(place.peak.column), rows: rows.extent,
      columns: columns.extent)
  }

  /// Peaks by picture, in stretches whose evidence and projections fit in memory; one picture always does.
  package func stretches(of places: [Place]) -> [[[Place]]] {
    let ordered = places.sorted { ($0.peak.image, $0.unit, $0.rank) < ($1.peak.image, $1.unit, $1.rank) }
    let cost = projector.walk.bytesHeld
    var stretches: [[[Place]]] = []
    var stretch: [[Place]] = []
    var (count, bytes) = (0, 0)
    for place in ordered {
      let isNewImage = stretch.last?[0].peak.image != place.peak.image
      let more = isNewImage ? cost.byPicture + cost.bySeed : cost.bySeed
      let isFull = isNewImage && !stretch.isEmpty && (stretch.count == mostImages || bytes + more > mostBytes)
      if count == mostPlaces || isFull {
        stretches.append(stretch)
        (stretch, count, bytes) = ([[place]], 1, cost.byPicture + cost.bySeed)
        continue
      }
      if isNewImage { stretch.append([place]) } else { stretch[stretch.count - 1].append(place) }
      count += 1
      bytes += more
    }
    if !stretch.isEmpty { stretches.append(stretch) }
    return stretches
  }
}
