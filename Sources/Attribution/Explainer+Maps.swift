internal import Execution
internal import Kernels
internal import Networks
package import Tensors

/// Methods that give one number a position: of a layer's maps, or of what hiding parts does.
extension Explainer {
  // MARK: Cameras

  /// The last value with several positions that what is explained is computed from.
  func lastMaps() throws -> String {
    let shapes = try network.shapes(inputs: [network.inputs[0].name: try network.inputShape(images: 1)])
    var needed: Set = [target.value]
    var last: String?
    for node in network.nodes.reversed() where node.outputs.contains(where: needed.contains) {
      needed.formUnion(node.inputs)
      guard last == nil, let shape = shapes[node.outputs[0]], shape.rank == 4, shape.rows * shape.columns > 1,
        node.outputs[0] != target.value
      else { continue }
      last = node.outputs[0]
    }
    guard let last else { throw AttributionError.noMaps(of: target.value) }
    return last
  }

  func map(of input: Tensor, by camera: Method.Camera, _ settings: Settings) throws -> Explanation {
    let (grid, layer, score) = try grid(of: input, by: camera, settings)
    return Explanation(values: placed(grid, of: layer, in: input.shape), score: score)
  }

  /// A class activation map at its layer's own positions, rows x columns, before it is placed on pixels.
  ///
  /// - Throws: ``AttributionError/noMaps(of:)``, also for a method that is none of a layer's maps.
  package func grid(of input: Tensor, by method: Method, _ settings: Settings) throws -> Tensor {
    guard case .camera(let camera) = method.kind else { throw AttributionError.noMaps(of: method.rawValue) }
    return try grid(of: input, by: camera, settings).grid
  }

  private func grid(
    of input: Tensor, by camera: Method.Camera, _ settings: Settings
  ) throws -> (grid: Tensor, layer: String, score: Float) {
    let layer = try settings.layer ?? lastMaps()
    let way = try way("maps", network, to: layer, keeping: [layer], .fastest) { .gradient }
    var found: (grid: Tensor, score: Float)?
    try carry(1, at: nil, way, kept: [layer], input: { _ in input }) { _, carried in
      guard let kept = carried.kept[layer], kept.shape.rank == 4, kept.shape.rows * kept.shape.columns > 1
      else { return }
      let (rows, columns, channels) = (kept.shape.rows, kept.shape.columns, kept.shape.channels)
      let (values, slopes) = (kept.elements, carried.signal.elements)
      var weights = [Float](repeating: 0, count: channels)
      for (index, slope) in slopes.enumerated() { weights[index % channels] += slope / Float(rows * columns) }
      let map = (0..<rows * columns).map { place -> Float in
        (0..<channels).reduce(0) { sum, channel in
          let (value, slope) = (values[place * channels + channel], slopes[place * channels + channel])
          switch camera {
          case .means: return sum + weights[channel] * value
          case .each: return sum + slope * value
          case .positive: return sum + max(slope, 0) * value
          }
        }
      }
      found = (Tensor([rows, columns], elements: map), carried.score)
    }
    guard let found else { throw AttributionError.noMaps(of: layer) }
    return (found.grid, layer, found.score)
  }

  /// A layer's map on the input's pixels: each position's value at the middle of what it sees, linear between.
  ///
  /// A plain enlargement puts values beside what they are of, where windows are not centred.
  func placed(_ map: Tensor, of layer: String, in input: Shape) -> Tensor {
    let shapes = (try? network.shapes(inputs: [network.inputs[0].name: input])) ?? [:]
    let field =
      network.fields(below: layer, shapes: shapes, throughGates: false)[network.inputs[0].name] ?? .whole
    let (rows, columns) = (map.shape[0], map.shape[1])
    func places(_ reach: Reach?, _ count: Int, _ extent: Int) -> [Float] {
      guard let reach, count > 1, reach.start(1) > reach.start(0) else {
        return (0..<extent).map { (Float($0) + 0.5) * Float(count) / Float(extent) - 0.5 }
      }
      let (first, step) = (
        Float(reach.start(0)) + Float(reach.extent - 1) / 2, Float(reach.start(1) - reach.start(0))
      )
      return (0..<extent).map { (Float($0) - first) / step }
    }
    let reaches: (rows: Reach, columns: Reach)? =
      if case .window(let rows, let columns) = field { (rows, columns) } else { nil }
    let (down, across) = (
      places(reaches?.rows, rows, input.rows), places(reaches?.columns, columns, input.columns)
    )
    return map.sampled(down, across)
  }

  // MARK: Hiding parts

