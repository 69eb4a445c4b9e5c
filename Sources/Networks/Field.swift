public import Images
internal import Kernels
public import Tensors

/// The positions along one axis of an earlier map that position `p` of a later map depends on:
/// `p * stride + offset` and the `extent - 1` after it, before the map's edges cut them off.
public struct Reach: Hashable, Sendable {
  public var stride: Int
  public var offset: Int
  public var extent: Int

  /// - Parameters:
  ///   - stride: Positions of the earlier map from one position of the later to the next.
  ///   - offset: Where the window of position 0 begins; negative in the padding.
  ///   - extent: How many positions the window covers, 1 or more.
  public init(stride: Int, offset: Int, extent: Int) {
    self.stride = stride
    self.offset = offset
    self.extent = extent
  }

  public static let one = Reach(stride: 1, offset: 0, extent: 1)

  /// The same, one sliding window further down; nil where that is beyond any map.
  func through(_ slide: Slide) -> Reach? {
    guard max(stride, extent, abs(offset)) < 1 << 31 else { return nil }
    return Reach(
      stride: stride * slide.stride, offset: offset * slide.stride - slide.before,
      extent: (extent - 1) * slide.stride + slide.reach)
  }

  /// The same, one resampling further down; nil where its places lie on no grid of whole positions.
  func through(_ map: AxisMap) -> Reach? {
    guard let window = map.window, max(stride, extent, abs(offset)) < 1 << 31 else { return nil }
    return Reach(
      stride: stride * window.stride, offset: offset * window.stride + window.offset,
      extent: (extent - 1) * window.stride + window.extent)
  }

  /// The smallest reach that covers both, or nil where they move at different strides.
  func union(_ other: Reach) -> Reach? {
    guard stride == other.stride else { return nil }
    let first = min(offset, other.offset)
    return Reach(
      stride: stride, offset: first, extent: max(offset + extent, other.offset + other.extent) - first)
  }

  /// The first position for position `p` of the later map.
  public func start(_ position: Int) -> Int { position * stride + offset }
}

/// What part of an earlier value one position of a layer depends on: its receptive field there.
public enum Field: Hashable, Sendable {
  case window(rows: Reach, columns: Reach)
  /// All of it: something between mixes all positions, or the field is as large as the map.
  case whole

  /// The smallest field that covers both; whole where their windows move at different strides.
  func union(_ other: Field) -> Field {
    guard case .window(let rows, let columns) = self, case .window(let otherRows, let otherColumns) = other,
      let joinedRows = rows.union(otherRows), let joinedColumns = columns.union(otherColumns)
    else { return .whole }
    return .window(rows: joinedRows, columns: joinedColumns)
  }
}

extension Reach {
  /// The same positions in a value that is earlier still, seen through `below`; nil where that is beyond any map.
  fileprivate func above(_ below: Reach) -> Reach? {
    guard [stride, extent, abs(offset), below.stride, below.extent].allSatisfy({ $0 < 1 << 31 }) else {
      return nil
    }
    return Reach(
      stride: below.stride * stride, offset: below.offset + below.stride * offset,
      extent: below.extent + below.stride * (extent - 1))
  }
}

extension Field {
  /// This field of a value, in a value that is earlier still and seen through `below`.
  fileprivate func above(_ below: Field) -> Field {
    guard case .window(let rows, let columns) = self, case .window(let rowsBelow, let columnsBelow) = below,
      let rows = rows.above(rowsBelow), let columns = columns.above(columnsBelow)
    else { return .whole }
    return .window(rows: rows, columns: columns)
  }
}

extension Network.Node {
  /// The field in the node's outputs together: the union of those that are reached, or nil where none is.
  package func field(in fields: [String: Field]) -> Field? {
    let reached = outputs.compactMap { fields[$0] }
    return reached.first.map { reached.reduce($0) { $0.union($1) } }
  }
}

