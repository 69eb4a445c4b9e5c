public import Networks

/// What each layer of a network buys (the paper's table 3): variants of an architecture, each trained alike.
public struct Ablation: Hashable, Sendable {
  /// A network as edits of an architecture.
  public struct Variant: Hashable, Sendable {
    public var name: String
    /// The architecture's name.
    public var base: String
    public var edits = Architecture.Edits()
    /// What a paper found for it.
    public var published: Errors?

    package init(name: String, base: String, edits: Architecture.Edits = .init(), published: Errors? = nil) {
      self.name = name
      self.base = base
      self.edits = edits
      self.published = published
    }
  }

  /// How often a network is wrong, in percent.
  public struct Errors: Codable, Hashable, Sendable {
    /// Of the finished network on the training pictures.
    public var trainTop1: Double
    /// Of the validation pictures.
    public var top1: Double
    public var top5: Double

    package init(trainTop1: Double, top1: Double, top5: Double) {
      self.trainTop1 = trainTop1
      self.top1 = top1
      self.top5 = top5
    }
  }

  /// What a variant takes.
  public struct Cost: Codable, Hashable, Sendable {
    public var parameters: Int
    /// For one picture.
    public var multiplyAccumulates: Int
  }

  public var variants: [Variant]
  public var seeds: [UInt64]
  /// Rows and columns of the networks' input.
  public var input: Int
  /// The share of maps and units that layers have, before a variant's own sizes.
  public var width: Double

  package init(variants: [Variant], seeds: [UInt64], input: Int = 224, width: Double = 1) {
    self.variants = variants
    self.seeds = seeds
    self.input = input
    self.width = width
  }

  /// What each variant takes, in their order, found without training any.
  ///
  /// - Throws: ``StudyError`` naming the first variant that does not fit together, with layer and shapes.
  public func costs(classes: Int) throws(StudyError) -> [Cost] {
    try variants.map { variant throws(StudyError) in
      do {
        var architecture = try Architecture.named(variant.base).scaled(input: input, width: width)
          .edited(by: variant.edits)
        architecture.classes = classes
        let account = try architecture.account()
        return Cost(
          parameters: account.reduce(0) { $0 + $1.parameters },
          multiplyAccumulates: account.reduce(0) { $0 + $1.multiplyAccumulates })
      } catch {
        throw StudyError("variant '\(variant.name)': \(error)")
      }
    }
  }
}
