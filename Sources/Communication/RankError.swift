public import Tensors

/// What keeps ranks from doing a job together.
public enum RankError: BadInput, Equatable, CustomStringConvertible {
  /// MPI cannot do what was asked of it, in its own words.
  case communication(rank: Int, host: String, reason: String)
  /// Work of one rank failed, with the message of its own error.
  case failed(rank: Int, host: String, reason: String)
  /// Several ranks were started, and the program was built without MPI.
  case built
  /// Another rank has said what is wrong.
  case stopped

  public var description: String {
    switch self {
    case .communication(let rank, let host, let reason): "rank \(rank) on \(host): \(reason)"
    case .failed(let rank, let host, let reason): "rank \(rank) on \(host): \(reason)"
    case .built:
      "several ranks were started, and this program was built without MPI: each would do the whole job. Build it with "
        + "--traits MPI, start it once, or divide the job with --shard."
    case .stopped: "another rank stopped the job."
    }
  }

  public var isForTheCallerToMend: Bool {
    if case .communication = self { false } else { true }
  }
}
