internal import Files
internal import Tensors

/// The pictures to train on and to validate with.
public struct TrainingSplit: Sendable {
  public let classNames: [String]
  public let training: DatasetPictures
  /// Nil where nothing is left to validate with.
  public let validation: DatasetPictures?
  /// A digest of the paths and labels, training pictures first, each in their order.
  public let fingerprint: String
  /// What of the folders could not be listed.
  public let unread: [Skipped]

  /// Divides a data set: by another one to validate with, else by its own splits, else by holding a share out.
  ///
  /// - Parameters:
  ///   - pictures: The data set, as ``Dataset/parse(_:)`` reads it.
  ///   - validation: Another data set, of the same classes; nil for none.
  ///   - excluded: Paths of pictures that are left out.
  ///   - holdOut: The share of each class to hold out, at least 0 and below 1, where nothing else divides the data set.
  ///   - seed: Chooses the pictures held out.
  ///   - strict: Whether a picture that cannot be read is an error.
  /// - Throws: ``DatasetError``: pictures without classes, or sets of different classes, above all.
  public init(
    pictures: String, validation: String? = nil, excluded: [String] = [], holdOut: Double = 0,
    seed: UInt64 = 0, strict: Bool = false
  ) throws(DatasetError) {
    guard (0..<1).contains(holdOut) else { throw .holdOut(share: holdOut) }
    let whole = try Dataset.parse(pictures).excluding(Exclusions(excluded))
    guard let classNames = whole.classNames, whole.items.contains(where: { $0.label != nil }) else {
      throw .noLabels(name: pictures)
    }
    self.classNames = classNames
    var (train, held) = (whole, Dataset?.none)
    if let validation {
      let other = try Dataset.parse(validation)
      guard other.classNames == classNames else {
        throw .otherClasses(name: validation, found: other.classNames ?? [], than: pictures, classNames)
      }
      if whole.splits.contains(.train) { train = whole.only(.train) }
      held = other.splits.contains(.validation) ? other.only(.validation) : other
    } else if whole.splits.contains(.train) {
      train = whole.only(.train)
      held = [Dataset.Split.validation, .test].first(where: whole.splits.contains).map(whole.only)
    } else if holdOut > 0 {
      let chosen = Self.heldOut(whole, share: holdOut, seed: seed)
      train = whole.selecting(whole.items.indices.filter { !chosen.contains($0) })
      held = chosen.isEmpty ? nil : whole.selecting(chosen.sorted())
    }
    training = DatasetPictures(train, strict: strict)
    self.validation = held.map { DatasetPictures($0, strict: strict) }
    unread = whole.unread + (validation == nil ? [] : held?.unread ?? [])
    var names = Fingerprint()
    for item in train.items + (held?.items ?? []) { names.add("\(item.path) \(item.label ?? -1)") }
    fingerprint = names.description
  }

  /// A share of each class, rounded to whole pictures, chosen by the seed.
  private static func heldOut(_ dataset: Dataset, share: Double, seed: UInt64) -> Set<Int> {
    var byClass: [Int: [Int]] = [:]
    for item in dataset.items { if let label = item.label { byClass[label, default: []].append(item.id) } }
    var generator = SeededGenerator(seed: seed ^ 0x5EED)
    var chosen = Set<Int>()
    for label in byClass.keys.sorted() {
      let ids = (byClass[label] ?? []).shuffled(using: &generator)
      chosen.formUnion(ids.prefix(Int((Double(ids.count) * share).rounded())))
    }
    return chosen
  }
}
