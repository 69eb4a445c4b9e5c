public import Datasets
internal import Execution
public import Images
internal import Kernels
internal import Networks
internal import Synchronization
public import Tensors

/// Pictures labelled by a network, or by several of the same classes whose probabilities are averaged.
public struct Classification {
  /// One label of a picture.
  public struct Label: Encodable, Sendable {
    public var index: Int
    public var name: String
    public var probability: Float

    package init(index: Int, name: String, probability: Float) {
      (self.index, self.name, self.probability) = (index, name, probability)
    }
  }

  /// One picture's labels.
  public struct Entry: Encodable, Sendable {
    public var image: String
    /// The true class, where it is known.
    public var label: Int?
    /// The most probable first.
    public var top: [Label]

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(image, forKey: .image)
      try container.encode(label, forKey: .label)
      try container.encode(top, forKey: .top)
    }

    private enum CodingKeys: CodingKey { case image, label, top }
  }

  /// Labels of all pictures that could be read, and shares of right ones where classes are known.
  public struct Result: Encodable, Sendable {
    /// Shares of the pictures whose true class is known; nil where none is.
    public var top1: Double?
    public var top5: Double?
    public var pictures: [Entry]
    public var skipped: [Skipped]
  }

  /// One network, ready to run, with its own way to prepare pictures.
  private typealias Member = (subject: Subject, head: ClassHead, runner: Runner)

  private let members: [Member]
  private let placements: [Placement]
  private let depth: Int
  private let threads: Int
  private let cancellation: Cancellation

  /// - Parameters:
  ///   - subjects: Networks of the same classes, one or more.
  ///   - placements: The crops of each picture that probabilities are averaged over.
  ///   - depth: Labels given for each picture.
  ///   - threads: How many pictures are computed side by side.
  ///   - cancellation: Asked before each picture, and before each operation of a pass.
  /// - Throws: ``StudyError`` for a network that is no classifier, or of other classes.
  public init(
    _ subjects: [Subject], at placements: [Placement] = [.center], top depth: Int = 5, threads: Int,
    cancellation: Cancellation = .never
  ) throws {
    members = try subjects.map { subject -> Member in
      guard let head = subject.head else {
        let end =
          subject.network.outputs.first.map { "in values of \(subject.shapes[$0] ?? [])" } ?? "in nothing"
        throw StudyError("\(subject.model) is no classifier: it ends \(end), not in scores of classes.")
      }
      return (
        subject, head,
        try Runner(
          subject.network, keeping: [head.scores], threads: threads, cancellation: cancellation)
      )
    }
    for member in members.dropFirst()
    where member.head.classes != members[0].head.classes
      || member.subject.network.classes != members[0].subject.network.classes
    {
      throw StudyError(
        "\(member.subject.model) has other classes than \(members[0].subject.model): they cannot be averaged."
      )
    }
    self.placements = placements
    self.depth = depth
    self.threads = threads
    self.cancellation = cancellation
  }

  /// How many classes the networks tell apart.
  public var classes: Int { members[0].head.classes }

  /// Labels pictures.
  ///
  /// - Parameters:
  ///   - dataset: The pictures.
  ///   - truth: True classes by picture id, where they are known.
  ///   - isStrict: Whether a picture that cannot be read is an error.
  ///   - listener: Told how far it is.
  /// - Returns: Labels of all pictures that could be read.
  /// - Throws: ``StudyError`` where none could be read or scores are not finite, or `Interruption`.
  public func result(
    of dataset: Dataset, truth: [Int: Int], strict isStrict: Bool = false,
    listener: Listener = Listener()
  ) throws -> Result {
    if isStrict, let first = dataset.unread.first { throw DatasetError.unlisted(first) }
    let pictures = members.map {
      PreparedPictures(dataset, $0.subject.preprocessing, strict: isStrict, cancellation: cancellation)
    }
    let network = members[0].subject.network
    let count = dataset.items.count
    var meter = Meter(listener, "classify", total: count, unit: "images")
    var entries: [Int: Entry] = [:]
    var ranks: [Int] = []
    for start in stride(from: 0, to: count, by: 64) {
      let range = start..<min(start + 64, count)
      for (image, probabilities) in try probabilities(of: range, pictures) {
        let item = dataset.items[image]
        guard !probabilities.contains(where: \.isNaN) else {
          throw StudyError(
            "\(members[0].subject.model): its scores are not finite (NaN, or infinite) for \(item.path). "
              + "Check the network's weights and how images are preprocessed.")
        }
        let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
        let label = truth[image]
        if let label, let rank = order.firstIndex(of: label) { ranks.append(rank) }
        entries[image] = Entry(
          image: item.path, label: label,
          top: order.prefix(depth).map {
            Label(index: $0, name: network.name(ofClass: $0), probability: probabilities[$0])
          })
      }
      meter.show(range.upperBound)
    }
    meter.finish()
    let skipped = dataset.unread + pictures[0].skipped()
    guard !entries.isEmpty else {
      throw StudyError(
        "none of the images in \(dataset.title) could be read: \(pictures[0].skipped().first?.reason ?? "there are none")"
      )
    }
    func share(_ depth: Int) -> Double? {
      ranks.isEmpty ? nil : Double(ranks.count { $0 < depth }) / Double(ranks.count)
    }
    return Result(
      top1: share(1), top5: share(5), pictures: entries.sorted { $0.key < $1.key }.map(\.value),
      skipped: skipped)
  }

  /// Probabilities by picture, averaged over networks and placements.
  private func probabilities(of range: Range<Int>, _ pictures: [PreparedPictures]) throws -> [Int: [Float]] {
    var all: [Int: [[Float]]] = [:]
    for (member, pictures) in zip(members, pictures) {
      let (head, placements) = (member.head, placements)
      // A picture is decoded once for all its placements, which are then computed side by side.
      let inputs = try Pool.map(over: range, threads: threads) { try pictures.tensors($0, at: placements) }
      let count = placements.count
      let found = Mutex([Int: [Float]]())
      try member.runner.run(
        over: 0..<range.count * count, input: { index in inputs[index / count].map { $0[index % count] } }
      ) { trace in
        guard let values = trace[head.scores] else { return }
        for (index, image) in trace.images.enumerated() {
          let one = values.slices(index..<index + 1)
          let probabilities = try head.probabilities(of: one.reshaped(to: [1, one.shape.count])).elements
          found.withLock { $0[image] = probabilities }
        }
      }
      // In the order of the placements, so that sums are the same however many threads there were.
      for (index, probabilities) in found.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
        all[range.lowerBound + index / count, default: []].append(probabilities)
      }
    }
    return all.mapValues { parts in
      if parts.count == 1 { return parts[0] }
      return parts[0].indices.map { index in parts.reduce(0) { $0 + $1[index] } / Float(parts.count) }
    }
  }
}
