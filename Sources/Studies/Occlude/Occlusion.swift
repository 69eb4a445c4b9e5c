internal import Execution
internal import Images
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

    /// The input and cover, 1 x rows x columns x channels each, and the class watched.
    public init(name: String = "an image", input: Tensor, cover: Tensor, label: Int? = nil) {
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
  /// Positions between two calls of `show`, and of one batch of fully connected layers.
  private let stretch = 128

  /// - Parameters:
  ///   - network: The network.
  ///   - layers: Layers whose strongest map is watched.
  ///   - threads: How many positions are computed side by side.
  ///   - cancellation: Asked before each operation of a pass.
  /// - Throws: `NetworkError` where a value is not known, or `KernelError` where oneDNN cannot start.
  public init(
    _ network: Network, layers: [(name: String, value: String)], threads: Int,
    cancellation: Cancellation = .never
  ) throws {
    head = try network.classHead()
    self.layers = layers
    runner = try Runner(
      network, keeping: layers.map(\.value) + [head?.scores].compactMap { $0 }, threads: threads,
      cancellation: cancellation)
  }

  /// Sweeps a square over pictures.
  ///
  /// The square stands at every multiple of the stride at which it lies inside the picture.
  ///
  /// - Parameters:
  ///   - subjects: The pictures, all of one shape.
  ///   - size: The square's side in pixels of the network's input.
  ///   - stride: Pixels between neighbouring positions.
  ///   - show: Called with the positions done between batches; what it throws ends the sweep.
  /// - Returns: A result a picture, in order.
  /// - Throws: ``StudyError`` where a square or a class does not fit or values are not finite, `KernelError` where a picture
  ///   does not fit the network, or what `show` throws.
  public func sweep(
    _ subjects: [Subject], size: Int, stride: Int, show: (_ done: Int) throws -> Void = { _ in }
  ) throws -> [Sweep] {
    guard let shape = subjects.first?.input.shape else { return [] }
    let places = try OcclusionPlaces(size: size, stride: stride, over: shape)
    let readings = Mutex([Int: Reading]())
    let (layers, scores, first) = (layers, head?.scores, subjects.count)
    // The pictures unoccluded come first, and say which map of each layer is watched.
    let total = first * (places.count + 1)
    var units: [[Int]]?
    var start = 0
    while start < total {
      if start > 0 { try show(start - first) }
      let end = start == 0 ? first : min(start + stretch, total)
      try runner.run(
        over: start..<end,
        input: { number in
          if number < first { return subjects[number].input }
          let (subject, place) = (number - first).quotientAndRemainder(dividingBy: places.count)
          return subjects[subject].input.masked(places.box(at: place), with: subjects[subject].cover)
        }
      ) { [units] trace in
        for (index, number) in trace.images.enumerated() {
          let subject = number < first ? number : (number - first) / places.count
          let reading = try Reading(
            trace, at: index, layers, units: units?[subject], scores, subjects[subject].name)
          readings.withLock { $0[number, default: Reading()].add(reading) }
        }
      }
      if units == nil {
        units = readings.withLock { found in
          (0..<first).map { subject in layers.map { found[subject]?.totals[$0.value]?.argmax ?? 0 } }
        }
      }
      start = end
    }
    try show(total - first)
    let all = readings.withLock { $0 }
    return try subjects.indices.map { subject in
      let swept = (0..<places.count).map { all[first + subject * places.count + $0] ?? Reading() }
      return try result(subjects[subject], all[subject] ?? Reading(), swept, units?[subject] ?? [], places)
    }
  }

  private func result(
    _ subject: Subject, _ base: Reading, _ swept: [Reading], _ units: [Int], _ places: OcclusionPlaces
  ) throws -> Sweep {
    var map = OcclusionMap(rows: places.rows, columns: places.columns, size: places.size)
    for (layer, unit) in zip(layers, units) {
      let base = base.totals[layer.value]?[unit] ?? 0
      map.maps[layer.name] = OcclusionMap.UnitMap(
        unit: unit, base: base, total: places.grid(swept.map { $0.totals[layer.value]?.first ?? 0 }))
    }
    guard let head, !base.scores.isEmpty else { return Sweep(map: map, scores: nil) }
    let count = base.scores.count
    let probabilities = try head.probabilities(of: Tensor([1, count], elements: base.scores)).elements
    let top = probabilities.argmax
    let label = subject.label ?? top
    guard (0..<count).contains(label) else { throw StudyError(noClass: label, of: count) }
    let scores = Tensor([swept.count, count], elements: swept.flatMap(\.scores))
    let hidden = try head.probabilities(of: scores).elements
    map.label = label
    map.base = OcclusionMap.Base(probability: probabilities[label], label: top)
    map.probability = places.grid((0..<swept.count).map { hidden[$0 * count + label] })
    map.labels = places.grid((0..<swept.count).map { Array(hidden[$0 * count..<($0 + 1) * count]).argmax })
    return Sweep(map: map, scores: scores.reshaped(to: [places.rows.count, places.columns.count, count]))
  }
}

/// What one forward pass leaves of a sweep.
private struct Reading: Sendable {
  /// The spatial sums by value: of every unit, or of the one watched.
  var totals: [String: [Float]] = [:]
  var scores: [Float] = []

  init() {}

  /// Takes in what another trace of the same picture holds: fully connected layers may come in one of their own.
  mutating func add(_ other: Reading) {
    totals.merge(other.totals) { one, _ in one }
    if scores.isEmpty { scores = other.scores }
  }

  /// - Throws: ``StudyError`` where a score or a watched map is not finite.
  init(
    _ trace: Trace, at index: Int, _ layers: [(name: String, value: String)], units: [Int]?,
    _ scores: String?, _ picture: String
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
        watched.map { unit in
          // In double precision, so that the sum does not depend on the map's size.
          var sum = 0.0
          for place in stride(from: index * each + unit, to: (index + 1) * each, by: channels) {
            sum += Double(elements[place])
          }
          return Float(sum)
        }
      }
      guard totals[layer.value]?.allSatisfy(\.isFinite) == true else {
        throw StudyError(notFinite: layer.value, in: picture)
      }
    }
  }
}

/// Where an occluder stands, checked once.
struct OcclusionPlaces: Sendable {
  let size: Int
  /// The top of each position down, and the left of each across.
  let rows: [Int]
  let columns: [Int]

  init(size: Int, stride step: Int, over input: Shape) throws(StudyError) {
    guard step > 0 else { throw StudyError("a stride of \(step) pixels leads nowhere. Give 1 or more.") }
    guard size > 0, size <= input.rows, size <= input.columns else {
      throw StudyError(
        "an occluder of \(size) pixels does not fit into the network's input of \(input.rows) x \(input.columns). "
          + "Give a size from 1 to \(min(input.rows, input.columns)).")
    }
    self.size = size
    rows = Array(stride(from: 0, through: input.rows - size, by: step))
    columns = Array(stride(from: 0, through: input.columns - size, by: step))
  }

  var count: Int { rows.count * columns.count }

  func box(at place: Int) -> Box {
    let (top, left) = (rows[place / columns.count], columns[place % columns.count])
    return Box(top: top, left: left, bottom: top + size, right: left + size)
  }

  /// Values by place as rows of columns.
  func grid<Value>(_ values: [Value]) -> [[Value]] {
    rows.indices.map { Array(values[$0 * columns.count..<($0 + 1) * columns.count]) }
  }
}
