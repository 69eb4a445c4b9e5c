internal import Execution
internal import Kernels
public import Networks
internal import Synchronization
public import Tensors

/// What a network makes of a picture while a square hides each part of it in turn (the paper's figure 7).
///
/// One sweep gives everything: by position of the square, the total activation of feature maps, the probability of a
/// class, the most probable label and all class scores. Every position is computed in full; positions of many
/// pictures share batches; of each position only its totals and its class scores are kept.
public struct Occlusion {
  /// A picture to sweep, prepared for the network.
  public struct Subject: Sendable {
    /// What a message calls it.
    public var name: String
    /// 1 x rows x columns x channels.
    public var input: Tensor
    /// What the square shows, of the input's shape: the square is cut from it where it stands.
    public var cover: Tensor
    /// The class watched; nil for the one most probable in the unoccluded picture.
    public var label: Int?

    public init(name: String = "a picture", input: Tensor, cover: Tensor, label: Int? = nil) {
      self.name = name
      precondition(input.shape == cover.shape, "a cover of \(cover.shape) for an input of \(input.shape)")
      self.input = input
      self.cover = cover
      self.label = label
    }
  }

  /// A sweep's result, with the class scores it was made from.
  public struct Sweep: Sendable {
    public var map: OcclusionMap
    /// Positions down x positions across x classes; nil where the network classifies nothing.
    public var scores: Tensor?
  }

  private let runner: Runner
  private let layers: [(name: String, value: String)]
  private let head: ClassHead?
  /// Positions between two calls of `observe`, and of one batch of fully connected layers.
  private let stretch = 128

  /// - Parameters:
  ///   - network: The network.
  ///   - layers: Layers whose strongest map is watched.
  ///   - threads: How many positions are computed side by side.
  /// - Throws: `NetworkError` where a value is not known, or `KernelError` where oneDNN cannot start.
  public init(_ network: Network, layers: [(name: String, value: String)], threads: Int) throws {
    head = try network.classHead()
    self.layers = layers
    runner = try Runner(
      network, keeping: layers.map(\.value) + [head?.scores].compactMap { $0 }, threads: threads)
  }

  /// How many positions a square takes over an input.
  ///
  /// - Throws: ``OcclusionError`` where it takes none.
  public static func positions(size: Int, stride: Int, over input: Shape) throws(OcclusionError) -> Int {
    try OcclusionPlaces(size: size, stride: stride, rows: input.rows, columns: input.columns).count
  }

