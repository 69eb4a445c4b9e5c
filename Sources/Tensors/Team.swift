internal import Dispatch
internal import Foundation
internal import Synchronization

/// Threads that share many small pieces of work, one piece after another: an operation of a few microseconds is over
/// before a sleeping thread has woken up, so these look for more work for a moment before they sleep.
///
/// The caller waits for nobody who has not begun: beside other programs, which may have the members' processors, it
/// computes their shares itself. A class because its threads know it; they live as long as the process.
final class Team: Sendable {
  static let shared = Team()

  /// One caller at a time; whoever comes meanwhile works another way.
  private let turn = Mutex([Member]())
  private let work = Mutex<(@Sendable (Int) -> Void)?>(nil)
  /// A round's number, times ``mostShares``, and how many shares it has.
  private let round = Atomic(0)
  /// The round's number, times ``mostShares``, and the next share that nobody has begun.
  private let ticket = Atomic(0)
  private let unfinished = Atomic(0)

  private static let mostShares = 256
  /// How often a thread looks before it sleeps: some tens of microseconds, longer than most operations.
  private static let looks = 1 << 18
  /// How often the caller looks before it lets others run.
  private static let patience = 1 << 15

  private final class Member: Sendable {
    let isAsleep = Atomic(false)
    let alarm = DispatchSemaphore(value: 0)
  }

  /// Computes each share.
  ///
  /// - Parameters:
  ///   - shares: How many there are.
  ///   - body: Computes one, given its number.
  /// - Returns: Whether it was done; not if another caller has the team, or there are too many.
  func perform(_ shares: Int, _ body: @Sendable (Int) -> Void) -> Bool {
    guard (1..<Self.mostShares).contains(shares) else { return false }
    return turn.withLockIfAvailable { members in
      while members.count < shares - 1 { members.append(hire()) }
      withoutActuallyEscaping(body) { body in
        work.withLock { $0 = body }
        let number = round.load(ordering: .relaxed) / Self.mostShares + 1
        unfinished.store(shares, ordering: .relaxed)
        ticket.store(number * Self.mostShares, ordering: .releasing)
        round.store(number * Self.mostShares + shares, ordering: .sequentiallyConsistent)
        for member in members.prefix(shares - 1)
        where member.isAsleep.exchange(false, ordering: .sequentiallyConsistent) { member.alarm.signal() }
        take(round: number, of: shares)
        var looks = 0
        while unfinished.load(ordering: .acquiring) > 0 {
          looks += 1
          if looks > Self.patience { sched_yield() }
        }
        work.withLock { $0 = nil }
      }
      return true
    } ?? false
  }

  /// Computes shares of a round until all have been begun.
  private func take(round number: Int, of shares: Int) {
    var seen = ticket.load(ordering: .acquiring)
    while seen / Self.mostShares == number, seen % Self.mostShares < shares {
      let (isMine, found) = ticket.compareExchange(
        expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
      if isMine {
        // The caller waits for it, so the work is still there.
        work.withLock { $0 }?(seen % Self.mostShares)
        unfinished.subtract(1, ordering: .releasing)
      }
      seen = isMine ? ticket.load(ordering: .acquiring) : found
    }
  }

  private func hire() -> Member {
    let member = Member()
    let seen = round.load(ordering: .relaxed)
    let thread = Thread { [self] in attend(member, since: seen) }
    thread.name = "team"
    thread.qualityOfService = .userInitiated
    thread.stackSize = 4 << 20
    thread.start()
    return member
  }

  private func attend(_ member: Member, since first: Int) {
    var seen = first
    while true {
      var looks = 0
      while round.load(ordering: .acquiring) == seen {
        looks += 1
        if looks < Self.looks { continue }
        member.isAsleep.store(true, ordering: .sequentiallyConsistent)
        // A round that began meanwhile either sees that this one sleeps, and rings, or is seen here.
        if round.load(ordering: .sequentiallyConsistent) == seen
          || !member.isAsleep.exchange(false, ordering: .sequentiallyConsistent)
        {
          member.alarm.wait()
        }
        looks = 0
      }
      seen = round.load(ordering: .acquiring)
      take(round: seen / Self.mostShares, of: seen % Self.mostShares)
    }
  }
}