  /// RISE: the mean score of random masks, at each place of those that show it.
  ///
  /// - Note: Petsiuk et al. 2018 (BMVC); divided by how often masks showed a place, not by how often they should have.
  func masked(
    _ input: Tensor, _ settings: Settings, _ show: (Int, Int) throws -> Void
  ) throws -> Explanation {
    let count = settings.points ?? 4000
    let (rows, columns, channels) = (input.shape.rows, input.shape.columns, input.shape.channels)
    let (cells, seed) = (settings.cells, settings.seed)
    let (values, hidden) = (input.elements, settings.baseline.elements)
    @Sendable func mask(_ number: Int) -> [Float] {
      var generator = SeededGenerator(mixing: [seed, UInt64(number)])
      let grid = Tensor(
        [cells + 1, cells + 1],
        elements: (0..<(cells + 1) * (cells + 1)).map { _ in Bool.random(using: &generator) ? 1 : 0 })
      func places(_ extent: Int) -> [Float] {
        let cell = (Float(extent) / Float(cells)).rounded(.up)
        let shift = Float(Int.random(in: 0..<max(Int(cell), 1), using: &generator))
        return (0..<extent).map { (Float($0) + shift + 0.5) / cell - 0.5 }
      }
      return grid.sampled(places(rows), places(columns)).elements
    }
    let whole = try scores(1, at: nil) { _ in input }[0]
    let places = rows * columns
    var (sum, shown) = ([Double](repeating: 0, count: places), [Double](repeating: 0, count: places))
    let stretch = 128
    for start in stride(from: 0, to: count, by: stretch) {
      let some = min(stretch, count - start)
      let masks = try Pool.map(over: start..<start + some, threads: threads) { mask($0) }
      let found = try scores(some, at: nil, from: start) { number in
        let mask = masks[number - start]
        return Tensor(
          input.shape,
          elements: values.indices.map { hidden[$0] + mask[$0 / channels] * (values[$0] - hidden[$0]) })
      }
      // Each thread adds up a part of the positions, over the masks in order.
      let (before, parts) = ((sum, shown), threads)
      let added = try Pool.map(over: 0..<parts, threads: threads) { part in
        let range = places * part / parts..<places * (part + 1) / parts
        var (sums, shares) = (Array(before.0[range]), Array(before.1[range]))
        for (mask, score) in zip(masks, found) {
          for index in sums.indices {
            let visible = mask[range.lowerBound + index]
            sums[index] += Double(score * visible)
            shares[index] += Double(visible)
          }
        }
        return (sums, shares)
      }
      (sum, shown) = (added.flatMap(\.0), added.flatMap(\.1))
      try show(start + some, count)
    }
    let means = zip(sum, shown).map { $1 > 0 ? Float($0 / $1) : 0 }
    return Explanation(values: Tensor([rows, columns], elements: means), score: whole, points: count)
  }

  /// Occlusion: how far the score falls, at each place the mean over the squares that hide it.
  ///
  /// - Note: Zeiler & Fergus 2014, section 4.2.
  func occluded(
    _ input: Tensor, _ settings: Settings, _ show: (Int, Int) throws -> Void
  ) throws -> Explanation {
    let (rows, columns) = (input.shape.rows, input.shape.columns)
    let side = min(rows, columns)
    let (size, stride) = settings.square ?? (max(1, side * 22 / 100), max(1, side / 20))
    guard (1...side).contains(size), stride > 0 else { throw AttributionError.square(size: size, side: side) }
    let (down, across) = (
      Array(Swift.stride(from: 0, through: rows - size, by: stride)),
      Array(Swift.stride(from: 0, through: columns - size, by: stride))
    )
    let places = down.flatMap { row in across.map { (row, $0) } }
    let cover = settings.cover
    let whole = try scores(1, at: nil) { _ in input }[0]
    var (sum, covered) = (
      [Double](repeating: 0, count: rows * columns), [Double](repeating: 0, count: rows * columns)
    )
    for start in Swift.stride(from: 0, to: places.count, by: 128) {
      let some = min(128, places.count - start)
      let found = try scores(some, at: nil, from: start) { number in
        let (row, column) = places[number]
        return input.covered(rows: row..<row + size, columns: column..<column + size, by: cover)
      }
      for (index, score) in found.enumerated() {
        let (top, left) = places[start + index]
        for row in top..<top + size {
          for column in left..<left + size {
            sum[row * columns + column] += Double(whole - score)
            covered[row * columns + column] += 1
          }
        }
      }
      try show(start + some, places.count)
    }
    let falls = zip(sum, covered).map { $1 > 0 ? Float($0 / $1) : 0 }
    return Explanation(values: Tensor([rows, columns], elements: falls), score: whole, points: places.count)
  }
}

extension Tensor {
  /// A table of numbers read between its rows and columns, linearly; beyond its edges as at them.
  fileprivate func sampled(_ down: [Float], _ across: [Float]) -> Tensor {
    let (rows, columns) = (shape[0], shape[1])
    let values = elements
    func between(_ place: Float, _ count: Int) -> (Int, Int, Float) {
      let place = min(max(place, 0), Float(count - 1))
      let low = min(Int(place), count - 1)
      return (low, min(low + 1, count - 1), place - Float(low))
    }
    let steps = across.map { between($0, columns) }
    var sampled: [Float] = []
    sampled.reserveCapacity(down.count * across.count)
    for row in down {
      let (above, below, share) = between(row, rows)
      for (left, right, part) in steps {
        let top = values[above * columns + left] * (1 - part) + values[above * columns + right] * part
        let bottom = values[below * columns + left] * (1 - part) + values[below * columns + right] * part
        sampled.append(top * (1 - share) + bottom * share)
      }
    }
    return Tensor([down.count, across.count], elements: sampled)
  }

  /// A part of an input replaced by the same part of another.
  fileprivate func covered(rows: Range<Int>, columns: Range<Int>, by cover: Tensor) -> Tensor {
    var covered = self
    let (width, channels) = (shape.columns, shape.channels)
    let other = cover.elements
    covered.withMutableSpan { elements in
      for row in rows {
        for index in (row * width + columns.lowerBound) * channels..<(row * width + columns.upperBound)
          * channels
        {
          elements[index] = other[index]
        }
      }
    }
    return covered
  }
}
