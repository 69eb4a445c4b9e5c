internal import Figures

/// Who is told how a job goes: a terminal, a log, a server, or nobody.
///
/// Called on the thread that performs the job.
public struct Listener: Sendable {
  /// Told how far a counted part of the job is: often, and once more when it is done.
  public var progress: @Sendable (Progress) -> Void
  /// Told what a person should know: a guess, an epoch's figures, what goes on after an interruption.
  public var note: @Sendable (String) -> Void

  /// A listener that hears nothing of what is not given.
  public init(
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    note: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.progress = progress
    self.note = note
  }

  /// The same listener for a job that is one of several: what it says begins with a name.
  func named(_ name: String) -> Listener {
    let (progress, note) = (progress, note)
    return Listener(
      progress: { report in
        var report = report
        report.label = name + report.label
        progress(report)
      }, note: { note(name + $0) })
  }

  /// How far a counted part of a job is.
  public struct Progress: Sendable, CustomStringConvertible {
    public var label: String
    /// What is counted, in the plural: `pictures`.
    public var unit: String
    public var done: Int
    public var total: Int
    /// What an earlier attempt had done.
    public var alreadyDone: Int
    /// Seconds since this attempt began.
    public var seconds: Double
    public var isFinished: Bool

    /// As a line: done, rate and time left; or what it took in all.
    public var description: String {
      let fresh = max(done - alreadyDone, 0)
      let speed = Double(fresh) / seconds
      let rate =
        seconds > 0 && fresh > 0
        ? ", \(speed < 1000 ? "\(speed.rounded(decimals: 1))" : Int(speed.rounded()).grouped)/s" : ""
      if isFinished { return "\(label): \(done.counted(unit)) in \(Self.time(seconds))" + rate }
      let left = seconds / Double(max(fresh, 1)) * Double(max(total - done, 0))
      return "\(label): \(done.grouped)/\(total.counted(unit))" + rate
        + (fresh > 0 ? ", \(Self.time(left)) left" : "")
    }

    /// A duration as a person says it: `8.4 s`, `3 min 20 s`, `2 h 5 min`.
    static func time(_ seconds: Double) -> String {
      if seconds < 10 { return "\(seconds.rounded(decimals: 1)) s" }
      let whole = Int(min(seconds, 1e9).rounded())
      return whole < 100
        ? "\(whole) s"
        : whole < 6000 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }
  }
}

/// Counts one part of a job and tells the listener.
package struct Meter {
  private let listener: Listener
  private let started = ContinuousClock.now
  private var progress: Listener.Progress

  package init(_ listener: Listener, _ label: String, total: Int, unit: String, alreadyDone: Int = 0) {
    self.listener = listener
    progress = Listener.Progress(
      label: label, unit: unit, done: alreadyDone, total: total, alreadyDone: alreadyDone, seconds: 0,
      isFinished: false)
  }

  package mutating func show(_ done: Int) {
    progress.done = min(done, progress.total)
    tell()
  }

  package mutating func finish() {
    progress.done = progress.total
    progress.isFinished = true
    tell()
  }

  private mutating func tell() {
    progress.seconds = started.duration(to: .now).seconds
    listener.progress(progress)
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
