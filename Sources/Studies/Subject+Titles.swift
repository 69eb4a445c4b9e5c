internal import Networks

extension Subject {
  /// What a person calls the model: its file's name without the ending.
  var title: String { name.hasSuffix(".onnx") ? String(name.dropLast(5)) : name }

  /// What a figure calls a layer.
  func title(of layer: StudiedLayer) -> String {
    let node = layers.first { $0.name == layer.name }?.node ?? layer.name
    return layerTitle(layer.name, node: node, featureMaps: layer.value)
  }
}

/// A layer's name, and beside it the file's own name of its feature maps where the other is a number of ours or of the
/// exporter's, as `conv26 (conv10)` and `conv1_2 (conv1)`.
package func layerTitle(_ name: String, node: String, featureMaps value: String) -> String {
  let isNumbered = name != node && name.wholeMatch(of: /(conv|pool|fc)[0-9]+/) != nil
  // Exporters make up names such as `input.4`, `getitem_18` and `/features/features.0/Conv_output_0`.
  let isReadable =
    value.wholeMatch(of: /[A-Za-z][A-Za-z0-9]*([\/_][A-Za-z0-9]+){0,2}/) != nil
    && value.firstMatch(of: /^(node|getitem|val|input|output|onnx)|output/) == nil
  return isReadable && value != name && (isNumbered || name.hasPrefix(value)) ? "\(name) (\(value))" : name
}
