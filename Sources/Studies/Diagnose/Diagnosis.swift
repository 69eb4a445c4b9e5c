package import Attribution
internal import Kernels
package import Networks
package import Peaks
package import Tensors

/// What is right and wrong with a network's features, as the paper's figure 6 looks at it, in numbers.
///
/// One pass over the pictures reads every convolution; then the strongest activation of each unit of the second one is
/// projected. Memory does not grow with the number of pictures.
package struct Diagnosis {
  /// Cosine of two filters from which one repeats the other.
  package static let duplicateCosine = 0.95
  /// The most pairs of such filters that a report lists for a layer.
  package static let listedPairs = 256
  /// The RMS to which the paper renormalises filters above it.
  package static let clip = 0.1
  /// A filter dominates above the clip and this many times the layer's median RMS.
  package static let dominatingRatio = 3.0
  /// A filter has decayed below this share of the layer's median RMS.
  package static let vanishingRatio = 0.05
  /// A few pictures own a unit if the strongest hundredth of them holds more than this share of its peaks.
  package static let ownedShare = 0.25
  /// Pictures from which ownership is judged; fewer cannot tell.
  package static let picturesForOwnership = 200

  package let network: Network
  private let layers: [Layer]
  /// The filters of each layer.
  package let banks: [FilterBank]
  private let threads: Int

  package init(_ network: Network, threads: Int) {
    self.network = network
    self.threads = threads
    layers = network.featureLayers()
    banks = FilterBank.banks(of: layers, in: network)
  }

  /// The values that are searched: every convolution's feature maps.
  package var values: [String] { layers.map(\.featureMaps) }

  /// Looks at a network through pictures that were searched.
  ///
  /// The peaks are those of a search of ``values``; `input` makes a picture, 1 x rows x columns x channels, on a worker's
  /// thread, and nil leaves it out; `receive` is given the second layer's projections as they come.
  package func report(
    name: String, of peaks: PeakTable, input: @escaping @Sendable (Int) throws -> Tensor?,
    receive: ([(place: Gallery.Place, projection: PixelProjection)]) throws -> Void = { _ in }
  ) throws -> DiagnosisReport {
    let described = zip(banks, values).map { Self.described($0, peaks, $1) }
    var report = DiagnosisReport(
      model: name, pictures: values.first.flatMap { peaks.distributions[$0]?.ledger.pictures } ?? 0,
      layers: described, findings: [])
    report.first = first(described)
    if let limit = report.first?.limit { report.second = try second(peaks, limit, input, receive) }
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

  /// Projects the second layer's strongest activations.
  private func second(
    _ peaks: PeakTable, _ limit: FrequencyLimit, _ input: @escaping @Sendable (Int) throws -> Tensor?,
    _ receive: ([(place: Gallery.Place, projection: PixelProjection)]) throws -> Void
  ) throws -> DiagnosisReport.SecondLayer? {
    guard layers.count > 1 else { return nil }
    let places = (peaks.layers[values[1]]?.units ?? []).enumerated().compactMap {
      unit, kept -> Gallery.Place? in
      kept.first.flatMap { $0.value > 0 ? (unit, 0, $0) : nil }
    }
    let gallery = try Gallery(network, value: layers[1].featureMaps, rule: .deconvnet, threads: threads)
    var shares: [(unit: Int, bands: Spectrum.Bands, above: Double)] = []
    try gallery.project(places, input: input) { results in
      for (place, projection) in results {
        guard let spectrum = Spectrum(of: projection.pixels) else { continue }
        shares.append((place.unit, spectrum.bands, spectrum.share(above: limit)))
      }
      try receive(results)
    }
    guard !shares.isEmpty else { return nil }
    // Summed in the units' order, whatever order they came in.
    shares.sort { $0.unit < $1.unit }
    return DiagnosisReport.SecondLayer(
      layer: layers[1].name, projections: shares.count, bands: .mean(shares.map(\.bands)),
      aboveLimit: shares.map(\.above).mean)
  }
}
