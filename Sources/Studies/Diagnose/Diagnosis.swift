public import Attribution
internal import Execution
internal import Kernels
public import Networks
public import Peaks
internal import Synchronization
public import Tensors

/// What is right and wrong with a network's features, as the paper's figure 6 looks at it, in numbers.
///
/// One pass over the pictures reads every convolution; then the strongest activation of each unit of the second one is
/// projected. Memory does not grow with the number of pictures.
public struct Diagnosis {
  /// Cosine of two filters from which one repeats the other.
  public static let duplicateCosine = 0.95
  /// The most pairs of such filters that a report lists for a layer.
  public static let listedPairs = 256
  /// The RMS to which the paper renormalises filters above it.
  public static let clip = 0.1
  /// A filter dominates above the clip and this many times the layer's median RMS.
  public static let dominatingRatio = 3.0
  /// A filter has decayed below this share of the layer's median RMS.
  public static let vanishingRatio = 0.05
  /// A few pictures own a unit if the strongest hundredth of them holds more than this share of its peaks.
  public static let ownedShare = 0.25
  /// Pictures from which ownership is judged; fewer cannot tell.
  public static let picturesForOwnership = 200

  private let network: Network
  private let layers: [Layer]
  /// The filters of each layer.
  public let banks: [FilterBank]
  private let threads: Int

  /// - Parameters:
  ///   - network: The network.
  ///   - threads: How many pictures, then batches of projections, are computed side by side.
  public init(_ network: Network, threads: Int) {
    self.network = network
    self.threads = threads
    layers = network.featureLayers()
    banks = layers.compactMap { FilterBank($0, of: network) }
  }

  /// Looks at a network through pictures.
  ///
  /// - Parameters:
  ///   - name: The model's name, for the report.
  ///   - count: The number of pictures.
  ///   - input: Makes picture `i`, 1 x rows x columns x channels, on a worker's thread; nil leaves it out.
  ///   - observe: Called with the pictures done between stretches; returning false ends the diagnosis.
  ///   - receive: Given the second layer's projections as they come.
  /// - Returns: The report; nil where `observe` ended it.
  /// - Throws: `PeakError` where a value is not finite, or what `input` and `receive` throw.
  public func report(
    name: String, count: Int, input: @escaping @Sendable (Int) throws -> Tensor?,
    observe: (_ done: Int) -> Bool = { _ in true },
    receive: ([(place: Gallery.Place, projection: PixelProjection)]) throws -> Void = { _ in }
  ) throws -> DiagnosisReport? {
    let units = zip(values, banks).map { ($0, $1.count) }
    let search = try PeakSearch(network, values: values, threads: threads)
    guard observe(0) else { return nil }
    let state = try search.run(
      from: .init(peaks: PeakTable(units: units, keeping: 1)), count: count, input: input
    ) {
      observe($0.next)
    }
    guard state.next == count else { return nil }
    return try report(
      name: name, of: state.peaks, input: input, observe: { observe(count) }, receive: receive)
  }

  /// The values that are searched: every convolution's feature maps.
  public var values: [String] { layers.map(\.featureMaps) }

  /// Looks at a network through pictures that were searched.
  ///
  /// - Parameters:
  ///   - name: The model's name, for the report.
  ///   - peaks: A search of ``values`` over the pictures.
  ///   - input: Makes picture `i`, 1 x rows x columns x channels, on a worker's thread; nil leaves it out.
  ///   - observe: Called between stretches of projections; returning false ends the diagnosis.
  ///   - receive: Given the second layer's projections as they come.
  /// - Returns: The report; nil where `observe` ended it.
  /// - Throws: What `input` and `receive` throw.
  public func report(
    name: String, of peaks: PeakTable, input: @escaping @Sendable (Int) throws -> Tensor?,
    observe: () -> Bool = { true },
    receive: ([(place: Gallery.Place, projection: PixelProjection)]) throws -> Void = { _ in }
  ) throws -> DiagnosisReport? {
    let described = zip(banks, values).map { Self.described($0, peaks, $1) }
    var report = DiagnosisReport(
      model: name, pictures: values.first.flatMap { peaks.distributions[$0]?.ledger.pictures } ?? 0,
      layers: described, findings: [])
    report.first = first(described)
    guard try project(peaks, into: &report, input, observe, receive) else { return nil }
    report.findings = report.judged()
    return report
  }

