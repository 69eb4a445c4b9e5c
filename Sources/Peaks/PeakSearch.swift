internal import Execution
public import Networks
internal import Synchronization
public import Tensors

/// One pass over a data set that keeps each unit's strongest peaks, of all layers at once.
///
/// Memory does not grow with the number of pictures: a picture's values die as soon as their peaks are read.
public struct PeakSearch {
  /// What is known after each stretch of pictures; enough to go on from.
  public struct State: Sendable {
    public var peaks: PeakTable
    /// Pictures below this are done.
    public var next: Int

    /// A search that goes on at picture `next`.
    public init(peaks: PeakTable, next: Int = 0) {
      self.peaks = peaks
      self.next = next
    }
  }

  /// Positions of a value's maps: a range of rows and one of columns, neither empty.
  public typealias Part = (rows: Range<Int>, columns: Range<Int>)

  private let runner: Runner
  private let parts: [String: Part]
  /// Pictures between two calls of `observe`.
  private let stretch: Int

  /// - Parameters:
  ///   - network: The network to search.
  ///   - values: The feature maps to search, by value name.
  ///   - parts: The positions that are looked at, by value name; all of a value that is not named.
  ///   - threads: How many pictures are computed side by side.
  ///   - stretch: Pictures between two calls of `observe`.
  /// - Throws: `NetworkError` where a value is not known, or `KernelError` where oneDNN cannot start.
  public init(
    _ network: Network, values: [String], within parts: [String: Part] = [:], threads: Int, stretch: Int = 64
  ) throws {
    self.parts = parts
    runner = try Runner(network, keeping: values, threads: threads)
    self.stretch = stretch
  }

  /// Searches the pictures that the state has not seen yet.
  ///
  /// - Parameters:
  ///   - state: Where to begin; its table says which values are searched and how many peaks are kept.
  ///   - count: The number of pictures.
  ///   - hash: Of a picture's path, by its id: decides which pictures stand for others.
  ///   - input: Makes picture `i`, 1 x rows x columns x channels, on a worker's thread; nil leaves it out.
  ///   - observe: Called between stretches; returning false ends the search there.
  /// - Returns: The state at the end; `next` is `count` unless `observe` ended it.
  /// - Throws: ``PeakError/notANumber(value:image:)``, or what `input` and `observe` throw.
  public func run(
    from state: State, count: Int, hash: @escaping @Sendable (Int) -> UInt64 = { UInt64($0) },
    input: @escaping @Sendable (Int) throws -> Tensor?,
    observe: (State) throws -> Bool
  ) throws -> State {
    let (values, parts) = (state.peaks.values, parts)
    let table = Mutex(state.peaks)
    var state = state
    while state.next < count {
      let end = min(state.next + stretch, count)
      try runner.run(over: state.next..<end, input: input) { trace in
        // Maps are read side by side; one table at a time takes in what was found.
        let found = try PeakTable.peaks(of: values, in: trace, within: parts)
        table.withLock { table in
          for found in found { table.insert(found, hash: hash) }
        }
      }
      state = State(peaks: table.withLock { $0 }, next: end)
      guard try observe(state) else { break }
    }
    return state
  }
}
