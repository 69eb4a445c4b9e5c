internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Studies
internal import Tensors

/// What another study found, to be shown beside a run of features: its figures, its tables, and the units of which it
/// speaks.
struct StudyRun: Sendable {
  struct Figure: Sendable {
    let name: String
    let rows: Int
    let columns: Int
  }

  /// A layer of which it speaks, or some of its units.
  struct Mention: Hashable, Sendable {
    let layer: String
    let units: [Int]
    /// What it says; nothing where it only shows it.
    let text: String
  }

  /// Its name in addresses.
  let name: String
  let folder: String
  let kind: String
  let figures: [Figure]
  let tables: [(name: String, table: ResultTable)]
  let mentions: [Mention]

  private static let (mostFigures, mostRows, mostBytes) = (60, 1000, 32 << 20)

  /// - Parameters:
  ///   - folder: A run of any study.
  ///   - kind: Its kind.
  ///   - name: Its name in addresses.
  /// - Throws: `StudyError` where it has nothing to show yet.
  init(_ folder: String, kind: String, named name: String) throws(StudyError) {
    (self.folder, self.kind, self.name) = (folder, kind, name)
    let files = (try? FolderListing(folder + "/figures"))?.names ?? []
    figures = files.filter { $0.hasSuffix(".svg") }.prefix(Self.mostFigures).compactMap { file in
      let stem = String(file.dropLast(4))
      // Its picture tells its extents, in pixels of the drawing.
      return (try? Picture.extents(of: "\(folder)/figures/\(stem).png")).map {
        Figure(name: stem, rows: $0.rows, columns: $0.columns)
      }
    }
    let names = (try? FolderListing(folder))?.names ?? []
    tables = names.filter { $0.hasSuffix(".csv") }.compactMap { file in
      guard let bytes = Self.contents(folder + "/" + file),
        let table = ResultTable(csv: String(decoding: bytes, as: UTF8.self), most: Self.mostRows)
      else { return nil }
      return (String(file.dropLast(4)), table)
    }
    mentions = Self.mentions(folder, kind)
    guard !figures.isEmpty || !tables.isEmpty else {
      throw StudyError("\(folder) is not finished: give the command that made it once more, and it goes on.")
    }
  }

  /// What it is called on pages.
  var title: String {
    switch kind {
    case "ablate": "Ablation"
    case "audit": "Pairs of alike images"
    case "correspond": "Correspondence"
    case "diagnose": "Diagnosis"
    case "evolve": "Evolution"
    case "invariance": "Invariance"
    case "occlude": "Occlusion"
    case "train": "Training"
    case "transfer": "Transfer"
    case "trust": "What projections show"
    case "explain": "Explanations"
    default: kind
    }
  }

  /// A figure as SVG; nil where it is not the run's.
  func svg(_ name: String) -> [UInt8]? {
    guard figures.contains(where: { $0.name == name }),
      let bytes = Self.contents("\(folder)/figures/\(name).svg"),
      bytes.starts(with: Data("<svg".utf8))
        || bytes.starts(with: Data("<?xml".utf8))
    else { return nil }
    return [UInt8](bytes)
  }

  /// A file that lies where its path says, of a size that can be sent: links lead to what is nobody's business.
  private static func contents(_ path: String) -> Data? {
    guard let real = FileSystem.resolved(path), let folder = FileSystem.resolved(FileSystem.folder(of: path)),
      FileSystem.folder(of: real) == folder, let bytes = FileSystem.mapped(path), bytes.count <= mostBytes
    else { return nil }
    return bytes
  }

  private static func mentions(_ folder: String, _ kind: String) -> [Mention] {
    func read<Value: Decodable>(_ type: Value.Type, _ file: String) -> Value? {
      contents(folder + "/" + file).flatMap { try? JSONDecoder().decode(type, from: $0) }
    }
    var found: [Mention] = []
    switch kind {
    case "evolve":
      for layer in read(EvolutionTable.self, "evolution.json")?.layers ?? [] {
        found += layer.units.map { unit in
          Mention(
            layer: layer.layer, units: [unit.unit],
            text: unit.settled.map { "its projection has settled by epoch \($0)" } ?? "inactive in the end")
        }
      }
    case "diagnose":
      struct Diagnosis: Decodable {
        struct Model: Decodable { var findings: [Finding] }
        struct Finding: Decodable {
          var layer: String
          var units: [Int]
          var text: String
          var verdict: String
        }
        var models: [Model]
      }
      for finding in (read(Diagnosis.self, "diagnosis.json")?.models ?? []).flatMap(\.findings)
      where finding.verdict != "ok" {
        found.append(
          Mention(layer: finding.layer, units: finding.units, text: "\(finding.verdict): \(finding.text)"))
      }
    case "occlude":
      struct Map: Decodable {
        struct Seen: Decodable { var unit: Int }
        var maps: [String: Seen]
      }
      for file in (try? FolderListing(folder + "/occlusion"))?.names ?? [] where file.hasSuffix(".json") {
        guard let map = read(Map.self, "occlusion/" + file) else { continue }
        found += map.maps.sorted { $0.key < $1.key }.map { layer, seen in
          Mention(layer: layer, units: [seen.unit], text: "occluded in \(file.dropLast(5))")
        }
      }
    default: break
    }
    var seen = Set<Mention>()
    return found.filter { seen.insert($0).inserted }
  }
}
