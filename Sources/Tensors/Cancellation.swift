#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

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

  /// - Parameter message: What was stopped, and what goes on with it.
  /// - Throws: ``Interruption`` where the work should stop.
  public func check(_ message: String = "stopped.") throws(Interruption) {
    if isRaised { throw Interruption(message) }
  }

  /// Whether whoever started the process had it ignore a signal, as a shell has of what runs on behind its `&`.
  public static func isIgnored(_ number: Int32) -> Bool {
    let handler = signal(number, SIG_IGN)
    signal(number, handler)
    return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

/// The work stopped because it was asked to.
public struct Interruption: Error, Hashable, CustomStringConvertible {
  public let description: String

  public init(_ description: String = "stopped.") {
    self.description = description
  }
}

/// An error that the caller can put right: a bad file, argument or data set, as against a fault of the program.
public protocol BadInput: Error {
  /// False for the rare case that was asked for in good order and failed all the same.
  var isForTheCallerToMend: Bool { get }
}

/// A fault of a model: messages begin with the name of its file.
public protocol ModelFault: BadInput {}

extension BadInput {
  public var isForTheCallerToMend: Bool { true }
}
