internal import Kernels
internal import Tensors

/// `Resize` and its ancestor `Upsample`.
extension ONNXReader {
  mutating func resize(_ node: ONNXNode) throws {
    let shape = try shape(node, 0).inONNXOrder
    let isOld = node.type == "Upsample" || node.version < 11
    let axes = try resizedAxes(node, rank: shape.rank)
    var extents: [Int: ResamplingRule.Extent] = [:]
    let scales = try node.has("scales") ? node.floats("scales") : known(node, isOld ? 1 : 2)?.floats
    if let scales, !scales.isEmpty {
      guard scales.count == axes.count, scales.allSatisfy({ $0 > 0 && $0 <= 4096 }) else {
        throw Unsupported("scales \(scales) for axes \(axes)")
      }
      for (axis, scale) in zip(axes, scales) where scale != 1 { extents[axis] = .scale(scale) }
    } else if !isOld, let sizes = try known(node, 3)?.integers {
      guard sizes.count == axes.count else { throw Unsupported("sizes \(sizes) for axes \(axes)") }
      for (axis, size) in zip(axes, sizes) where size != shape[axis] {
        guard (1...1 << 20).contains(size) else { throw Unsupported("size \(size) of axis \(axis)") }
        extents[axis] = .size(size)
      }
    } else {
      throw Unsupported("its scales are not constant")
    }
    if node.string("coordinate_transformation_mode", default: "") == "align_corners" {
      // ONNX's text divides by the result's positions, its own cases by what they were before rounding down.
      for case (let axis, .scale(let scale)) in extents {
        let made = Float(shape[axis]) * scale
        guard made == made.rounded() else {
          throw Unsupported(
            "align_corners with a scale of \(scale), which makes no whole number of \(shape[axis])")
        }
      }
    }
    var rule = ResamplingRule(
      method: try method(node, isOld: isOld, extents), coordinates: try coordinates(node, isOld: isOld),
      rows: .scale(1), columns: .scale(1))
    rule.antialiases = try node.integer("antialias", default: 0) != 0
    if case .nearest = rule.method { rule.antialiases = false }
    rule.excludesOutside = try node.integer("exclude_outside", default: 0) != 0
    switch node.string("keep_aspect_ratio_policy", default: "stretch") {
    case "stretch": break
    case "not_larger": rule.proportions = .notLarger
    case "not_smaller": rule.proportions = .notSmaller
    case let other: throw Unsupported("keep_aspect_ratio_policy \(other)")
    }
    if rule.proportions != .stretched {
      // Sizes that happen to be the map's count like any other.
      for (axis, size) in zip(axes, try known(node, 3)?.integers ?? []) where size == shape[axis] {
        extents[axis] = .size(size)
      }
    }
    let boxes = try boxes(node, axes, rule.coordinates)
    for (axis, box) in boxes where box != [0, 1] && extents[axis] == nil {
      extents[axis] = .size(shape[axis])
    }
    guard !extents.isEmpty else { return try unary(node, .identity) }
    if shape.rank == 4, extents.keys.allSatisfy({ $0 >= 2 }) {
      rule.rows = extents[2] ?? .scale(1)
      rule.columns = extents[3] ?? .scale(1)
      if !boxes.isEmpty {
        let (rows, columns) = (boxes[2] ?? [0, 1], boxes[3] ?? [0, 1])
        rule.coordinates = .crop(top: rows[0], left: columns[0], bottom: rows[1], right: columns[1])
      }
      return try chain(node, [.resampling(rule)] + (try filled(rule, node)))
    }
    guard rule.proportions == .stretched, boxes.isEmpty else {
      throw Unsupported("only rows and columns of maps are resized so, not a value of \(shape)")
    }
    try resizeAxisByAxis(node, shape.dimensions, extents, rule)
  }

  private func resizedAxes(_ node: ONNXNode, rank: Int) throws -> [Int] {
    let axes = try node.integers("axes")?.map { try axis($0, rank) } ?? Array(0..<rank)
    guard Set(axes).count == axes.count else { throw Unsupported("axes \(axes)") }
    return axes
  }

