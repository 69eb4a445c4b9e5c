internal import CMPI
public import Foundation
internal import Synchronization
internal import Tensors

/// The processes that do one job together, and this one's place among them.
///
/// Each has a number, its rank; rank 0 is the first. One process alone is rank 0 of 1, for which every call is the obvious
/// thing and costs nothing. Calls are collective where nothing else is said: every rank makes the same calls in the same
/// order, one at a time. Waiting sleeps, so that ranks that wait leave the cores to those that work.
///
/// A class, as the process has one membership, which ends once.
public final class Ranks: Sendable {
  public let rank: Int
  public let count: Int
  /// How many of the ranks are on this one's host, this one included.
  public let localCount: Int
  public let host: String
  /// Whether every other rank knows that the job has come to its end here.
  private let isKnown = Atomic(false)
  private let isMet = Atomic(false)

  /// One process alone.
  public static let alone = Ranks(rank: 0, count: 1, localCount: 1, host: "")

  private init(rank: Int, count: Int, localCount: Int, host: String) {
    self.rank = rank
    self.count = count
    self.localCount = localCount
    self.host = host
  }

  /// The ranks that `mpirun` or `srun` started this process with; one alone where it was started without them.
  ///
  /// Called once, before any other call.
  ///
  /// - Throws: ``RankError/built`` where several were started and the program was built without MPI, or what keeps MPI from
  ///   starting.
  public static func joined() throws(RankError) -> Ranks {
    guard ranks_are_launched() else { return alone }
    guard ranks_are_built() else { throw .built }
    var (rank, count, local, localCount): (Int32, Int32, Int32, Int32) = (0, 1, 0, 1)
    var host = [CChar](repeating: 0, count: 256)
    let status = unsafe ranks_begin(&rank, &count, &local, &localCount, &host, host.count)
    guard status == 0 else { throw .communication(rank: Int(rank), host: "this host", reason: message()) }
    let name = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    return Ranks(rank: Int(rank), count: Int(count), localCount: Int(localCount), host: name)
  }

  public var isFirst: Bool { rank == 0 }

  /// How a message names a rank: `rank 2 on node7`.
  public var name: String { "rank \(rank) on \(host)" }

  private static func message() -> String { unsafe String(cString: ranks_message()) }

  private func check(_ status: Int32) throws(RankError) {
    if status != 0 { throw .communication(rank: rank, host: host, reason: Self.message()) }
  }

  /// Ends the membership, once all ranks are here.
  public func end() throws(RankError) {
    if count > 1 { try check(ranks_end()) }
  }

  /// Whether this rank has said already that it is there, or that it failed.
  public var hasMet: Bool { isMet.load(ordering: .relaxed) }

  /// Whether this rank's failure is known to all, so that it may end in order.
  public var othersKnow: Bool { count == 1 || isKnown.load(ordering: .relaxed) }

  /// Remembers that all have heard of what this rank is about to throw.
  func noteKnown() { isKnown.store(true, ordering: .relaxed) }

  /// Ends every rank at once, wherever it is, with an exit code.
  public func abort(_ code: Int32) { if count > 1 { ranks_abort(code) } }

  // MARK: Messages

  /// What a message is about.
  enum Tag: Int32 { case request = 1, answer, tree, sum, ring }

  /// Sends bytes to one rank, which takes them with ``receive(from:_:)``.
  func send(_ bytes: Data, to other: Int, _ tag: Tag) throws(RankError) {
    let status = unsafe bytes.withUnsafeBytes {
      unsafe ranks_send($0.baseAddress, $0.count, Int32(other), tag.rawValue)
    }
    try check(status)
  }

  /// Takes the next message of a rank, or of whichever has sent one; waits for it.
  func receive(from other: Int?, _ tag: Tag) throws(RankError) -> (from: Int, bytes: Data) {
    var source: Int32 = -1
    var size = 0
    try check(unsafe ranks_probe(Int32(other ?? -1), tag.rawValue, true, &source, &size))
    var bytes = Data(count: size)
    let status = unsafe bytes.withUnsafeMutableBytes {
      unsafe ranks_receive($0.baseAddress, $0.count, source, tag.rawValue)
    }
    try check(status)
    return (Int(source), bytes)
  }

  /// The bytes of one rank, on every rank.
  ///
  /// - Parameters:
  ///   - bytes: What is sent; looked at on rank `root` alone.
  ///   - root: Whose they are.
  /// - Returns: The bytes.
  /// - Throws: ``RankError``.
  public func broadcast(_ bytes: Data, from root: Int = 0) throws(RankError) -> Data {
    guard count > 1 else { return bytes }
    var size = UInt64(bytes.count)
    try check(unsafe ranks_broadcast(&size, 8, Int32(root)))
    var bytes = rank == root ? bytes : Data(count: Int(size))
    let status = unsafe bytes.withUnsafeMutableBytes {
      unsafe ranks_broadcast($0.baseAddress, $0.count, Int32(root))
    }
    try check(status)
    return bytes
  }

