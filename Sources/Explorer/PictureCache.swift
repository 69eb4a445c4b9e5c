internal import Synchronization

/// Encoded pictures that were asked for last, by their addresses.
///
/// A class because all who make pictures share it.
final class PictureCache: Sendable {
  private struct State {
    var kept: [String: (bytes: [UInt8], use: Int)] = [:]
    var (bytes, uses) = (0, 0)
  }

  private let state = Mutex(State())
  private let most: Int

  /// - Parameter most: How many bytes are kept.
  init(most: Int = 192 << 20) { self.most = most }

  subscript(key: String) -> [UInt8]? {
    get {
      state.withLock { state in
        guard let found = state.kept[key] else { return nil }
        state.uses += 1
        state.kept[key]?.use = state.uses
        return found.bytes
      }
    }
    set {
      state.withLock { state in
        state.bytes += (newValue?.count ?? 0) - (state.kept[key]?.bytes.count ?? 0)
        state.uses += 1
        state.kept[key] = newValue.map { ($0, state.uses) }
        while state.bytes > most, state.kept.count > 1,
          let oldest = state.kept.min(by: { $0.value.use < $1.value.use })
        {
          state.bytes -= oldest.value.bytes.count
          state.kept[oldest.key] = nil
        }
      }
    }
  }
}
