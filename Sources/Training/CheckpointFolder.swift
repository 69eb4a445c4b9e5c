public import Files
internal import Foundation
public import Networks
public import Tensors

/// Where a training run keeps what it would need to go on, under the run's folder.
///
/// A checkpoint is a network (ONNX) and a file of velocities and state (safetensors) that names it. The second is
/// written last, and it alone makes the checkpoint: a process killed at any moment leaves the one before. Files come
/// to be beside their place, are synced and then renamed.
public struct CheckpointFolder: Sendable {
  /// The run's folder.
  public let run: String
  /// Epochs whose networks are kept under `models/`; nil keeps all.
  public let snapshots: Set<Int>?

  private var models: String { run + "/models" }
  private var checkpoints: String { run + "/checkpoints" }
  private var history: String { run + "/history.jsonl" }
  private static let suffix = ".safetensors"

  /// - Throws: `FileError` where the folders cannot be made.
  public init(run: String, snapshots: Set<Int>? = nil) throws(FileError) {
    self.run = run
    self.snapshots = snapshots
    for folder in [models, checkpoints] {
      try FileSystem.makeFolder(folder)
    }
  }

  /// What training goes on from.
  public struct Checkpoint: Sendable {
    public var network: Network
    public var velocities: [String: Tensor]
    public var state: TrainingState

    /// - Parameters:
    ///   - network: The network, weights as they are now.
    ///   - velocities: Of each parameter, by the node's name and the role, as `conv1.weights`; none at the start.
    ///   - state: Where training stands.
    public init(network: Network, velocities: [String: Tensor] = [:], state: TrainingState = TrainingState())
    {
      self.network = network
      self.velocities = velocities
      self.state = state
    }
  }

  /// Writes where training stands, then lets go of the checkpoint before.
  ///
  /// - Parameters:
  ///   - checkpoint: Network, velocities and state; after an epoch its network becomes that epoch's snapshot.
  ///   - isLast: Whether training is done, so that the network is also `models/final.onnx`.
  /// - Throws: `FileError` or `ONNXError`, on a full disk above all; the checkpoint before stays whole.
  public func write(_ checkpoint: Checkpoint, isLast: Bool = false) throws {
    let state = checkpoint.state
    let name = "step-" + padded(state.steps, 9) + "-" + padded(state.batch, 6)
    let isSnapshot = state.batch == 0 && state.epoch > 0 && (snapshots?.contains(state.epoch) ?? true)
    let network = isSnapshot ? "models/epoch-\(padded(state.epoch, 3)).onnx" : "checkpoints/\(name).onnx"
    try checkpoint.network.writeONNX(to: run + "/" + network)
    if isLast { try checkpoint.network.writeONNX(to: models + "/final.onnx") }
    let text = String(decoding: try JSONEncoder.inKeyOrder.encode(state), as: UTF8.self)
    try SafeTensors(checkpoint.velocities, metadata: ["state": text, "network": network])
      .write(to: checkpoints + "/" + name + Self.suffix)
    clear(keeping: name)
  }

  /// The checkpoint that training goes on from; nil where there is none yet.
  ///
  /// - Parameter clearing: Whether what else a killed process left is removed: by the one process that writes here.
  /// - Returns: The checkpoint.
  /// - Throws: ``TrainingError/checkpoint(file:reason:)`` where it is damaged.
  public func latest(clearing: Bool = true) throws -> Checkpoint? {
    guard let name = names().filter({ $0.hasSuffix(Self.suffix) }).max() else { return nil }
    let file = checkpoints + "/" + name
    let arrays = try SafeTensors(reading: file)
    guard let text = arrays.metadata["state"], let network = arrays.metadata["network"],
      let state = try? JSONDecoder().decode(TrainingState.self, from: Data(text.utf8))
    else {
      throw TrainingError.checkpoint(
        file: file, reason: "is not a checkpoint of this program. Delete the run and start it again.")
    }
    if clearing { clear(keeping: String(name.dropLast(Self.suffix.count))) }
    return Checkpoint(
      network: try Network(onnx: run + "/" + network), velocities: arrays.tensors, state: state)
  }

  private func names() -> [String] {
    (try? FolderListing(checkpoints))?.names ?? []
  }

  /// Lets go of every other checkpoint, and of what a killed process left half written.
  private func clear(keeping name: String) {
    for other in names() where !other.hasPrefix(name + ".") || other.hasSuffix(".partial") {
      FileSystem.remove(checkpoints + "/" + other)
    }
    for other in (try? FolderListing(models))?.names ?? []
    where other.hasSuffix(".partial") {
      FileSystem.remove(models + "/" + other)
    }
  }

  /// The epochs done so far.
  public func entries() -> [EpochEntry] {
    guard let bytes = FileSystem.contents(of: history) else { return [] }
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap {
      try? JSONDecoder().decode(EpochEntry.self, from: $0)
    }
  }

  /// Puts an epoch's line after those before it, and in place of what an earlier attempt wrote.
  ///
  /// - Throws: `FileError` where the file cannot be written.
  public func append(_ entry: EpochEntry) throws {
    let encoder = JSONEncoder.inKeyOrder
    let lines = try (entries().filter { $0.epoch < entry.epoch } + [entry]).map { try encoder.encode($0) }
    try DurableFile.write(
      Data(lines.joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")], to: history)
  }

  private func padded(_ number: Int, _ digits: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