  private static func described(
    _ bank: FilterBank, _ peaks: PeakTable, _ value: String
  ) -> DiagnosisReport.Layer {
    let strongest = peaks.layers[value]?.units ?? []
    let ledger = peaks.distributions[value]?.ledger ?? PeakLedger(units: bank.count)
    let kept = max(1, Int((Double(ledger.pictures) * 0.01).rounded(.up)))
    let rms = bank.rms
    let units = rms.indices.map { unit in
      DiagnosisReport.Unit(
        peak: strongest[unit].first?.value ?? 0, active: ledger.active(unit: unit),
        topShare: ledger.share(ofStrongest: kept, unit: unit), rms: rms[unit])
    }
    let sound = rms.indices.filter { rms[$0] > vanishingRatio * rms.median }
    let pairs = bank.pairs(above: duplicateCosine, among: sound)
    return DiagnosisReport.Layer(
      layer: bank.layer, units: units, repeating: Set(pairs.compactMap(\.units.last)).sorted(),
      duplicates: Array(pairs.prefix(listedPairs)))
  }

  // MARK: Frequencies

  /// The first layer's spectrum; filters that decayed have none worth counting.
  private func first(_ described: [DiagnosisReport.Layer]) -> DiagnosisReport.FirstLayer? {
    guard let bank = banks.first, let layer = described.first else { return nil }
    let rms = layer.units.map(\.rms)
    let limit = FrequencyLimit(rowStride: bank.rowStride, columnStride: bank.columnStride)
    let spectra = rms.indices.filter { rms[$0] > Self.vanishingRatio * rms.median }
      .compactMap { Spectrum(of: bank.filter($0)) }
    guard !spectra.isEmpty else { return nil }
    return DiagnosisReport.FirstLayer(
      layer: bank.layer, bands: .mean(spectra.map(\.bands)), limit: limit,
      aboveLimit: spectra.map { $0.share(above: limit) }.mean)
  }

  /// Projects the second layer's strongest activations; returns whether it went on to the end.
  private func project(
    _ peaks: PeakTable, into report: inout DiagnosisReport,
    _ input: @escaping @Sendable (Int) throws -> Tensor?, _ observe: () -> Bool,
    _ receive: ([(place: Gallery.Place, projection: PixelProjection)]) throws -> Void
  ) throws -> Bool {
    guard layers.count > 1, let limit = report.first?.limit else { return true }
    let places = (peaks.layers[values[1]]?.units ?? []).enumerated().compactMap { unit, kept in
      kept.first.flatMap { $0.value > 0 ? Gallery.Place(unit: unit, rank: 0, peak: $0) : nil }
    }
    let gallery = try Gallery(network, value: layers[1].featureMaps, rule: .deconvnet, threads: threads)
    var shares: [(unit: Int, bands: Spectrum.Bands, above: Double)] = []
    let finished = try gallery.project(places, input: input) { results in
      for (place, projection) in results {
        guard let spectrum = Spectrum(of: projection.pixels) else { continue }
        shares.append((place.unit, spectrum.bands, spectrum.share(above: limit)))
      }
      try receive(results)
      return observe()
    }
    guard finished else { return false }
    // Summed in the units' order, whatever order they came in.
    shares.sort { $0.unit < $1.unit }
    if !shares.isEmpty {
      report.second = DiagnosisReport.SecondLayer(
        layer: layers[1].name, projections: shares.count, bands: .mean(shares.map(\.bands)),
        aboveLimit: shares.map(\.above).mean)
    }
    return true
  }
}
