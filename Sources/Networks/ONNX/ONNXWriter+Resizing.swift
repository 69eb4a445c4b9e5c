internal import ONNXMessages
internal import Tensors

extension ResamplingRule {
  /// Whether operator sets before 19 cannot say it.
  var isRecent: Bool {
    if antialiases || coordinates == .halfPixelSymmetric { return true }
    if case (.scale, .scale) = (rows, columns) { return false }
    return true
  }
}

extension ONNXWriter {
  /// A resizing: one node, or one for rows and one for columns where only one of them has its size given.
  mutating func add(_ rule: ResamplingRule, _ node: Network.Node) {
    let (name, attributes) = (node.name, attributes(rule))
    var box: [Float] = [0, 0, 1, 1]
    if case .crop(let top, let left, let bottom, let right) = rule.coordinates {
      box = [top, left, bottom, right]
    }
    let isCropped = box != [0, 0, 1, 1]
    if case (.scale(let rows), .scale(let columns)) = (rule.rows, rule.columns) {
      let ends = Tensor([8], elements: [0, 0] + box[..<2] + [1, 1] + box[2...])
      let read = [
        node.inputs[0], isCropped ? weights(name + ".box", ends) : "",
        weights(name + ".scales", Tensor([4], elements: [1, 1, rows, columns])),
      ]
      return emit("Resize", name, read, node.outputs, attributes)
    }
    if case (.size(let rows), .size(let columns)) = (rule.rows, rule.columns) {
      let read = [
        node.inputs[0], isCropped ? weights(name + ".box", Tensor([4], elements: box)) : "", "",
        integers(name + ".sizes", [rows, columns]),
      ]
      return emit("Resize", name, read, node.outputs, attributes + [attribute("axes", [2, 3])])
    }
    let between = node.outputs[0] + ".rows"
    for (axis, extent) in [rule.rows, rule.columns].enumerated() {
      let part = "\(name).\(axis == 0 ? "rows" : "columns")"
      let ends = Tensor([2], elements: [box[axis], box[axis + 2]])
      var read = [axis == 0 ? node.inputs[0] : between, isCropped ? weights(part + ".box", ends) : ""]
      switch extent {
      case .scale(let scale): read.append(weights(part + ".scale", Tensor([1], elements: [scale])))
      case .size(let size): read += ["", integers(part + ".size", [size])]
      }
      emit(
        "Resize", axis == 0 ? part : name, read, axis == 0 ? [between] : node.outputs,
        attributes + [attribute("axes", [2 + axis])])
    }
  }

  private func attributes(_ rule: ResamplingRule) -> [Onnx_AttributeProto] {
    let coordinates =
      switch rule.coordinates {
      case .halfPixel: "half_pixel"
      case .halfPixelSymmetric: "half_pixel_symmetric"
      case .torchHalfPixel: "pytorch_half_pixel"
      case .alignedCorners: "align_corners"
      case .asymmetric: "asymmetric"
      case .nearestHalfPixel: "tf_half_pixel_for_nn"
      case .crop: "tf_crop_and_resize"
      }
    var list = [attribute("coordinate_transformation_mode", coordinates)]
    switch rule.method {
    case .nearest(let rounding):
      let name =
        switch rounding {
        case .floor: "floor"
        case .ceil: "ceil"
        case .preferFloor: "round_prefer_floor"
        case .preferCeil: "round_prefer_ceil"
        }
      list += [attribute("mode", "nearest"), attribute("nearest_mode", name)]
    case .linear: list.append(attribute("mode", "linear"))
    case .cubic(let coefficient):
      list += [attribute("mode", "cubic"), attribute("cubic_coeff_a", coefficient)]
    }
    if rule.antialiases { list.append(attribute("antialias", 1)) }
    if rule.excludesOutside { list.append(attribute("exclude_outside", 1)) }
    switch rule.proportions {
    case .stretched: break
    case .notLarger: list.append(attribute("keep_aspect_ratio_policy", "not_larger"))
    case .notSmaller: list.append(attribute("keep_aspect_ratio_policy", "not_smaller"))
    }
    return list
  }
}
