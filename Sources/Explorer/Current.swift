internal import Synchronization

/// The explorer that is served now: that of a run under way gives way to another as the search finds more.
///
/// A class because all who ask share it.
final class Current: Sendable {
  private struct State {
    var explorer: Explorer
    var looked = ContinuousClock.now
    var isLooking = false
  }

  private let state: Mutex<State>
  private static let pause = Duration.seconds(2)

  init(_ explorer: Explorer) { state = Mutex(State(explorer: explorer)) }

  /// The latest; whether there is a later one is looked after meanwhile.
  var explorer: Explorer {
    let (explorer, looks) = state.withLock { state -> (Explorer, Bool) in
      guard state.explorer.isUnderWay, !state.isLooking, ContinuousClock.now - state.looked > Self.pause
      else {
        return (state.explorer, false)
      }
      state.isLooking = true
      return (state.explorer, true)
    }
    if looks {
      Task.detached { [self] in
        // A file that is being exchanged is read the next time.
        let next = try? await explorer.refreshed()
        state.withLock { state in
          if let next { state.explorer = next }
          (state.isLooking, state.looked) = (false, .now)
        }
      }
    }
    return explorer
  }
}
