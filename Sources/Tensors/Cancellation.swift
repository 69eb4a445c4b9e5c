/// Whether work that is under way should stop: asked often, between two pieces of the work.
///
/// A program ties it to what it knows: a signal, a button, a deadline.
public struct Cancellation: Sendable {
  private let ask: @Sendable () -> Bool

  /// - Parameter isRaised: Answers from any thread, at once; once true, it stays true.
  public init(_ isRaised: @escaping @Sendable () -> Bool) {
    ask = isRaised
  }

  /// Work that is not to be stopped.
  public static let never = Cancellation { false }

  public var isRaised: Bool { ask() }

  /// - Throws: ``Interruption`` where the work should stop.
  public func check() throws(Interruption) {
    if isRaised { throw Interruption() }
  }
}

/// The work stopped because it was asked to.
public struct Interruption: Error, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String = "stopped.") {
    self.description = description
  }
}
