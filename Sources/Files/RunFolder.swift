public import Foundation

/// The folder of one run: what it is a function of, and everything it made.
///
/// `run.json` says the kind and the configuration; a folder whose `run.json` says the same is gone on with.
/// The folder is locked for as long as the value lives, by a lock that a killed process loses.
public struct RunFolder: Sendable {
  public let path: String
  /// Nil where another process holds it for this one.
  private let lock: RunLock?

  /// The folder of a run that another process of the same job has opened, and holds open.
  package init(sharing path: String) {
    self.path = path
    lock = nil
  }

  private init(path: String, lock: RunLock) {
    self.path = path
    self.lock = lock
  }

  /// Makes the folder, or opens it where it holds the same run.
  ///
  /// - Parameters:
  ///   - path: The folder; its parents are made too.
  ///   - kind: The command whose run it is.
  ///   - configuration: All that the results depend on.
  ///   - settings: Names of settings that may be others than before: the run is then adapted, and is a function of the new
  ///     configuration.
  ///   - adapt: Removes what does not hold any more, given what `run.json` said. It may be interrupted at any moment, and is
  ///     then called again, or the folder is opened with the earlier configuration.
  /// - Returns: The folder, locked.
  /// - Throws: ``RunError``, above all ``RunError/otherRun(folder:differences:)`` with each setting that differs.
  public static func open(
    at path: String, kind: String, configuration: some Encodable, changing settings: Set<String> = [],
    adapt: (_ run: RunFolder, _ earlier: Data) throws(RunError) -> Void = { (_, _) throws(RunError) in }
  ) throws(RunError) -> RunFolder {
    let names = try? FolderListing(path, hidden: true).names
    if names == nil {
      do {
        try FileSystem.makeFolder(path)
      } catch {
        throw .unwritable(folder: path, reason: "\(error.path) \(error.reason)")
      }
    }
    let header = path + "/run.json"
    let left = (names ?? []).filter { $0 != "run.lock" && !$0.hasSuffix(".partial") }
    if !FileSystem.exists(header), !left.isEmpty { throw .notARun(folder: path) }
    let folder = RunFolder(path: path, lock: try RunLock(folder: path))
    let description = try description(kind: kind, configuration, header)
    guard FileSystem.exists(header) else {
      try folder.write(bytes: description, to: "run.json")
      return folder
    }
    guard let known = FileSystem.contents(of: header) else {
      throw .damaged(file: header, reason: "it cannot be read.")
    }
    if known == description { return folder }
    let (differences, isChanged) = try differences(known, description, of: header, except: settings)
    guard differences.isEmpty else { throw .otherRun(folder: path, differences: differences) }
    // The same settings in another layout, as an editor leaves them, are the same run.
    guard isChanged else { return folder }
    try adapt(folder, known)
    try folder.write(bytes: description, to: "run.json")
    return folder
  }

