internal import Figures
internal import Images
internal import Kernels
internal import Networks
internal import Studies
internal import Tensors

/// How the units of a run's layers are wired: which of an earlier layer a unit reads most, and which read it.
struct Wiring: Sendable {
  /// A unit of a layer, and how strongly it is wired to the one asked about.
  struct Link: Sendable, Encodable {
    var layer: String
    var unit: Int
    /// The share of the reading filter's energy (its squared weights) that belongs to it, negative where its weights sum to
    /// less than zero.
    var share: Double
  }

  /// A convolution of the run: its filters, outputs x rows x columns x inputs, and the layer whose maps it reads.
  private struct Reader: Sendable {
    let filters: Tensor
    let source: String?
    let readsInput: Bool
    /// The share of each filter's energy that belongs to each unit that it reads, outputs x inputs, signed as in ``Link``.
    let shares: [Double]

    init(filters: Tensor, source: String?, readsInput: Bool) {
      (self.filters, self.source, self.readsInput) = (filters, source, readsInput)
      let (outputs, channels) = (filters.shape[0], filters.shape[3])
      guard source != nil else {
        shares = []
        return
      }
      var (energy, sums) = (
        [Double](repeating: 0, count: outputs * channels), [Double](repeating: 0, count: outputs * channels)
      )
      let positions = filters.shape[1] * filters.shape[2]
      let weights = filters.elements
      for output in 0..<outputs {
        for position in 0..<positions {
          let start = (output * positions + position) * channels
          for channel in 0..<channels {
            let weight = Double(weights[start + channel])
            energy[output * channels + channel] += weight * weight
            sums[output * channels + channel] += weight
          }
        }
      }
      shares = energy.indices.map { place in
        let start = place / channels * channels
        let all = energy[start..<start + channels].reduce(0, +)
        return all > 0 ? (sums[place] < 0 ? -1 : 1) * energy[place] / all : 0
      }
    }

    var inputs: Int { filters.shape[3] }
  }

  private let readers: [String: Reader]
  private let order: [String]
  private let isBGR: Bool
  private static let most = 8

  init(_ study: Features) {
    let network = study.subject.network
    let nodes = Dictionary(network.nodes.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    var makers: [String: Network.Node] = [:]
    for node in network.nodes { for output in node.outputs { makers[output] = node } }
    let owners = Dictionary(study.layers.map { ($0.value, $0.name) }, uniquingKeysWith: { one, _ in one })
    let named = Dictionary(
      network.layers.map { ($0.name, $0.node) }, uniquingKeysWith: { one, _ in one })
    // What keeps channels apart leads on to the maps that it reads.
    func source(_ value: String) -> String? {
      var value = value
      while owners[value] == nil {
        guard let maker = makers[value], maker.operation.keepsChannelsApart, let input = maker.inputs.first
        else { return nil }
        value = input
      }
      return owners[value]
    }
    var readers: [String: Reader] = [:]
    for layer in study.layers {
      guard let node = named[layer.name].flatMap({ nodes[$0] }),
        case .convolution(let convolution) = node.operation, convolution.groups == 1
      else { continue }
      readers[layer.name] = Reader(
        filters: convolution.filters, source: source(node.inputs[0]),
        readsInput: node.inputs[0] == network.inputs[0].name)
    }
    self.readers = readers
    order = study.layers.map(\.name)
    isBGR = study.subject.preprocessing.channels == .bgr
  }

  /// The units that a unit reads most; none where its layer reads no layer of the run channel by channel.
  func read(by unit: Int, of layer: String) -> [Link] {
    guard let reader = readers[layer], let source = reader.source else { return [] }
    return Self.strongest(
      (0..<reader.inputs).map {
        Link(layer: source, unit: $0, share: reader.shares[unit * reader.inputs + $0])
      })
  }

  /// The units of later layers that read a unit most.
  func reading(_ unit: Int, of layer: String) -> [Link] {
    let links = order.flatMap { name -> [Link] in
      guard let reader = readers[name], reader.source == layer, unit < reader.inputs else { return [] }
      return (0..<reader.filters.shape[0]).map {
        Link(layer: name, unit: $0, share: reader.shares[$0 * reader.inputs + unit])
      }
    }
    return Self.strongest(links)
  }

  /// The units of the same layer with the most similar filters: of each the cosine.
  func similar(to unit: Int, of layer: String) -> [Link] {
    guard let filters = readers[layer]?.filters else { return [] }
    let size = filters.shape.count / max(filters.shape[0], 1)
    let elements = filters.elements
    func product(_ one: Int, _ other: Int) -> Double {
      (0..<size).reduce(0) { $0 + Double(elements[one * size + $1]) * Double(elements[other * size + $1]) }
    }
    let own = product(unit, unit)
    guard own > 0 else { return [] }
    return Array(
      (0..<filters.shape[0]).filter { $0 != unit }.compactMap { other -> Link? in
        let its = product(other, other)
        guard its > 0 else { return nil }
        return Link(layer: layer, unit: other, share: product(unit, other) / (own * its).squareRoot())
      }.sorted { ($1.share, $0.unit) < ($0.share, $1.unit) }.prefix(Self.most))
  }

  /// The filters of a layer that reads the image's colours, as tiles; nil for any other.
  func filters(of layer: String) -> [Picture]? {
    guard let reader = readers[layer], reader.readsInput, [1, 3].contains(reader.filters.shape[3]) else {
      return nil
    }
    return FilterGrid.tiles(of: reader.filters, isBGR: isBGR, scale: .own)
  }

  private static func strongest(_ links: [Link]) -> [Link] {
    Array(
      links.filter { $0.share != 0 }.sorted {
        (abs($1.share), $0.unit) < (abs($0.share), $1.unit)
      }.prefix(most))
  }
}

extension Operation {
  /// Whether each map that it makes is the map of the same number that it reads, changed.
  fileprivate var keepsChannelsApart: Bool {
    switch self {
    case .identity, .dropout, .activation, .maxPooling, .averagePooling, .batchNormalization,
      .localResponseNormalization:
      true
    default: false
    }
  }
}
