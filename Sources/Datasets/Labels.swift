/// What is known of the classes of some pictures, in the pictures' order.
public enum Labels: Hashable, Sendable {
  /// The index of each picture's one class.
  case classes([Int])
  /// For each picture and class, whether the picture shows it: pictures can hold several classes, or none.
  case presences([[Dataset.Presence]])

  /// The number of pictures.
  public var count: Int {
    switch self {
    case .classes(let labels): labels.count
    case .presences(let presences): presences.count
    }
  }

  /// Whether a picture can hold several classes.
  public var isMultiple: Bool {
    if case .presences = self { true } else { false }
  }

  /// What is known of some of the pictures.
  ///
  /// - Parameter ids: Their places, in the order wanted.
  /// - Returns: As many labels, in that order.
  public func selecting(_ ids: [Int]) -> Labels {
    switch self {
    case .classes(let labels): .classes(ids.map { labels[$0] })
    case .presences(let presences): .presences(ids.map { presences[$0] })
    }
  }
}

extension Dataset {
  /// Ids of the pictures whose class, or classes where pictures can hold several, are known.
  package var labelledIDs: [Int] {
    let isMultiple = isMultiple
    return items.indices.filter { isMultiple ? items[$0].presences != nil : items[$0].label != nil }
  }

  /// What is known of the classes of some pictures, each of which has a label.
  package func labels(of ids: [Int]) -> Labels {
    isMultiple
      ? .presences(ids.map { items[$0].presences ?? [] }) : .classes(ids.map { items[$0].label ?? 0 })
  }
}
