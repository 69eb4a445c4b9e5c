public import Foundation
internal import Tensors

extension Ranks {
  /// Deals pieces of work to whichever rank is free, and gathers what each made on rank 0.
  ///
  /// Rank 0 works too; a thread of its own answers the others meanwhile. Where work fails on any rank, no further piece is
  /// dealt, and every rank throws.
  ///
  /// - Parameters:
  ///   - pieces: How many there are, numbered from 0.
  ///   - perform: Does one, on any rank, and returns what it made.
  ///   - keep: Takes what a piece made; on rank 0 alone, in whatever order pieces end.
  /// - Throws: On rank 0 what `perform` or `keep` throws there, ``RankError/failed(rank:host:reason:)`` with the message of
  ///   another rank's error, or `Interruption` where any rank's work was interrupted. On another rank whose own work did not
  ///   fail, ``RankError/stopped``.
  public func deal(
    _ pieces: Int, perform: (Int) throws -> Data, keep: (Int, Data) throws -> Void
  ) throws {
    guard count > 1 else {
      for piece in 0..<pieces { try keep(piece, try perform(piece)) }
      return
    }
    let outcome = Result { isFirst ? try lead(pieces, perform, keep) : try work(perform) }
    // A rank that had no more to do may have left the dealing before another failed.
    let isWhole = try broadcast(Data([(try? outcome.get()) == nil ? 0 : 1])) == Data([1])
    if !isWhole { noteKnown() }
    try outcome.get()
    if !isWhole { throw RankError.stopped }
  }

  /// Rank 0's part of dealing: works, and takes what the others made.
  private func lead(
    _ pieces: Int, _ perform: (Int) throws -> Data, _ keep: (Int, Data) throws -> Void
  ) throws {
    let dealer = Dealer(self, pieces: pieces)
    dealer.start()
    do {
      while let piece = dealer.next() {
        try keep(piece, try perform(piece))
        for (piece, made) in dealer.takeMade() { try keep(piece, made) }
      }
    } catch {
      dealer.stop()
      dealer.wait()
      // What the others had done before they heard of it.
      for (piece, made) in dealer.takeMade() { try? keep(piece, made) }
      throw error
    }
    dealer.wait()
    for (piece, made) in dealer.takeMade() { try keep(piece, made) }
    if let failure = dealer.failure { throw failure }
  }

  /// Another rank's part of dealing: asks, performs, says what it made, until there is no more.
  private func work(_ perform: (Int) throws -> Data) throws {
    var message = Message(kind: .free)
    while true {
      try send(message.bytes, to: 0, .request)
      let answer = Message(try receive(from: 0, .answer).bytes)
      guard answer.kind == .piece else { return }
      do {
        message = Message(kind: .made, piece: answer.piece, body: try perform(answer.piece))
      } catch {
        let isInterruption = error is Interruption
        let text = isInterruption ? "\(error)" : "\(host)\n\(error)"
        try send(
          Message(kind: isInterruption ? .interrupted : .failed, body: Data(text.utf8)).bytes, to: 0, .request
        )
        _ = try receive(from: 0, .answer)
        throw isInterruption ? error : RankError.stopped
      }
    }
  }
}

/// What dealer and worker say to each other.
private struct Message {
  enum Kind: UInt8 { case free, made, failed, interrupted, piece, done }

  var kind: Kind
  var piece = 0
  var body = Data()

  init(kind: Kind, piece: Int = 0, body: Data = Data()) {
    self.kind = kind
    self.piece = piece
    self.body = body
  }

  init(_ bytes: Data) {
    kind = bytes.first.flatMap(Kind.init) ?? .done
    piece = bytes.dropFirst().prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    body = Data(bytes.dropFirst(9))
  }

  var bytes: Data {
    Data([kind.rawValue]) + (0..<8).map { UInt8(truncatingIfNeeded: piece >> (8 * $0)) } + body
  }
}

/// Rank 0's answers to the others while it works itself.
///
/// `@unchecked Sendable`: everything that changes is touched under the condition's lock only.
private final class Dealer: @unchecked Sendable {
  private let ranks: Ranks
  private let pieces: Int
  private let condition = NSCondition()
  private var dealt = 0
  private var made: [(piece: Int, bytes: Data)] = []
  private var isStopped = false
  private var isServing = true
  private var error: (any Error)?

  init(_ ranks: Ranks, pieces: Int) {
    self.ranks = ranks
    self.pieces = pieces
  }

  /// Why dealing ended before its time.
  var failure: (any Error)? { condition.withLock { error } }

  func start() {
    Thread.detachNewThread { [self] in
      var working = ranks.count - 1
      do {
        while working > 0 {
          let (other, bytes) = try ranks.receive(from: nil, .request)
          let answer = answer(to: Message(bytes), of: other)
          if answer.kind != .piece { working -= 1 }
          try ranks.send(answer.bytes, to: other, .answer)
        }
      } catch {
        stop(error)
      }
      condition.withLock {
        isServing = false
        condition.broadcast()
      }
    }
  }

  private func answer(to message: Message, of other: Int) -> Message {
    let text = String(decoding: message.body, as: UTF8.self)
    switch message.kind {
    case .made: condition.withLock { made.append((message.piece, message.body)) }
    case .failed:
      let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      stop(RankError.failed(rank: other, host: String(parts[0]), reason: String(parts.last ?? "")))
    case .interrupted: stop(Interruption(text))
    default: break
    }
    return next().map { Message(kind: .piece, piece: $0) } ?? Message(kind: .done)
  }

  /// The next piece; nil where there is none.
  func next() -> Int? {
    condition.withLock {
      guard !isStopped, dealt < pieces else { return nil }
      defer { dealt += 1 }
      return dealt
    }
  }

  func takeMade() -> [(piece: Int, bytes: Data)] {
    condition.withLock {
      defer { made = [] }
      return made
    }
  }

  func stop(_ reason: (any Error)? = nil) {
    condition.withLock {
      isStopped = true
      if error == nil { error = reason }
    }
  }

  /// Waits until every other rank has heard that there is no more.
  func wait() {
    condition.withLock { while isServing { condition.wait() } }
  }
}
