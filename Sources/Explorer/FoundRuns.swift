internal import Files
internal import Foundation
internal import Studies
internal import Tensors

/// Runs in folders: those of features, and those of other studies.
struct FoundRuns {
  struct Run {
    let folder: String
    let kind: String
    /// Its name in addresses.
    let name: String
  }

  private(set) var features: [Run] = []
  private(set) var others: [Run] = []

  /// - Parameter folders: Runs, or folders that hold runs: of these the ones with the most units to show come first.
  /// - Throws: `StudyError` for a folder that is neither.
  init(_ folders: [String]) throws(StudyError) {
    for folder in folders {
      if let kind = Self.kind(of: folder), kind != "demo" {
        add(folder, kind)
        // `evolve` writes into the training's own folder, unless it is told otherwise.
        let evolution = folder + "/evolution"
        if kind == Train.kind, Self.kind(of: evolution) == Evolve.kind { add(evolution, Evolve.kind) }
        continue
      }
      let held = ((try? FolderListing(folder))?.names ?? []).compactMap { name in
        Self.kind(of: folder + "/" + name).map { (folder: folder + "/" + name, kind: $0) }
      }
      guard !held.isEmpty else {
        throw StudyError(
          FileSystem.exists(folder)
            ? "\(folder) is not a run, and holds none. Give a folder that 'switchback features MODEL IMAGES --out RUN' has "
              + "made." : "there is no \(folder).")
      }
      for run in held.sorted(by: { Self.layers(of: $0.folder) > Self.layers(of: $1.folder) }) {
        add(run.folder, run.kind)
      }
    }
  }

  private mutating func add(_ folder: String, _ kind: String) {
    let all = features + others
    let stem = (FileSystem.resolved(folder) ?? folder).split(separator: "/").last.map(String.init) ?? "run"
    var (name, number) = (stem, 1)
    while all.contains(where: { $0.name == name }) {
      number += 1
      name = "\(stem)-\(number)"
    }
    let run = Run(folder: folder, kind: kind, name: name)
    if kind == Features.kind { features.append(run) } else { others.append(run) }
  }

  private static func kind(of folder: String) -> String? {
    struct Header: Decodable { var kind: String }
    return FileSystem.contents(of: folder + "/run.json").flatMap {
      try? JSONDecoder().decode(Header.self, from: $0).kind
    }
  }

  /// How many layers a run of features has; none of another.
  private static func layers(of folder: String) -> Int {
    struct Header: Decodable {
      struct Configuration: Decodable { var layers: [String]? }
      var configuration: Configuration
    }
    return FileSystem.contents(of: folder + "/run.json").flatMap {
      try? JSONDecoder().decode(Header.self, from: $0).configuration.layers?.count
    } ?? 0
  }
}