  /// What `run.json` says.
  ///
  /// - Parameters:
  ///   - kind: The command whose run it is.
  ///   - configuration: All that the results depend on.
  ///   - file: What a message calls it.
  /// - Returns: JSON with its keys in order.
  /// - Throws: ``RunError/damaged(file:reason:)`` for a configuration that is no JSON object.
  package static func description(
    kind: String, _ configuration: some Encodable, _ file: String
  ) throws(RunError) -> Data {
    do {
      let settings = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(configuration))
      return try JSONSerialization.data(
        withJSONObject: ["format": 1, "kind": kind, "configuration": settings],
        options: [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes])
    } catch {
      throw .damaged(file: file, reason: "\(error)")
    }
  }

  /// Each setting that is not the same, as `top was 9, is 4`, but for those that may differ; and whether any is not.
  ///
  /// - Parameters:
  ///   - known: What one `run.json` says.
  ///   - description: What another says.
  ///   - file: What a message calls the first.
  ///   - settings: Those that may differ.
  /// - Returns: Both.
  /// - Throws: ``RunError/damaged(file:reason:)`` where one is no JSON object.
  package static func differences(
    _ known: Data, _ description: Data, of file: String, except settings: Set<String> = []
  ) throws(RunError) -> (found: [String], isChanged: Bool) {
    guard let before = try? JSONSerialization.jsonObject(with: known) as? [String: Any],
      let now = try? JSONSerialization.jsonObject(with: description) as? [String: Any]
    else { throw .damaged(file: file, reason: "it is no JSON object.") }
    func text(_ value: Any?) -> String {
      guard let value else { return "absent" }
      let data = try? JSONSerialization.data(
        withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
      return data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }
    func short(_ text: String) -> String { text.count > 200 ? text.prefix(200) + "..." : text }
    var found: [String] = []
    if text(before["kind"]) != text(now["kind"]) {
      found.append("it is a run of \(text(before["kind"])), not of \(text(now["kind"]))")
    }
    let old = before["configuration"] as? [String: Any] ?? [:]
    let new = now["configuration"] as? [String: Any] ?? [:]
    let changed = Set(old.keys).union(new.keys).filter { text(old[$0]) != text(new[$0]) }
    for key in changed.subtracting(settings).sorted() {
      found.append("\(key) was \(short(text(old[key]))), is \(short(text(new[key])))")
    }
    if text(before["format"]) != text(now["format"]) { found.append("its format is another") }
    return (found, !changed.isEmpty)
  }

  /// The path of a file of the run.
  public func path(of name: String) -> String { path + "/" + name }

  /// The path of a file of the run, its folder made.
  public func preparedPath(of name: String) throws(RunError) -> String {
    let full = path(of: name)
    do {
      try FileSystem.makeFolder(FileSystem.folder(of: full))
    } catch {
      throw .unwritable(folder: path, reason: "\(name)'s folder cannot be made.")
    }
    return full
  }

  /// Whether the run has a file or folder of this name.
  public func contains(_ name: String) -> Bool { FileSystem.exists(path(of: name)) }

  /// Names in a folder of the run, in order; none where it is not there.
  package func names(in folder: String) -> [String] {
    (try? FolderListing(path(of: folder), hidden: true))?.names ?? []
  }

  /// Removes a file, or a folder and all in it, if it is there.
  package func remove(_ name: String) throws(RunError) {
    FileSystem.remove(path(of: name))
    guard !contains(name) else { throw .unwritable(folder: path, reason: "\(name) cannot be removed.") }
  }

  /// Writes a file durably: whole or not at all.
  public func write(bytes: Data, to name: String) throws(RunError) {
    let full = try preparedPath(of: name)
    do {
      try DurableFile.write(bytes, to: full)
    } catch {
      throw .unwritable(folder: path, reason: error.description)
    }
  }

  /// Writes a value as JSON: keys in order, so the same value gives the same bytes.
  public func write(json value: some Encodable, to name: String) throws(RunError) {
    let bytes: Data
    do {
      bytes = try JSONEncoder.inKeyOrder.encode(value)
    } catch {
      throw .damaged(file: path(of: name), reason: "\(error)")
    }
    try write(bytes: bytes, to: name)
  }

  /// Reads what ``write(json:to:)`` wrote.
  public func read<Value: Decodable>(_ type: Value.Type, from name: String) throws(RunError) -> Value {
    try decoded(type, try bytes(of: name), from: name)
  }

  /// What a file of the run holds.
  package func bytes(of name: String) throws(RunError) -> Data {
    guard let bytes = FileSystem.contents(of: path(of: name)) else {
      throw .damaged(file: path(of: name), reason: "it is missing.")
    }
    return bytes
  }

  /// The value in the bytes of a file of the run.
  package func decoded<Value: Decodable>(
    _ type: Value.Type, _ bytes: Data, from name: String
  ) throws(RunError) -> Value {
    do {
      return try JSONDecoder().decode(type, from: bytes)
    } catch {
      throw .damaged(file: path(of: name), reason: "\(error)")
    }
  }
}

extension JSONEncoder {
  /// Writes keys in order, so that the same value gives the same bytes, and slashes as they are.
  package static var inKeyOrder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}
