internal import Foundation

/// The figures that a run has.
public struct RunFigures {
  /// Paths of its figures, each as all files that there are of it.
  public let files: [String]
  /// The layers that were searched, of a run of `features`; nil for any other.
  public let layers: [String]?

  /// - Throws: ``StudyError`` where the folder is no run, or has no figures.
  public init(of folder: String) throws(StudyError) {
    struct Header: Decodable { var kind: String }
    guard let header = decoded(Header.self, from: folder + "/run.json") else {
      throw StudyError("\(folder) is not a run: it has no run.json.")
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/figures")) ?? []
    files = names.filter { name in [".svg", ".pdf", ".png"].contains { name.hasSuffix($0) } }.sorted().map {
      "\(folder)/figures/\($0)"
    }
    layers = header.kind == Features.kind ? try Features.Configuration(ofRun: folder).layers : nil
    guard !files.isEmpty || layers != nil else {
      throw StudyError(
        "\(folder) has no figures yet: give the command that made it once more, and it goes on.")
    }
  }
}