  private func method(
    _ node: ONNXNode, isOld: Bool, _ extents: [Int: ResamplingRule.Extent]
  ) throws -> ResamplingRule.Method {
    switch node.string("mode", default: "nearest") {
    case "linear": return .linear
    case "cubic" where !isOld: return .cubic(coefficient: try node.float("cubic_coeff_a", default: -0.75))
    case "nearest" where isOld:
      // Which neighbour a reduction takes was not said then.
      for case .scale(let scale) in extents.values where scale < 1 && (1 / scale) != (1 / scale).rounded() {
        throw Unsupported("a scale of \(scale) by the nearest neighbour before operator set 11")
      }
      return .nearest(.floor)
    case "nearest":
      switch node.string("nearest_mode", default: "round_prefer_floor") {
      case "floor": return .nearest(.floor)
      case "ceil": return .nearest(.ceil)
      case "round_prefer_floor": return .nearest(.preferFloor)
      case "round_prefer_ceil": return .nearest(.preferCeil)
      case let other: throw Unsupported("nearest_mode \(other)")
      }
    case let other: throw Unsupported("mode \(other)")
    }
  }

  private func coordinates(_ node: ONNXNode, isOld: Bool) throws -> ResamplingRule.Coordinates {
    if isOld { return .asymmetric }
    switch node.string("coordinate_transformation_mode", default: "half_pixel") {
    case "half_pixel": return .halfPixel
    case "half_pixel_symmetric": return .halfPixelSymmetric
    case "pytorch_half_pixel": return .torchHalfPixel
    case "align_corners": return .alignedCorners
    case "asymmetric": return .asymmetric
    case "tf_half_pixel_for_nn": return .nearestHalfPixel
    case "tf_crop_and_resize": return .crop(top: 0, left: 0, bottom: 1, right: 1)
    case let other: throw Unsupported("coordinate_transformation_mode \(other)")
    }
  }

  /// For each axis, where its box begins and ends in parts of it; none where boxes are not cut out.
  private func boxes(
    _ node: ONNXNode, _ axes: [Int], _ coordinates: ResamplingRule.Coordinates
  ) throws -> [Int: [Float]] {
    guard case .crop = coordinates else { return [:] }
    guard let ends = try known(node, 1)?.floats, ends.count == 2 * axes.count, ends.allSatisfy(\.isFinite)
    else { throw Unsupported("its box is not two numbers an axis") }
    return Dictionary(
      uniqueKeysWithValues: axes.enumerated().map { ($1, [ends[$0], ends[axes.count + $0]]) })
  }

  /// What adds the value that stands outside the map, where a box hangs over it.
  private func filled(_ rule: ResamplingRule, _ node: ONNXNode) throws -> [Operation] {
    let filler = try node.float("extrapolation_value", default: 0)
    guard case .crop = rule.coordinates, filler != 0 else { return [] }
    let maps = rule.resolved(over: try shape(node, 0))
    let outside = maps.rows.places.flatMap { row in
      maps.columns.places.map { row.isEmpty || $0.isEmpty ? filler : 0 }
    }
    let shape: Shape = [1, maps.rows.places.count, maps.columns.places.count, 1]
    return [.arithmeticWithConstant(.add, Tensor(shape, elements: outside), constantFirst: false)]
  }

  /// Any other axes: each in turn as the rows of maps, what is before it as channels and what is behind as columns.
  private mutating func resizeAxisByAxis(
    _ node: ONNXNode, _ extents: [Int], _ targets: [Int: ResamplingRule.Extent], _ rule: ResamplingRule
  ) throws {
    guard targets[0] == nil else { throw Unsupported("it resizes along images") }
    var (extents, parts): ([Int], [Operation]) = (extents, [])
    for axis in targets.keys.sorted() {
      var rule = rule
      rule.rows = targets[axis] ?? .scale(1)
      let (before, after) = (extents[1..<axis].reduce(1, *), extents[(axis + 1)...].reduce(1, *))
      let map = Shape(images: 1, rows: extents[axis], columns: after, channels: before)
      extents[axis] = rule.output(over: map).rows
      parts += [
        .reshape([0, before, map.rows, after]), .resampling(rule), .reshape([0] + extents.dropFirst()),
      ]
    }
    try chain(node, parts)
  }
}
