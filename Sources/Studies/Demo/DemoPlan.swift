internal import Files

/// What the demo does: each stage a line of the command, each line's folder below the demo's.
public struct DemoPlan: Sendable {
  /// What the demo does, in order.
  public enum Stage: String, CaseIterable, Sendable {
    case trained, features, evolution, diagnosis, occlusion, highlights
  }

  /// The demo's folder.
  public let folder: String
  /// Whether a smaller network and fewer pictures do.
  public let isQuick: Bool

  /// - Parameters:
  ///   - folder: Where everything is written.
  ///   - isQuick: Whether the network is smaller and pictures fewer.
  public init(folder: String, isQuick: Bool) {
    self.folder = folder
    self.isQuick = isQuick
  }

  /// Scenes that the network is judged on and looked into with; it has learned from none of them.
  var gallery: String { "scenes:split=validation,count=\(isQuick ? 1000 : 3000)" }
  var occluded: String { "scenes:split=validation,count=\(isQuick ? 8 : 24)" }

  /// The folder of a stage's run.
  public func path(_ stage: Stage) -> String { folder + "/" + stage.rawValue }

  /// The layer whose maps are the demo's own figure.
  var shownLayer: String { "conv5" }

  /// The line of a stage, as words.
  public func line(_ stage: Stage, units: [Int] = []) -> [String] {
    let model = path(.trained) + "/models/final.onnx"
    let list = units.map(String.init).joined(separator: ",")
    let arguments =
      switch stage {
      case .trained:
        [
          "train", "scenes:count=\(isQuick ? 6000 : 10_000),validation=\(isQuick ? 500 : 1000)", "--arch",
          "zfnet", "--input", "64", "--resize", "64", "--width", isQuick ? "0.25" : "0.5", "--init", "he",
          "--epochs", isQuick ? "4" : "8", "--batch", "32", "--schedule", "cosine", "--augment", "none",
        ]
      case .features: ["features", model, gallery, "--units", isQuick ? "0..<16" : "0..<32"]
      case .evolution:
        ["evolve", path(.trained), "--pictures", "scenes:count=\(isQuick ? 500 : 2000)", "--units", "5"]
      case .diagnosis: ["diagnose", model, gallery]
      case .occlusion:
        [
          "occlude", model, occluded, "--size", "16", "--stride", "4", "--class", "true", "--from",
          path(.features),
        ]
      case .highlights: ["features", model, gallery, "--layers", shownLayer, "--units", list]
      }
    return arguments + ["--out", path(stage)]
  }

  /// A line as a person types it.
  public static func typed(_ arguments: [String]) -> String {
    (["switchback"] + arguments).map(\.quotedForShell).joined(separator: " ")
  }
}
