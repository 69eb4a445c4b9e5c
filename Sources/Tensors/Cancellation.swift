/// Whether work should end early; asked often, from any thread, so it must be cheap.
public struct Cancellation: Sendable {
  private let isAsked: @Sendable () -> Bool

  /// - Parameter isAsked: Whether somebody asked to stop; by default nobody ever does.
  public init(_ isAsked: @escaping @Sendable () -> Bool = { false }) {
    self.isAsked = isAsked
  }

  /// Whether somebody asked to stop.
  public var isRaised: Bool { isAsked() }

  /// Ends the work that calls it where somebody asked to stop.
  ///
  /// - Parameter message: What was stopped, and what goes on with it.
  /// - Throws: ``Interruption``.
  public func check(_ message: String = "stopped.") throws(Interruption) {
    if isRaised { throw Interruption(message) }
  }
}

/// Work ended because it was asked to; what it had done stays.
public struct Interruption: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
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
