/// A network's layers before it has weights; edits give changed copies.
///
/// Layers keep the paper's numbers when others are removed.
public struct Architecture: Hashable, Sendable {
  /// Filters that slide, alike on both axes.
  public struct Filters: Hashable, Sendable {
    public var maps: Int
    public var window: Int
    public var stride: Int
    public var padding: Int

    /// - Parameters:
    ///   - maps: How many filters.
    ///   - window: The side of each, in positions.
    ///   - stride: The positions between two places of the window.
    ///   - padding: Positions of zeros on every side.
    public init(maps: Int, window: Int, stride: Int = 1, padding: Int = 0) {
      self.maps = maps
      self.window = window
      self.stride = stride
      self.padding = padding
    }
  }

  /// A max pool of 3x3 every second position.
  public enum Pool: Hashable, Sendable {
    /// A last window that only begins on the map counts.
    case roundingUp
    case roundingDown
  }

  /// Where contrast is normalised across maps (n = 5, k = 2, alpha = 1e-4, beta = 0.75).
  public enum Normalization: Hashable, Sendable {
    case beforePool, afterPool
  }

  /// What a layer computes, a rectifier included.
  public enum Kind: Hashable, Sendable {
    case convolution(Filters, pool: Pool?, normalization: Normalization?)
    /// Every input to every unit; half the units dropped in training.
    case connected(units: Int)
  }

  /// One layer, with its rectifier, pool and normalisation.
  public struct Layer: Hashable, Sendable {
    /// As the paper counts, from 1.
    public let number: Int
    public var kind: Kind
  }

  public var name: String
  /// Rows and columns of its input, in three colours.
  public internal(set) var input: Int
  /// All but the classifier on top.
  public internal(set) var layers: [Layer]
  public var classes: Int
  /// The number of the classifier's layer.
  let classifier: Int

  init(name: String, layers: [Kind]) {
    self.name = name
    input = 224
    classes = 1000
    classifier = layers.count + 1
    self.layers = layers.enumerated().map { Layer(number: $0.offset + 1, kind: $0.element) }
  }
}

extension Architecture {
  /// The network of Zeiler & Fergus 2014, figure 3.
  ///
  /// - Note: The paper gives no padding and no rounding; these fit every size in its figure.
  public static let zfnet = zfnet("zfnet", maps: [384, 384, 256])

  /// The paper's model (b): more maps in layers 3, 4 and 5.
  public static let zfnetB = zfnet("zfnet-b", maps: [512, 1024, 512])

  /// The network of Krizhevsky and others (2012) as the paper replicates it: on one device, so without groups.
  public static let alexnet = Architecture(
    name: "alexnet",
    layers: [
      .convolution(
        Filters(maps: 96, window: 11, stride: 4, padding: 2), pool: .roundingDown, normalization: .beforePool),
      .convolution(
        Filters(maps: 256, window: 5, padding: 2), pool: .roundingDown, normalization: .beforePool),
    ] + top([384, 384, 256]))

  private static func zfnet(_ name: String, maps: [Int]) -> Architecture {
    Architecture(
      name: name,
      layers: [
        .convolution(
          Filters(maps: 96, window: 7, stride: 2, padding: 1), pool: .roundingUp, normalization: .afterPool),
        .convolution(
          Filters(maps: 256, window: 5, stride: 2), pool: .roundingUp, normalization: .afterPool),
      ] + top(maps))
  }

  /// Layers 3 to 7, which both have.
  private static func top(_ maps: [Int]) -> [Kind] {
    maps.indices.map { index in
      .convolution(
        Filters(maps: maps[index], window: 3, padding: 1),
        pool: index == maps.count - 1 ? .roundingDown : nil, normalization: nil)
    } + [.connected(units: 4096), .connected(units: 4096)]
  }

  public static let all = [alexnet, zfnet, zfnetB]

  /// The architecture of this name.
  ///
  /// - Throws: ``ArchitectureError/unknownName(name:)``.
  public static func named(_ name: String) throws(ArchitectureError) -> Architecture {
    guard let found = all.first(where: { $0.name == name }) else { throw .unknownName(name: name) }
    return found
  }
}
