public import Execution
public import Files
internal import Foundation
internal import Kernels
internal import Networks
internal import Tensors

/// The strongest peaks of every unit of some layers: what one pass over a data set leaves.
public struct PeakTable: Sendable, Equatable {
  /// The values searched, each once, in the order given.
  public let values: [String]
  public private(set) var layers: [String: LayerPeaks]

  /// - Parameters:
  ///   - units: The number of units of each value searched.
  ///   - depth: How many peaks a unit keeps.
  public init(units: [(value: String, count: Int)], keeping depth: Int) {
    var seen = Set<String>()
    values = units.map(\.value).filter { seen.insert($0).inserted }
    layers = Dictionary(
      units.map { ($0.value, LayerPeaks(units: $0.count, keeping: depth)) },
      uniquingKeysWith: { one, _ in one })
  }

  /// Takes in each picture of a trace.
  ///
  /// - Throws: ``ActivationsError/notANumber(value:image:)``, or `KernelError` where a value has no positions.
  public mutating func insert(_ trace: Trace) throws {
    for value in values {
      guard let maps = trace[value] else { continue }
      let peaks = try ChannelPeaks(of: maps)
      let units = maps.shape.dimensions.last ?? 0
      let columns = maps.shape.rank == 4 ? maps.shape.columns : 1
      for (index, image) in trace.images.enumerated() {
        guard !peaks.hasNaN[index] else { throw ActivationsError.notANumber(value: value, image: image) }
        for unit in 0..<units {
          let found = peaks.values[index * units + unit]
          guard found.isFinite else { throw ActivationsError.notANumber(value: value, image: image) }
          let position = Int(peaks.positions[index * units + unit])
          layers[value]?.insert(
            Peak(value: found, image: image, row: position / columns, column: position % columns), unit: unit)
        }
      }
    }
  }

  /// Takes in the peaks of other pictures.
  public mutating func merge(_ other: PeakTable) {
    for (value, peaks) in other.layers { layers[value]?.merge(peaks) }
  }
}

/// What ends a search.
public enum ActivationsError: Error, Equatable, CustomStringConvertible {
  case notANumber(value: String, image: Int)
  case checkpoint(path: String, reason: String)

  public var description: String {
    switch self {
    case .notANumber(let value, let image):
      "'\(value)' is not finite (NaN, or infinite) for picture \(image). "
        + "Check the network's weights and the scale of its input."
    case .checkpoint(let path, let reason):
      "\(path) is not a checkpoint of this search: \(reason). Delete it to start again."
    }
  }
}

extension PeakTable {
  /// The table as arrays, exactly: units x peaks x (value, image / 65536, image % 65536, row, column).
  ///
  /// A place without a peak has image -1.
  public func safeTensors(metadata: [String: String]) -> SafeTensors {
    var arrays: [String: Tensor] = [:]
    for (value, peaks) in layers {
      let depth = peaks.depth
      arrays[value] = Tensor([peaks.units.count, depth, 5]) { elements in
        for (unit, kept) in peaks.units.enumerated() {
          for rank in 0..<depth {
            let base = (unit * depth + rank) * 5
            let peak = rank < kept.count ? kept[rank] : nil
            elements[base] = peak?.value ?? 0
            elements[base + 1] = peak.map { Float($0.image >> 16) } ?? -1
            elements[base + 2] = peak.map { Float($0.image & 0xFFFF) } ?? 0
            elements[base + 3] = Float(peak?.row ?? 0)
            elements[base + 4] = Float(peak?.column ?? 0)
          }
        }
      }
    }
    return SafeTensors(arrays, metadata: metadata)
  }

  /// Fills an empty table from what ``safeTensors(metadata:)`` wrote.
  ///
  /// - Parameters:
  ///   - saved: The arrays.
  ///   - path: The file they came from, for a message.
  ///   - count: How many pictures the data set has.
  /// - Throws: ``ActivationsError/checkpoint(path:reason:)`` where the arrays are not this table's.
  public mutating func restore(
    _ saved: SafeTensors, path: String, pictures count: Int
  ) throws(ActivationsError) {
    for (value, peaks) in layers {
      guard let array = saved.tensors[value], array.shape == [peaks.units.count, peaks.depth, 5] else {
        throw .checkpoint(path: path, reason: "it has no peaks of '\(value)' in this shape")
      }
      let elements = array.elements
      var restored = LayerPeaks(units: peaks.units.count, keeping: peaks.depth)
      for base in stride(from: 0, to: elements.count, by: 5) where elements[base + 1] != -1 {
        let numbers = elements[base..<base + 5]
        guard numbers.allSatisfy({ $0.isFinite }),
          numbers.dropFirst().allSatisfy({ (0..<0x1p24).contains($0) && $0 == $0.rounded() }),
          case let image = Int(elements[base + 1]) << 16 | Int(elements[base + 2]), image < count
        else {
          throw .checkpoint(path: path, reason: "a peak of '\(value)' is out of range")
        }
        restored.insert(
          Peak(
            value: elements[base], image: image, row: Int(elements[base + 3]), column: Int(elements[base + 4])
          ),
          unit: base / 5 / peaks.depth)
      }
      layers[value] = restored
    }
  }
}
