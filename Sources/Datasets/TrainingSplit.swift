internal import Files
internal import Tensors

/// The pictures to train on and to validate with.
public struct TrainingSplit: Sendable {
  public let classNames: [String]
  public let training: DatasetPictures
  public let validation: DatasetPictures?
  /// Tells these pictures and classes from others.
  public let digest: String
  /// What of the folders is not used.
  public let unread: [Skipped]

  /// Divides a data set: by its own parts where it has some, else by holding out a share of each class; of all pictures,
  /// where they can hold several.
  ///
  /// - Parameters:
  ///   - specification: The training pictures, as ``Dataset/parse(_:)`` takes them.
  ///   - other: Other pictures to validate with; nil for the data set's own part, or a share held out.
  ///   - excluded: Paths of pictures that are left out.
  ///   - holdOut: The share of each class held out where nothing says which pictures validate, 0 to 1.
  ///   - seed: Decides which pictures are held out.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  /// - Throws: ``DatasetError``, above all where pictures have no class, or the two sets have not the same ones.
  public init(
    _ specification: String, validation other: String? = nil, excluding excluded: [String] = [],
    holdOut: Double = 0.1, seed: UInt64 = 0, strict isStrict: Bool = false
  ) throws(DatasetError) {
    guard (0..<1).contains(holdOut) else { throw .holdOut(share: holdOut) }
    let whole = try Dataset.parse(specification).excluding(Exclusions(excluded))
    guard let classNames = whole.classNames, !whole.labelledIDs.isEmpty else {
      throw .noClasses(name: specification)
    }
    self.classNames = classNames
    var (train, held) = (whole, Dataset?.none)
    if let other {
      held = try Dataset.parse(other)
      guard held?.classNames == classNames else {
        throw .otherClasses(
          name: other, than: specification, difference: Self.difference(held?.classNames ?? [], classNames))
      }
      if let held, held.isMultiple != whole.isMultiple {
        throw .otherClasses(
          name: other, than: specification, difference: "only one of them can show several classes an image")
      }
      if whole.splits.contains(.train) { train = whole.only(.train) }
      if let validating = held, validating.splits.contains(.validation) {
        held = validating.only(.validation)
      }
    } else if whole.splits.contains(.train) {
      train = whole.only(.train)
      let judge: Dataset.Split? = [.validation, .test].first { whole.splits.contains($0) }
      held = judge.map { whole.only($0) }
    } else if holdOut > 0 {
      let chosen = Self.heldOut(whole, share: holdOut, seed: seed)
      train = whole.selecting(whole.items.indices.filter { !chosen.contains($0) })
      held = chosen.isEmpty ? nil : whole.selecting(chosen.sorted())
    }
    training = DatasetPictures(train, strict: isStrict)
    validation = held.map { DatasetPictures($0, strict: isStrict) }
    var names = Fingerprint()
    for item in train.items + (held?.items ?? []) {
      let presences = item.presences.map { " \($0.map(\.rawValue))" } ?? ""
      names.add("\(item.path) \(item.label ?? -1)" + presences)
    }
    digest = names.description
    unread = whole.unread + (other == nil ? [] : held?.unread ?? [])
    if isStrict, let first = unread.first { throw .unlisted(first) }
  }

  private static func difference(_ found: [String], _ expected: [String]) -> String {
    let (found, expected) = (Set(found.map { ExactName($0) }), Set(expected.map { ExactName($0) }))
    let strangers = found.symmetricDifference(expected).sorted().map(\.text)
    return strangers.isEmpty
      ? "they stand in another order" : strangers.prefix(6).joined(separator: ", ")
  }

  /// A share of each class, rounded to whole pictures, chosen by the seed; of all pictures, where they can hold several
  /// classes.
  private static func heldOut(_ dataset: Dataset, share: Double, seed: UInt64) -> Set<Int> {
    let labelled = dataset.labelledIDs.map { dataset.items[$0] }
    let byClass = Dictionary(grouping: labelled) { $0.label ?? 0 }
    var generator = SeededGenerator(seed: seed ^ 0x5EED)
    var chosen = Set<Int>()
    for label in byClass.keys.sorted() {
      let items = (byClass[label] ?? []).shuffled(using: &generator)
      chosen.formUnion(items.prefix(Int((Double(items.count) * share).rounded())).map(\.id))
    }
    return chosen
  }
}
