import Datasets
import Foundation
import Images
import Networks
import Peaks
import Studies
import TestSupport
import Testing

/// What a real network's first layers show; printed, since the figures are worth reading.
@Suite(.enabled(if: SharedData.isPresent, "\(SharedData.reason)"))
struct RealDiagnosis {
  @Test func `AlexNet's filters are above its stride's limit, and its second layer aliases`() throws {
    let network = try Network(onnx: SharedData.path("models/alexnet-conv.onnx"))
    let preprocessing = try #require(network.preprocessing)
    let folder = try PictureFolder(SharedData.path("images/imagenet-1000"))
    let study = Diagnosis(network, threads: 2)
    let input = { @Sendable (id: Int) in
      try Picture(decoding: folder.fullPath(of: folder.files[id])).prepared(preprocessing).tensor
    }
    let empty = PeakTable(units: zip(study.values, study.banks).map { ($0, $1.count) }, keeping: 1)
    let peaks = try PeakSearch(network, values: study.values, threads: 2).run(
      from: .init(peaks: empty), count: 200, input: input
    ) { _ in true }.peaks
    let report = try study.report(name: "alexnet-conv", of: peaks, input: input)
    let (first, second) = (try #require(report.first), try #require(report.second))
    #expect(first.limit.rows == 0.125)
    for bands in [first.bands, second.bands] {
      #expect(abs(bands.low + bands.middle + bands.high - 1) < 1e-9)
    }
    #expect(first.aboveLimit > 0.5)
    #expect(second.aboveLimit > 0.5)
    let aliasing = try #require(report.findings.first { $0.measure == .aliasing })
    #expect(aliasing.verdict == .trouble)
    #expect(aliasing.remedy?.contains("stride") == true)
    for finding in report.findings {
      print("\(finding.verdict) \(finding.layer) \(finding.measure): \(finding.text)")
    }
  }
}