  /// The bytes of every rank, in the order of ranks, on every rank.
  public func gathered(_ own: Data) throws(RankError) -> [Data] {
    guard count > 1 else { return [own] }
    var sizes = [UInt64](repeating: 0, count: count)
    sizes[rank] = UInt64(own.count)
    var all = [Data](repeating: Data(), count: count)
    all[rank] = own
    let (next, before) = (Int32((rank + 1) % count), Int32((rank + count - 1) % count))
    // Round the ring: what came from the rank before goes on to the next.
    for step in 0..<count - 1 {
      let (out, new) = ((rank + count - step) % count, (rank + 2 * count - step - 1) % count)
      var (sent, came) = (sizes[out], UInt64(0))
      try check(unsafe ranks_exchange(&sent, 8, next, &came, 8, before, Tag.ring.rawValue))
      sizes[new] = came
      var bytes = Data(count: Int(came))
      let status = unsafe all[out].withUnsafeBytes { sent in
        unsafe bytes.withUnsafeMutableBytes { came in
          unsafe ranks_exchange(
            sent.baseAddress, sent.count, next, came.baseAddress, came.count, before, Tag.ring.rawValue)
        }
      }
      try check(status)
      all[new] = bytes
    }
    return all
  }

  /// Whether it is so on any rank.
  public func any(_ isSo: Bool) throws(RankError) -> Bool {
    guard count > 1 else { return isSo }
    return try gathered(Data([isSo ? 1 : 0])).contains { $0.first == 1 }
  }

  // MARK: What all must know

  /// Whether any rank is to stop, so that all do, and end in order.
  public func stop(_ isToStop: Bool) throws(RankError) -> Bool {
    guard try any(isToStop) else { return false }
    noteKnown()
    return true
  }

  /// What rank 0 makes, on every rank; only there it is made.
  ///
  /// - Parameter make: Makes it.
  /// - Returns: It.
  /// - Throws: On rank 0 what `make` throws, elsewhere ``RankError/stopped``.
  public func decided<Value: Codable>(_ make: () throws -> Value) throws -> Value {
    guard count > 1 else { return try make() }
    guard isFirst else {
      let answer = try broadcast(Data())
      guard !answer.isEmpty else {
        noteKnown()
        throw RankError.stopped
      }
      return try Self.decoded(answer)
    }
    let value: Value
    do {
      value = try make()
    } catch {
      _ = try broadcast(Data())
      noteKnown()
      throw error
    }
    _ = try broadcast(try Self.encoded(value))
    return value
  }

  /// What each rank makes, in the order of ranks, on every rank; none goes on where one fails.
  ///
  /// The first thing that a rank does with the others, or its failure before that: ranks that fail alone would leave the
  /// others waiting.
  ///
  /// - Parameter make: Makes it.
  /// - Returns: All of them.
  /// - Throws: On rank 0 its own error, or that of the first rank that failed as ``RankError/failed(rank:host:reason:)``;
  ///   elsewhere ``RankError/stopped``.
  @discardableResult
  public func each<Value: Codable>(_ make: () throws -> Value) throws -> [Value] {
    guard count > 1 else { return [try make()] }
    isMet.store(true, ordering: .relaxed)
    let own = Result { try make() }
    let outcome: Outcome
    switch own {
    case .success(let value): outcome = Outcome(host: host, value: try Self.encoded(value))
    case .failure(let error): outcome = Outcome(host: host, failure: "\(error)")
    }
    let all: [Outcome] = try gathered(try Self.encoded(outcome)).map { try Self.decoded($0) }
    let values = all.compactMap(\.value)
    guard values.count < count else { return try values.map { try Self.decoded($0) } }
    noteKnown()
    guard isFirst else { throw RankError.stopped }
    _ = try own.get()
    let failed = all.firstIndex { $0.value == nil } ?? 0
    throw RankError.failed(rank: failed, host: all[failed].host, reason: all[failed].failure ?? "")
  }

  /// What a rank made, encoded, or why it could not: a rank that fails early need not know what the others make.
  private struct Outcome: Codable {
    var host: String
    var value: Data?
    var failure: String?
  }

  /// A value as bytes that another rank understands.
  public static func encoded(_ value: some Encodable) throws -> Data {
    let encoder = PropertyListEncoder()
    encoder.outputFormat = .binary
    // A list, as one value alone is none of the format's.
    return try encoder.encode([value])
  }

  /// The value that ``encoded(_:)`` made bytes of.
  public static func decoded<Value: Decodable>(_ bytes: Data) throws -> Value {
    guard let value = try PropertyListDecoder().decode([Value].self, from: bytes).first else {
      throw RankError.stopped
    }
    return value
  }
}
