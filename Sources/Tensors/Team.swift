internal import Dispatch
internal import Foundation
internal import Synchronization

/// Threads that share many small pieces of work, one piece after another: an operation of a few microseconds is over before
/// a sleeping thread has woken up, so these look for more work for a moment before they sleep.
///
/// A class because its threads know it; they live as long as the process.
final class Team: Sendable {
  static let shared = Team()

  /// One caller at a time; whoever comes meanwhile works another way.
  private let turn = Mutex([Member]())
  private let work = Mutex<(@Sendable (Int) -> Void)?>(nil)
  /// A number that each round raises, times ``mostShares``, and how many shares the round has.
  private let round = Atomic(0)
  private let unfinished = Atomic(0)

  private static let mostShares = 256
  /// How often a thread looks before it sleeps: some tens of microseconds.
  private static let looks = 1 << 15

  private final class Member: Sendable {
    let isAsleep = Atomic(false)
    let alarm = DispatchSemaphore(value: 0)
  }

  /// Computes each share, the first on the caller's thread.
  ///
  /// - Parameters:
  ///   - shares: How many there are.
  ///   - body: Computes one, given its number.
  /// - Returns: Whether it was done; not if another caller has the team.
  func perform(_ shares: Int, _ body: @Sendable (Int) -> Void) -> Bool {
    guard shares <= Self.mostShares else { return false }
    return turn.withLockIfAvailable { members in
      while members.count < shares - 1 { members.append(hire(number: members.count + 1)) }
      withoutActuallyEscaping(body) { body in
        work.withLock { $0 = body }
        unfinished.store(shares - 1, ordering: .relaxed)
        let next = (round.load(ordering: .relaxed) / Self.mostShares + 1) * Self.mostShares + shares - 1
        round.store(next, ordering: .sequentiallyConsistent)
        for member in members.prefix(shares - 1)
        where member.isAsleep.exchange(false, ordering: .sequentiallyConsistent) { member.alarm.signal() }
        body(0)
        var looks = 0
        while unfinished.load(ordering: .acquiring) > 0 {
          looks += 1
          // Where other programs have the processors, the members may be waiting for this one.
          if looks > Self.looks { sched_yield() }
        }
        work.withLock { $0 = nil }
      }
      return true
    } ?? false
  }

  private func hire(number: Int) -> Member {
    let member = Member()
    let seen = round.load(ordering: .relaxed)
    let thread = Thread { [self] in attend(member, number, since: seen) }
    thread.name = "team \(number)"
    thread.qualityOfService = .userInitiated
    thread.stackSize = 4 << 20
    thread.start()
    return member
  }

  private func attend(_ member: Member, _ number: Int, since first: Int) {
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
      guard number <= seen % Self.mostShares else { continue }
      work.withLock { $0 }?(number)
      unfinished.subtract(1, ordering: .releasing)
    }
  }
}
