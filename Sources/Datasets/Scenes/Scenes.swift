public import Images
internal import Tensors

/// The built-in source of labelled pictures: drawn, endless, the same on every machine, and no file needed.
///
/// Each shows one object of ten classes that are put together from parts that classes share. Colour, texture, size,
/// pose, light, clutter and occlusion are drawn without regard to the class.
public struct Scenes: ImageSource {
  public let settings: Settings

  /// - Parameter settings: Which scenes, and of what size.
  public init(_ settings: Settings) {
    self.settings = settings
  }

  /// Draws the scene of an id: training scenes come first, then those for validation.
  ///
  /// A scene follows from the seed and its number in its split, whatever the counts; no number is in both splits.
  ///
  /// A scene without some parts is the same in all else: pose, colours, backdrop, what stands in front, exposure and
  /// grain. What the parts hid is visible, the rest of the object or the backdrop, and their shadow and the darkened
  /// rim around them are gone. Parts that were fixed to one that is removed float, as a cat's eyes without its head.
  ///
  /// - Note: Shadows are blurred with running sums of floats, which round differently without a part. A pixel outside
  ///   the part's reach may therefore differ by one level of 255; in pictures of 64 x 64 one did in 3 removals of 1000.
  ///
  /// - Parameters:
  ///   - id: Its number among training scenes, or past those, among the ones for validation.
  ///   - removed: Names of parts that the object is drawn without, all parts of each name; those it does not have
  ///     change nothing.
  /// - Returns: The scene; its ``Scene/object`` lists the parts that are left.
  public func scene(_ id: Int, without removed: Set<ScenePart> = []) -> Scene {
    let (split, number) = settings.place(of: id)
    // Even numbers train and odd ones validate; mixing is one to one, so no two scenes begin alike.
    let stream = Self.mixed(settings.seed) &+ UInt64(2 * number + (split == .train ? 0 : 1))
    var chance = Chance(seed: Self.mixed(stream))
    return Scene(
      label: number % Scene.classNames.count, side: settings.size, chance: &chance, without: removed)
  }

  /// The scene's pixels: ``Settings/size`` x ``Settings/size``.
  public func picture(_ id: Int) throws(ImageError) -> Picture { scene(id).picture }

  /// ``Settings/size`` by ``Settings/size`` for every scene.
  public func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) {
    (settings.size, settings.size)
  }

  /// The object, with its parts.
  public func regions(of id: Int) -> [Region] { [scene(id).object] }

  /// The pixels of each of the object's parts, and the scene without that part.
  ///
  /// The whole scene is drawn once, and again for each part listed. Never nil.
  public func partRemovals(of id: Int) -> PartRemovals? {
    let whole = scene(id)
    let parts = Set(whole.parts).sorted { $0.rawValue < $1.rawValue }
    let visible = parts.map { (part: $0, mask: whole.mask(of: $0)) }.filter { _, mask in
      mask.count(where: \.self) >= PartRemovals.leastVisiblePixels
    }
    return PartRemovals(
      object: whole.objectMask,
      parts: visible.map { part, mask in
        .init(name: part.rawValue, mask: mask, without: scene(id, without: [part]).picture)
      })
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var generator = SeededGenerator(seed: value)
    return generator.next()
  }
}

extension Scenes {
  /// Which scenes are drawn: what follows `scenes:` on the command line, as `size=96,count=2000,seed=7`.
  public struct Settings: Hashable, Sendable {
    /// Rows and columns in pixels.
    public var size: Int
    /// Scenes to train on.
    public var count: Int
    /// Scenes to validate with.
    public var validation: Int
    public var seed: UInt64

    /// - Parameters:
    ///   - size: Rows and columns in pixels, 16 or more.
    ///   - count: Scenes to train on.
    ///   - validation: Scenes to validate with, numbered after those.
    ///   - seed: Decides all of them.
    public init(size: Int = 64, count: Int = 10_000, validation: Int = 1000, seed: UInt64 = 0) {
      precondition(size >= 16 && count >= 0 && validation >= 0, "\(count) + \(validation) scenes of \(size)")
      self.size = size
      self.count = count
      self.validation = validation
      self.seed = seed
    }

    /// Reads `size`, `count`, `validation`, `split` and `seed`, each once at most; with a split, `count` is its own.
    ///
    /// - Throws: ``DatasetError/specification(text:reason:)`` for another word, or a number out of range.
    init(_ text: String) throws(DatasetError) {
      self.init()
      func fail(_ reason: String) -> DatasetError { .specification(text: "scenes:" + text, reason: reason) }
      var values: [String: String] = [:]
      for field in text.split(separator: ",", omittingEmptySubsequences: false) where !text.isEmpty {
        let sides = field.split(separator: "=", maxSplits: 1).map(String.init)
        guard sides.count == 2, ["size", "count", "validation", "split", "seed"].contains(sides[0]) else {
          throw fail(
            "it takes size, count, validation, split and seed, as in scenes:size=64,count=2000, not '\(field)'."
          )
        }
        guard values.updateValue(sides[1], forKey: sides[0]) == nil else {
          throw fail("\(sides[0]) comes twice.")
        }
      }
      func number(_ word: String, _ range: ClosedRange<Int>) throws(DatasetError) -> Int? {
        guard let value = values[word] else { return nil }
        guard let number = Int(value), range.contains(number) else {
          throw fail("\(word) is a number from \(range.lowerBound) to \(range.upperBound), not '\(value)'.")
        }
        return number
      }
      size = try number("size", 16...1024) ?? size
      count = try number("count", 1...10_000_000) ?? count
      let validates = try number("validation", 0...10_000_000)
      // A tenth as many as are trained on, if nothing else is said.
      validation = validates ?? count / 10
      seed = UInt64(try number("seed", 0...Int.max) ?? 0)
      guard let name = values["split"] else { return }
      guard validates == nil else { throw fail("with split=, count says how many: leave validation= out.") }
      switch Dataset.Split(named: name) {
      case .train: validation = 0
      case .validation: (count, validation) = (0, values["count"] == nil ? validation : count)
      case .test, nil: throw fail("split is train or validation, not '\(name)'.")
      }
    }

    /// The split of an id, and its number there.
    func place(of id: Int) -> (split: Dataset.Split, number: Int) {
      id < count ? (.train, id) : (.validation, id - count)
    }
  }
}

extension Dataset {
  /// Drawn scenes, their names telling all that they follow from.
  public init(_ settings: Scenes.Settings) {
    let items = (0..<settings.count + settings.validation).map { id in
      let (split, number) = settings.place(of: id)
      return Item(
        path: "scenes-\(settings.seed)-\(settings.size)/\(split.rawValue)/\(number)",
        label: number % Scene.classNames.count, split: split)
    }
    self.init(name: "scenes:", items: items, classNames: Scene.classNames, source: Scenes(settings))
  }
}
