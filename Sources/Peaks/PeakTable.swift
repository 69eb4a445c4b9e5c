public import Execution
public import Files
internal import Foundation
internal import Kernels
internal import Networks
public import Tensors

/// The strongest peaks of every unit of some layers: what one pass over a data set leaves.
public struct PeakTable: Sendable, Equatable {
  /// The values searched, each once, in the order given.
  public let values: [String]
  public private(set) var layers: [String: LayerPeaks]
  /// How each value's units are active over all pictures.
  package private(set) var distributions: [String: LayerDistribution]

  /// - Parameters:
  ///   - units: The number of units of each value searched.
  ///   - depth: How many peaks a unit keeps.
  public init(units: [(value: String, count: Int)], keeping depth: Int) {
    var seen = Set<String>()
    values = units.map(\.value).filter { seen.insert($0).inserted }
    layers = Dictionary(
      units.map { ($0.value, LayerPeaks(units: $0.count, keeping: depth)) },
      uniquingKeysWith: { one, _ in one })
    distributions = Dictionary(
      units.map { ($0.value, LayerDistribution(units: $0.count)) }, uniquingKeysWith: { one, _ in one })
  }

  /// Takes in each picture of a trace.
  ///
  /// - Parameters:
  ///   - trace: Values of pictures that the table has not seen.
  ///   - hash: Of a picture's path, by its id: decides which pictures stand for others.
  /// - Throws: ``PeakError/notANumber(value:image:)``, or `KernelError` where a value has no positions.
  public mutating func insert(_ trace: Trace, hash: (Int) -> UInt64 = { UInt64($0) }) throws {
    for found in try Self.peaks(of: values, in: trace) { insert(found, hash: hash) }
  }

  /// One value's peaks in the pictures of a trace.
  struct Found {
    let value: String
    let images: [Int]
    let peaks: ChannelPeaks
    /// The positions that were looked at: the first, and how many a row.
    let first: (row: Int, column: Int)
    let columns: Int
  }

  /// The peaks of each value that the trace holds, among all positions or in a part of them.
  static func peaks(
    of values: [String], in trace: Trace, within parts: [String: PeakSearch.Part] = [:]
  ) throws -> [Found] {
    try values.compactMap { value in
      guard var maps = trace[value] else { return nil }
      let part = parts[value]
      if let part {
        maps = try Device().cutting(
          trace.images.indices.map {
            Window(image: $0, row: part.rows.lowerBound, column: part.columns.lowerBound)
          }, rows: part.rows.count, columns: part.columns.count, from: maps)
      }
      let peaks = try ChannelPeaks(of: maps)
      if let place = peaks.values.firstIndex(where: { !$0.isFinite }) {
        throw PeakError.notANumber(value: value, image: trace.images[place / peaks.channels])
      }
      return Found(
        value: value, images: trace.images, peaks: peaks,
        first: (part?.rows.lowerBound ?? 0, part?.columns.lowerBound ?? 0),
        columns: maps.shape.rank == 4 ? maps.shape.columns : 1)
    }
  }

  mutating func insert(_ found: Found, hash: (Int) -> UInt64) {
    let peaks = found.peaks
    for (index, image) in found.images.enumerated() {
      let range = index * peaks.channels..<(index + 1) * peaks.channels
      layers[found.value]?.insert(
        peaks.values[range], at: peaks.positions[range], columns: found.columns, from: found.first,
        image: image)
      distributions[found.value]?.insert(peaks.values[range], image: image, hash: hash(image))
    }
  }

  /// Takes in one peak of one unit, and nothing of how it is spread over pictures.
  package mutating func insert(_ peak: Peak, of value: String, unit: Int) {
    layers[value]?.insert(peak, unit: unit)
  }

  /// Takes in the peaks of other pictures.
  public mutating func merge(_ other: PeakTable) {
    for (value, peaks) in other.layers { layers[value]?.merge(peaks) }
    for (value, distribution) in other.distributions { distributions[value]?.merge(distribution) }
  }
}

/// What ends a search.
public enum PeakError: BadInput, Equatable, CustomStringConvertible {
  case notANumber(value: String, image: Int)
  case checkpoint(path: String, reason: String)

  public var description: String {
    switch self {
    case .notANumber(let value, let image):
      "'\(value)' is not finite (NaN, or infinite) for image \(image). "
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
    for (value, distribution) in distributions { arrays[Self.distributionKey(value)] = distribution.array() }
    var metadata = metadata
    metadata["format"] = Self.format
    metadata["pictures"] = "\(distributions.values.first?.ledger.pictures ?? 0)"
    return SafeTensors(arrays, metadata: metadata)
  }

  /// The version of a saved table: 2 has distributions beside the peaks.
  private static let format = "2"

  private static func distributionKey(_ value: String) -> String { value + "\u{1}distribution" }

  /// The values that a saved table is of, each with the shape of its array of peaks.
  package static func values(in saved: SafeTensors) -> [String: Shape] {
    saved.tensors.filter { !$0.key.hasSuffix(distributionKey("")) }.mapValues(\.shape)
  }

  /// Fills an empty table from what ``safeTensors(metadata:)`` wrote.
  ///
  /// - Parameters:
  ///   - saved: The arrays.
  ///   - path: The file they came from, for a message.
  ///   - count: How many pictures the data set has.
  ///   - hash: Of a picture's path, by its id.
  /// - Throws: ``PeakError/checkpoint(path:reason:)`` where the arrays are not this table's.
  public mutating func restore(
    _ saved: SafeTensors, path: String, pictures count: Int, hash: (Int) -> UInt64 = { UInt64($0) }
  ) throws(PeakError) {
    guard saved.metadata["format"] == Self.format else {
      throw .checkpoint(path: path, reason: "it was saved by an earlier version")
    }
    guard let seen = saved.metadata["pictures"].flatMap({ Int($0) }), (0...count).contains(seen) else {
      throw .checkpoint(path: path, reason: "it does not say how many images it has seen")
    }
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
      guard let array = saved.tensors[Self.distributionKey(value)],
        let distribution = LayerDistribution(
          array, units: peaks.units.count, pictures: seen, hash: { $0 < count ? hash($0) : nil })
      else { throw .checkpoint(path: path, reason: "how '\(value)' is spread over images is damaged") }
      distributions[value] = distribution
    }
  }
}
