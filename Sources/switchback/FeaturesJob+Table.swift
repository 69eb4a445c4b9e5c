internal import Datasets
internal import Foundation
internal import Images
internal import Networks
internal import Peaks
internal import Studies

extension FeaturesJob {
  /// The peaks with paths and boxes; framings come from the pictures' headers, read once each.
  func table(_ peaks: PeakTable) throws -> FeatureTable {
    let input = try network.inputShape(images: 1)
    let shapes = try network.shapes(inputs: [network.inputs[0].name: input])
    var framings: [Int: Framing] = [:]
    func framing(of image: Int) throws -> Framing {
      if let known = framings[image] { return known }
      let (rows, columns) = try source.dataset.extents(of: image)
      let framing = try Framing(rows: rows, columns: columns, source.preprocessing)
      framings[image] = framing
      return framing
    }
    let described = try layers.map { layer in
      let field = network.fields(below: layer.value, shapes: shapes)[network.inputs[0].name] ?? .whole
      let units = try (peaks.layers[layer.value]?.units ?? []).enumerated().map { unit, kept in
        FeatureTable.Unit(
          unit: unit,
          top: try kept.map { peak in
            let box = network.receptiveField(field, row: peak.row, column: peak.column, input: input)
            return FeatureTable.Entry(
              image: source.dataset.items[peak.image].path, value: peak.value, row: peak.row,
              column: peak.column,
              box: try framing(of: peak.image).original(box))
          })
      }
      return FeatureTable.Layer(layer: layer.name, units: units)
    }
    return FeatureTable(model: (command.model as NSString).lastPathComponent, layers: described)
  }
}
