public import Tensors

extension Device {
  /// Joins tensors along an axis.
  ///
  /// - Parameters:
  ///   - parts: At least one; their extents agree but along `axis`.
  ///   - axis: The axis along which they follow each other.
  /// - Returns: The joined tensor.
  /// - Throws: ``KernelError`` where shapes disagree or there is no such axis.
  /// - Note: ONNX Concat.
  public func concatenation(_ parts: [Tensor], axis: Int) throws(KernelError) -> Tensor {
    guard let first = parts.first else {
      throw .shapes(operation: "concatenation", expected: "a tensor or more", found: "none")
    }
    try require(axis: axis, of: first, for: "concatenation")
    for part in parts {
      guard part.shape.rank == first.shape.rank,
        part.shape.dimensions.indices.allSatisfy({ $0 == axis || part.shape[$0] == first.shape[$0] })
      else {
        throw .shapes(
          operation: "concatenation along axis \(axis)", expected: "\(first.shape) but for that axis",
          found: "\(part.shape)")
      }
    }
    var extents = first.shape.dimensions
    extents[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    let outer = extents[..<axis].reduce(1, *)
    let row = extents[axis...].reduce(1, *)
    return unsafe Tensor(uninitialized: Shape(extents)) { target in
      var offset = 0
      for part in parts where part.shape.count > 0 {
        let run = part.shape.count / outer
        unsafe part.withUnsafeElements { source in
          guard let from = source.baseAddress, let to = target.baseAddress else { return }
          for index in 0..<outer {
            unsafe (to + index * row + offset).update(from: from + index * run, count: run)
          }
        }
        offset += run
      }
    }
  }

  /// Copies maps into some channels of others: a part of a concatenation.
  ///
  /// - Parameters:
  ///   - part: Images x rows x columns x channels.
  ///   - target: The same but for its channels, which are more or as many.
  ///   - channel: The first that is written.
  /// - Throws: ``KernelError`` where shapes disagree.
  public func copy(_ part: Tensor, into target: inout Tensor, from channel: Int) throws(KernelError) {
    try requirePart(part.shape, of: target, from: channel)
    let (run, row) = (part.shape.channels, target.shape.channels)
    let positions = run == 0 ? 0 : part.shape.count / run
    unsafe target.withUnsafeMutableElements { target in
      unsafe part.withUnsafeElements { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        for position in 0..<positions {
          unsafe (to + position * row + channel).update(from: from + position * run, count: run)
        }
      }
    }
  }

  func requirePart(_ part: Shape, of target: Tensor, from channel: Int) throws(KernelError) {
    guard part.rank == 4, target.shape.rank == 4,
      part.dimensions.dropLast() == target.shape.dimensions.dropLast(),
      channel >= 0, channel + part.channels <= target.shape.channels
    else {
      throw .shapes(
        operation: "a part of a concatenation",
        expected: "maps of \(target.shape), or fewer channels from \(channel) on",
        found: "\(part)")
    }
  }

  /// Cuts a tensor along an axis into pieces: the transpose of concatenation.
  ///
  /// - Parameters:
  ///   - tensor: Any rank of 1 or more.
  ///   - axis: The axis to cut.
  ///   - sizes: The extent of each piece along it; they add up to the tensor's.
  /// - Returns: The pieces in order.
  /// - Throws: ``KernelError`` where the sizes do not add up or there is no such axis.
  /// - Note: ONNX Split.
  public func splitting(_ tensor: Tensor, axis: Int, sizes: [Int]) throws(KernelError) -> [Tensor] {
    try require(axis: axis, of: tensor, for: "splitting")
    guard sizes.allSatisfy({ $0 >= 0 }), sizes.reduce(0, +) == tensor.shape[axis] else {
      throw .shapes(
        operation: "splitting axis \(axis)", expected: "sizes that add up to \(tensor.shape[axis])",
        found: "\(sizes)")
    }
    let outer = tensor.shape.dimensions[..<axis].reduce(1, *)
    let inner = tensor.shape.dimensions[(axis + 1)...].reduce(1, *)
    let row = tensor.shape[axis] * inner
    var offset = 0
    return sizes.map { size in
      var extents = tensor.shape.dimensions
      extents[axis] = size
      let start = offset
      offset += size * inner
      return unsafe Tensor(uninitialized: Shape(extents)) { target in
        unsafe tensor.withUnsafeElements { source in
          guard let from = source.baseAddress, let to = target.baseAddress else { return }
          for index in 0..<outer {
            unsafe (to + index * size * inner).update(from: from + index * row + start, count: size * inner)
          }
        }
      }
    }
  }
}
