internal import Foundation

/// Real networks, real pictures and other programs' values, beside the repository; never part of it.
public enum SharedData {
  /// `../shared/data`, or what SWITCHBACK_SHARED names.
  public static let root: String = {
    if let named = ProcessInfo.processInfo.environment["SWITCHBACK_SHARED"] { return named + "/data" }
    let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return repository.deletingLastPathComponent().appendingPathComponent("shared/data").path
  }()

  public static let isPresent = FileManager.default.fileExists(atPath: root + "/README.md")
  public static let reason = "skipped: ../shared/data is not beside the repository"

  public static func path(_ name: String) -> String { root + "/" + name }
}

/// A folder that is gone when its owner is.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    path =
      FileManager.default.temporaryDirectory.appendingPathComponent("switchback-" + UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  public func file(_ name: String) -> String { path + "/" + name }

  /// Writes a file, its folders made.
  @discardableResult
  public func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
    let file = file(name)
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}