extension Network {
  /// The receptive field, in every value below, of one position of the value named.
  ///
  /// Exact where every path has its windows on a grid; a value that is reached at two different strides,
  /// or through an operation that mixes positions, is ``Field/whole``. Once whole, everything below is.
  ///
  /// - Parameters:
  ///   - value: The value whose positions are asked about.
  ///   - shapes: The shape of every value, as ``shapes(inputs:)`` gives them.
  ///   - limitedToMaps: Whether a window at least as large as its map counts as whole.
  ///   - throughGates: Whether paths through a gate count: through a value of one position that a map is multiplied by
  ///     or added to, as squeeze-and-excitation does. With them nearly every layer of such a network depends on the
  ///     whole picture; without them the field is what the layer's windows cover.
  /// - Returns: Fields by value name; values that `value` doesn't depend on are absent.
  public func fields(
    below value: String, shapes: [String: Shape], limitedToMaps: Bool = false, throughGates: Bool = true
  ) -> [String: Field] {
    guard let shape = shapes[value] else { return [:] }
    var fields: [String: Field] = [value: shape.rank == 4 ? .window(rows: .one, columns: .one) : .whole]
    for node in nodes.reversed() {
      guard let above = node.field(in: fields) else { continue }
      let gate = throughGates ? nil : node.operation.gate(among: node.inputs.map { shapes[$0] })
      for (index, input) in node.inputs.enumerated() where index != gate {
        guard let map = shapes[input] else { continue }
        var field =
          gate != nil
          ? above
          : node.operation.field(ofInput: index, under: above, shapes: node.inputs.map { shapes[$0] })
        if let known = fields[input] { field = field.union(known) }
        if limitedToMaps, case .window(let rows, let columns) = field,
          rows.extent >= map.rows && columns.extent >= map.columns
        {
          field = .whole
        }
        fields[input] = field
      }
    }
    if limitedToMaps { return wholeBelowWhole(fields) }
    return fields
  }

  /// The receptive field of every value in the network's first input, in one pass; paths through gates are left out.
  ///
  /// - Parameter shapes: The shape of every value, as ``shapes(inputs:)`` gives them.
  /// - Returns: By value name, the field that ``fields(below:shapes:limitedToMaps:throughGates:)`` gives without gates,
  ///   and whether gates reach further; values that do not depend on the input are absent.
  package func fieldsInInput(_ shapes: [String: Shape]) -> [String: (field: Field, isGated: Bool)] {
    guard let first = inputs.first?.name, let shape = shapes[first] else { return [:] }
    let one = Field.window(rows: .one, columns: .one)
    var fields = [first: (field: shape.rank == 4 ? one : .whole, isGated: false)]
    for node in nodes {
      let extents = node.inputs.map { shapes[$0] }
      let gate = node.operation.gate(among: extents)
      let isMap = shapes[node.outputs[0]]?.rank == 4
      var joined: (field: Field, isGated: Bool)?
      for (index, input) in node.inputs.enumerated() where index != gate {
        guard let below = fields[input] else { continue }
        let here = gate != nil ? one : node.operation.field(ofInput: index, under: one, shapes: extents)
        let field = isMap ? here.above(below.field) : .whole
        joined = (
          joined.map { $0.field.union(field) } ?? field,
          below.isGated || gate != nil || joined?.isGated == true
        )
      }
      for output in node.outputs { fields[output] = joined }
    }
    return fields
  }

  /// A whole value makes everything under it whole, whichever path was walked first.
  private func wholeBelowWhole(_ fields: [String: Field]) -> [String: Field] {
    var fields = fields
    for node in nodes.reversed() where node.outputs.contains(where: { fields[$0] == .whole }) {
      for input in node.inputs where fields[input] != nil { fields[input] = .whole }
    }
    return fields
  }