  /// Sweeps a square over pictures.
  ///
  /// The square stands at every multiple of the stride at which it lies inside the picture.
  ///
  /// - Parameters:
  ///   - subjects: The pictures, all of one shape.
  ///   - size: The square's side in pixels of the network's input.
  ///   - stride: Pixels between neighbouring positions.
  ///   - observe: Called with the positions done between batches; returning false ends the sweep.
  /// - Returns: A result a picture, in order; nil where `observe` ended the sweep.
  /// - Throws: ``OcclusionError``, ``StudyError`` where values are not finite, or `KernelError` where a picture does not
  ///   fit the network.
  public func sweep(
    _ subjects: [Subject], size: Int, stride: Int,
    observe: (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws -> [Sweep]? {
    guard let shape = subjects.first?.input.shape else { return [] }
    let places = try OcclusionPlaces(size: size, stride: stride, rows: shape.rows, columns: shape.columns)
    // Place 0 of each picture is the picture unoccluded.
    let total = subjects.count * (places.count + 1)
    let readings = Mutex([Int: Reading]())
    let (layers, scores) = (layers, head?.scores)
    try runner.run(over: subjects.indices, input: { subjects[$0].input }) { trace in
      for (index, number) in trace.images.enumerated() {
        let reading = try Reading(trace, at: index, layers, units: nil, scores, subjects[number].name)
        readings.withLock { $0[number] = reading }
      }
    }
    let bases = readings.withLock { found in subjects.indices.map { found[$0] ?? Reading() } }
    let units = bases.map { base in layers.map { base.totals[$0.value]?.strongest ?? 0 } }
    var start = subjects.count
    while start < total {
      guard observe(start, total) else { return nil }
      let end = min(start + stretch, total)
      let first = subjects.count
      try runner.run(
        over: start..<end,
        input: { index in
          let (subject, place) = (index - first).quotientAndRemainder(dividingBy: places.count)
          return subjects[subject].hidden(at: places.corner(place), size: size)
        }
      ) { trace in
        for (index, number) in trace.images.enumerated() {
          let subject = (number - first) / places.count
          let reading = try Reading(
            trace, at: index, layers, units: units[subject], scores, subjects[subject].name)
          readings.withLock { $0[number] = reading }
        }
      }
      start = end
    }
    _ = observe(total, total)
    let all = readings.withLock { $0 }
    return try subjects.indices.map { subject in
      let swept = (0..<places.count).map { all[subjects.count + subject * places.count + $0] ?? Reading() }
      return try result(subjects[subject], bases[subject], swept, units[subject], places)
    }
  }

  private func result(
    _ subject: Subject, _ base: Reading, _ swept: [Reading], _ units: [Int], _ places: OcclusionPlaces
  ) throws -> Sweep {
    var map = OcclusionMap(rows: places.rows, columns: places.columns, size: places.size)
    for (layer, unit) in zip(layers, units) {
      let base = base.totals[layer.value]?.values[unit] ?? 0
      map.maps[layer.name] = OcclusionMap.UnitMap(
        unit: unit, base: base, total: places.grid(swept.map { $0.totals[layer.value]?.values.first ?? 0 }))
    }
    guard let head, !base.scores.isEmpty else { return Sweep(map: map, scores: nil) }
    let count = base.scores.count
    let probabilities = try head.probabilities(of: Tensor([1, count], elements: base.scores)).elements
    let top = probabilities.argmax
    let label = subject.label ?? top
    guard (0..<count).contains(label) else { throw OcclusionError.unknownClass(index: label, classes: count) }
    let scores = Tensor([swept.count, count], elements: swept.flatMap(\.scores))
    let hidden = try head.probabilities(of: scores).elements
    map.label = label
    map.base = OcclusionMap.Base(probability: probabilities[label], label: top)
    map.probability = places.grid((0..<swept.count).map { hidden[$0 * count + label] })
    map.labels = places.grid(
      (0..<swept.count).map { Array(hidden[$0 * count..<($0 + 1) * count]).argmax })
    return Sweep(map: map, scores: scores.reshaped(to: [places.rows.count, places.columns.count, count]))
  }
}

/// What one forward pass leaves of a sweep.
private struct Reading: Sendable {
  struct Totals: Sendable {
    /// The spatial sums: of every unit, or of the one watched.
    var values: [Float]
    var strongest: Int { values.argmax }
  }

  var totals: [String: Totals] = [:]
  var scores: [Float] = []

  init() {}

  /// - Throws: ``StudyError`` where a score or a watched map is not finite.
  init(
    _ trace: Trace, at index: Int, _ layers: [(name: String, value: String)], units: [Int]?,
    _ scores: String?,
    _ picture: String
  ) throws(StudyError) {
    if let scores, let values = trace[scores] {
      self.scores = values.slices(index..<index + 1).elements
      guard self.scores.allSatisfy(\.isFinite) else { throw StudyError(notFinite: scores, in: picture) }
    }
    for (number, layer) in layers.enumerated() {
      guard let maps = trace[layer.value] else { continue }
      let channels = maps.shape.dimensions.last ?? 1
      let each = maps.shape.count / max(maps.shape[0], 1)
      let watched = units.map { $0[number]..<$0[number] + 1 } ?? 0..<channels
      totals[layer.value] = maps.withSpan { elements in
        Totals(
          values: watched.map { unit in
            // In double precision, so that the sum does not depend on the map's size.
            var sum = 0.0
            for place in stride(from: index * each + unit, to: (index + 1) * each, by: channels) {
              sum += Double(elements[place])
            }
            return Float(sum)
          })
      }
      guard totals[layer.value]?.values.allSatisfy(\.isFinite) == true else {
        throw StudyError(notFinite: layer.value, in: picture)
      }
    }
  }
}

extension Occlusion.Subject {
  /// The input with the square at a corner cut from the cover.
  fileprivate func hidden(at corner: (row: Int, column: Int), size: Int) -> Tensor {
    var hidden = input
    let (columns, channels) = (input.shape.columns, input.shape.channels)
    hidden.withMutableSpan { target in
      cover.withSpan { source in
        for row in corner.row..<corner.row + size {
          let line = (row * columns + corner.column) * channels
          for index in line..<line + size * channels { target[index] = source[index] }
        }
      }
    }
    return hidden
  }
}

/// Where an occluder stands, checked once.
struct OcclusionPlaces: Sendable {
  let size: Int
  /// The top of each position down, and the left of each across.
  let rows: [Int]
  let columns: [Int]

  init(size: Int, stride step: Int, rows: Int, columns: Int) throws(OcclusionError) {
    guard step > 0 else { throw .stride(step) }
    guard size > 0, size <= rows, size <= columns else {
      throw .size(size: size, rows: rows, columns: columns)
    }
    self.size = size
    self.rows = Array(stride(from: 0, through: rows - size, by: step))
    self.columns = Array(stride(from: 0, through: columns - size, by: step))
  }

  var count: Int { rows.count * columns.count }

  func corner(_ place: Int) -> (row: Int, column: Int) {
    (rows[place / columns.count], columns[place % columns.count])
  }

  /// Values by place as rows of columns.
  func grid<Value>(_ values: [Value]) -> [[Value]] {
    rows.indices.map { Array(values[$0 * columns.count..<($0 + 1) * columns.count]) }
  }
}
