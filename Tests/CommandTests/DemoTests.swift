import Foundation
import TestSupport
import Testing

@Suite struct Demo {
  @Test func `the demo trains, looks and tells, and every file its page shows is there`() throws {
    let workplace = try Workplace()
    let folder = workplace.path("demo")
    let outcome = try Command.start(["demo", "--quick", "--json", "--out", folder]).outcome(within: 600)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let findings = try outcome.json()
    // Chance is 0.1; a network that learned anything names more.
    #expect(try #require(findings["top1"] as? Double) > 0.3)
    let layers = try #require(findings["layers"] as? [[String: Any]])
    #expect(layers.map { $0["layer"] as? String } == ["conv1", "conv2", "conv3", "conv4", "conv5"])
    for layer in layers {
      let agreement = try #require(layer["agreement"] as? Double)
      #expect((0.1...1).contains(agreement), "\(layer)")
    }
    let page = try String(contentsOfFile: folder + "/index.html", encoding: .utf8)
    let addresses = page.matches(of: #/(?:src|href)="([^"#]+)"/#).map { String($0.output.1) }
    #expect(addresses.count > 20)
    for address in addresses {
      #expect(FileManager.default.fileExists(atPath: folder + "/" + address), "\(address)")
    }
    for stage in ["train", "features", "evolve", "diagnose", "occlude"] {
      #expect(page.contains("<pre>switchback \(stage) "), "\(stage)")
      #expect(outcome.errors.contains("$ switchback \(stage) "), "\(stage)")
    }
  }
}