  /// The receptive field of a position of a layer in the network's input, clipped to it.
  public func receptiveField(_ field: Field, row: Int, column: Int, input: Shape) -> Box {
    guard case .window(let rows, let columns) = field else {
      return Box(top: 0, left: 0, bottom: input.rows, right: input.columns)
    }
    let top = rows.start(row)
    let left = columns.start(column)
    return Box(
      top: min(max(top, 0), input.rows), left: min(max(left, 0), input.columns),
      bottom: max(min(top + rows.extent, input.rows), 0),
      right: max(min(left + columns.extent, input.columns), 0))
  }
}

extension Operation {
  /// Which of two inputs is a gate: a value of one position, spread over the other's map; nil where neither is.
  fileprivate func gate(among shapes: [Shape?]) -> Int? {
    guard case .arithmetic = self, shapes.count == 2, shapes.allSatisfy({ $0?.rank == 4 }) else { return nil }
    let places = shapes.map { ($0?.rows ?? 0) * ($0?.columns ?? 0) }
    return places[0] == places[1] ? nil : places.firstIndex(of: 1)
  }

  /// The field in one input, given the field in the output.
  package func field(ofInput index: Int, under above: Field, shapes: [Shape?]) -> Field {
    guard case .window(let rows, let columns) = above, let map = shapes[index], map.rank == 4 else {
      return .whole
    }
    switch self {
    case .convolution(let convolution):
      return slid(convolution.rule.resolved(over: map), rows, columns)
    case .maxPooling(let rule), .averagePooling(let rule, _):
      return slid(rule.resolved(over: map), rows, columns)
    case .localResponseNormalization, .batchNormalization, .activation, .parametricRelu, .dropout, .identity:
      return above
    case .arithmeticWithConstant(let arithmetic, let constant, _):
      let extents = Array(constant.shape.dimensions.suffix(3).dropLast())
      switch arithmetic {
      case .add, .subtract:
        // A constant with more rows than the map would repeat positions of the map.
        return zip(extents, [map.rows, map.columns].suffix(extents.count)).contains { $0 > $1 }
          ? .whole : above
      case .multiply, .divide, .minimum, .maximum, .power, .select, .greater, .greaterOrEqual, .equal:
        // A factor of its own for each position would have to be cut with the window.
        return extents.contains { $0 > 1 } ? .whole : above
      }
    case .resampling(let rule):
      let maps = rule.resolved(over: map)
      guard let rows = rows.through(maps.rows), let columns = columns.through(maps.columns) else {
        return .whole
      }
      return .window(rows: rows, columns: columns)
    case .softmax(let axis), .logSoftmax(let axis), .concatenation(let axis), .split(let axis, _),
      .gathering(let axis, _):
      return axis == 3 ? above : .whole
    case .arithmetic:
      let same = shapes.allSatisfy { $0?.rank == 4 && $0?.rows == map.rows && $0?.columns == map.columns }
      return same ? above : .whole
    case .padding(let before, _, .constant):
      return .window(
        rows: Reach(stride: rows.stride, offset: rows.offset - before[1], extent: rows.extent),
        columns: Reach(stride: columns.stride, offset: columns.offset - before[2], extent: columns.extent))
    case .slice(let starts, let stops, let steps)
    where starts[1] == 0 && starts[2] == 0 && stops[1] >= map.rows && stops[2] >= map.columns
      && steps[1...2] == [1, 1]:
      return above
    case .average(let axes, keepsAxes: true) where axes.allSatisfy({ $0 == 3 }):
      return above
    case .innerProduct:
      return above
    case .padding, .globalAveragePooling, .globalMaxPooling, .matrixProduct, .slice, .average,
      .flatten, .reshape, .transposition:
      return .whole
    }
  }

  private func slid(_ sliding: Sliding, _ rows: Reach, _ columns: Reach) -> Field {
    guard let rows = rows.through(sliding.rows), let columns = columns.through(sliding.columns) else {
      return .whole
    }
    return .window(rows: rows, columns: columns)
  }
}
