import Datasets
import Foundation
import Images
import TestSupport
import Testing

@Suite struct BuiltInScenes {
  /// FNV-1a over bytes.
  private func digest(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  @Test func `the first scenes of a seed have the bytes that they always had`() throws {
    let dataset = try Dataset.parse("scenes:count=10,validation=10")
    let bytes = try dataset.items.flatMap { try dataset.picture($0.id).pixels }
    #expect(digest(bytes) == 6_523_752_469_083_034_388)
  }

  @Test func `a scene follows from its seed and its number in its split, not from the counts`() throws {
    let few = try Dataset.parse("scenes:count=4,validation=2")
    let many = try Dataset.parse("scenes:count=40,validation=20")
    #expect(try few.picture(3) == many.picture(3))
    #expect(try few.picture(5) == many.picture(41))
    #expect(few.items[5].path == many.items[41].path)
    #expect(try few.picture(3) != Dataset.parse("scenes:count=4,seed=1").picture(3))
  }

  @Test func `training and validation share no picture, and classes come evenly`() throws {
    let dataset = try Dataset.parse("scenes:size=16,count=300,validation=300")
    let train = dataset.only(.train)
    let validation = dataset.only(.validation)
    let seen = try Set(train.items.map { try train.picture($0.id) })
    #expect(seen.count == 300)
    for item in validation.items { #expect(!seen.contains(try validation.picture(item.id))) }
    for label in 0..<10 { #expect(train.items.count { $0.label == label } == 30) }
    #expect(Set(dataset.items.map(\.path)).count == 600)
    #expect(dataset.classNames?.count == 10)
  }

  @Test func `a split alone has as many as said`() throws {
    let validation = try Dataset.parse("scenes:count=30,split=validation")
    #expect(validation.items.count == 30)
    #expect(validation.splits == [.validation])
    #expect(try validation.picture(7) == Dataset.parse("scenes:count=5,validation=9").picture(12))
    #expect(try Dataset.parse("scenes:count=30,split=train").splits == [.train])
  }

  @Test func `boxes lie in the picture, parts in the object, and the object is seen`() throws {
    let scenes = Scenes(.init(size: 96, count: 200, validation: 0))
    var names: [ScenePart: Set<Int>] = [:]
    for id in 0..<200 {
      let scene = scenes.scene(id)
      let object = scene.object.box
      #expect(object.top >= 0 && object.left >= 0 && object.bottom <= 96 && object.right <= 96)
      #expect(object.rows >= 24 && object.columns >= 24, "scene \(id): \(object)")
      let seen = try #require(scene.object.visibility)
      #expect(seen > 0.6 && seen <= 1, "scene \(id): \(seen)")
      for part in scene.object.parts {
        let (box, visibility) = (part.box, try #require(part.visibility))
        names[try #require(ScenePart(rawValue: part.name)), default: []].insert(scene.label)
        #expect(box.rows > 0 && box.columns > 0 && visibility >= 0 && visibility <= 1)
        #expect(box.top >= object.top && box.left >= object.left)
        #expect(box.bottom <= object.bottom && box.right <= object.right)
      }
    }
    for shared in [.wheel, .window, .eye, .wing, .tail, .leg, .handle, .seat] as [ScenePart] {
      #expect(names[shared, default: []].count >= 2, "\(shared) belongs to \(names[shared] ?? [])")
    }
  }

  @Test func `regions name the object and its parts`() throws {
    let dataset = try Dataset.parse("scenes:count=10")
    let region = try #require(dataset.regions(of: 4).first)
    #expect(region.name == "car")
    #expect(region.parts.count { $0.name == "wheel" } == 2)
  }

  @Test func `the pixels around an object's middle do not tell its class by colour`() throws {
    // Means of 3 colours over 100 scenes a class: their spread is what chance gives, about 0.2 / sqrt(100) each.
    let scenes = Scenes(.init(size: 16, count: 1000, validation: 0))
    var means = [[Double]](repeating: [0, 0, 0], count: 10)
    for id in 0..<1000 {
      let scene = scenes.scene(id)
      for (index, value) in scene.picture.pixels.enumerated() {
        means[scene.label][index % 3] += Double(value) / 255 / 256 / 100
      }
    }
    for channel in 0..<3 {
      let values = means.map { $0[channel] }
      #expect((values.max() ?? 1) - (values.min() ?? 0) < 0.12, "\(values)")
    }
  }

  @Test(arguments: [
    ("scenes:size=8", "size is a number from 16 to 1024, not '8'."),
    ("scenes:count=none", "count is a number from 1 to 10000000, not 'none'."),
    ("scenes:split=test", "split is train or validation, not 'test'."),
    ("scenes:seed=1,seed=2", "seed comes twice."),
    ("scenes:split=train,validation=4", "with split=, count says how many: leave validation= out."),
    (
      "scenes:colour",
      "it takes size, count, validation, split and seed, as in scenes:size=64,count=2000, not 'colour'."
    ),
  ])
  func `settings that make no sense say so`(_ specification: String, _ reason: String) {
    #expect(throws: DatasetError.specification(text: specification, reason: reason)) {
      try Dataset.parse(specification)
    }
  }
}

@Suite struct ScenesWithoutParts {
  private static let side = 64
  /// Three scenes of every class.
  private static let scenes = Scenes(.init(size: side, count: 30, validation: 10))

  /// How far from a part its removal shows, in pixels: its shadow falls up to 0.09 sides away and is blurred by two
  /// boxes of side / 20 to each side; one more for soft edges, and one for rounding up.
  private static let reach = Int(0.09 * Double(side)) + 2 * (side / 20) + 2

  /// For each pixel, whether any of the picture's three values there differ.
  private func difference(_ one: Picture, _ other: Picture) -> [Bool] {
    let differs = zip(one.pixels, other.pixels).map { $0 != $1 }
    return stride(from: 0, to: differs.count, by: 3).map { differs[$0..<$0 + 3].contains(true) }
  }

  /// The smallest box around the pixels of a mask.
  private func box(_ mask: [Bool]) -> Box {
    let pixels = mask.indices.filter { mask[$0] }
    let (rows, columns) = (pixels.map { $0 / Self.side }, pixels.map { $0 % Self.side })
    return Box(
      top: rows.min() ?? 0, left: columns.min() ?? 0, bottom: (rows.max() ?? -1) + 1,
      right: (columns.max() ?? -1) + 1)
  }

  /// Whether a pixel is in one of some boxes, or at most `margin` rows and columns from it.
  private func isIn(_ boxes: [Box], _ pixel: Int, margin: Int = 0) -> Bool {
    let (row, column) = (pixel / Self.side, pixel % Self.side)
    return boxes.contains {
      ($0.top - margin..<$0.bottom + margin).contains(row)
        && ($0.left - margin..<$0.right + margin).contains(column)
    }
  }

  @Test(arguments: 0..<30)
  func `a part's removal changes its own pixels, and nothing beyond its shadow`(_ id: Int) throws {
    let scene = Self.scenes.scene(id)
    let removals = try #require(Self.scenes.partRemovals(of: id))
    #expect(removals.parts.count >= 2)
    for part in removals.parts {
      let differs = difference(scene.picture, part.without)
      // Of 3920 removals from 1000 scenes, the least share was 0.93: a cat's legs before its body, of the same fur.
      let (area, changed) = (part.mask.count { $0 }, zip(part.mask, differs).count { $0 && $1 })
      #expect(Double(changed) >= 0.9 * Double(area), "\(part.name): \(changed) of \(area)")
      // The blur's running sums round differently without the part: of those 3920 removals, 10 changed one pixel beyond
      // its reach, by one level.
      let boxes = scene.object.parts.filter { $0.name == part.name }.map(\.box)
      let beyond = differs.indices.filter { differs[$0] && !isIn(boxes, $0, margin: Self.reach) }
      #expect(beyond.count <= 1, "\(part.name): \(beyond)")
      let levels = beyond.flatMap { pixel in
        (3 * pixel..<3 * pixel + 3).map { value -> Int in
          abs(Int(scene.picture.pixels[value]) - Int(part.without.pixels[value]))
        }
      }
      #expect(levels.allSatisfy { $0 <= 1 }, "\(part.name): \(levels)")
    }
  }

  @Test(arguments: 0..<30)
  func `masks of parts are disjoint, within the object's, and agree with its regions`(_ id: Int) throws {
    let scene = Self.scenes.scene(id)
    let masks = ScenePart.allCases.map { (name: $0.rawValue, pixels: scene.mask(of: $0)) }
    let object = scene.objectMask
    let wrong = object.indices.filter { pixel in
      masks.count { $0.pixels[pixel] } > (object[pixel] ? 1 : 0)
    }
    #expect(wrong.isEmpty, "pixels \(wrong)")
    for (name, pixels) in masks + [(scene.object.name, object)] {
      let regions = ([scene.object] + scene.object.parts).filter { $0.name == name }
      let visible = regions.filter { ($0.visibility ?? 0) > 0 }
      let boxes = visible.map(\.box)
      #expect(pixels.contains(true) == !visible.isEmpty, "\(name)")
      #expect(pixels.indices.allSatisfy { !pixels[$0] || isIn(boxes, $0) }, "\(name)")
      for box in boxes {
        #expect(pixels.indices.contains { pixels[$0] && isIn([box], $0) }, "\(name) in \(box)")
      }
      if visible.count == 1, visible[0].visibility == 1 { #expect(box(pixels) == visible[0].box, "\(name)") }
      // The visible share of a region's pixels is at most that share of its box.
      let most = visible.reduce(0) { $0 + ($1.visibility ?? 0) * Float($1.box.rows * $1.box.columns) }
      #expect(Float(pixels.count { $0 }) <= most + 0.01, "\(name)")
    }
  }

  @Test func `the parts listed are those with 12 visible pixels or more, by name`() throws {
    for id in 0..<30 {
      let scene = Self.scenes.scene(id)
      let removals = try #require(Self.scenes.partRemovals(of: id))
      let visible = ScenePart.allCases.filter { part in scene.mask(of: part).count { $0 } >= 12 }
      #expect(removals.parts.map(\.name) == visible.map(\.rawValue).sorted())
      #expect(removals.object == scene.objectMask)
      for part in removals.parts {
        let name = try #require(ScenePart(rawValue: part.name))
        #expect(part.mask == scene.mask(of: name))
        #expect(part.without == Self.scenes.scene(id, without: [name]).picture)
      }
    }
  }

  @Test func `the parts that stay are where they were, and are hidden no more than before`() {
    for id in 0..<30 {
      let scene = Self.scenes.scene(id)
      for removed in Set(scene.object.parts.map(\.name)).compactMap(ScenePart.init) {
        let rest = Self.scenes.scene(id, without: [removed])
        let kept = scene.object.parts.filter { $0.name != removed.rawValue }
        #expect(rest.object.parts.map(\.name) == kept.map(\.name))
        #expect(rest.object.parts.map(\.box) == kept.map(\.box))
        for (after, before) in zip(rest.object.parts, kept) {
          #expect((after.visibility ?? 0) >= (before.visibility ?? 1), "scene \(id) without its \(removed)")
        }
      }
    }
  }

  @Test func `without its head a cat keeps its ears, which are a part of their own`() {
    let cat = Self.scenes.scene(5)
    let headless = Self.scenes.scene(5, without: [.head])
    #expect(cat.object.parts.count { $0.name == "ear" } == 2)
    #expect(headless.object.parts.count { $0.name == "ear" } == 2)
    #expect(!headless.object.parts.contains { $0.name == "head" })
  }

  @Test func `parts that an object does not have change nothing, and all that it has may go`() {
    for id in 0..<10 {
      let scene = Self.scenes.scene(id)
      let absent = Set(ScenePart.allCases).subtracting(
        scene.object.parts.compactMap { ScenePart(rawValue: $0.name) })
      #expect(Self.scenes.scene(id, without: absent).picture == scene.picture)
      let bare = Self.scenes.scene(id, without: Set(ScenePart.allCases))
      #expect(bare.object.parts.isEmpty)
      #expect(bare.object.box.rows >= 0 && bare.object.box.columns >= 0)
    }
  }

  @Test func `a selection's pictures come apart as the data set's own`() throws {
    let dataset = Dataset(Self.scenes.settings)
    let selected = dataset.selecting([34, 3, 17])
    #expect(selected.partRemovals(of: 0) == Self.scenes.partRemovals(of: 34))
    #expect(selected.partRemovals(of: 2) == Self.scenes.partRemovals(of: 17))
    #expect(selected.selecting([1]).partRemovals(of: 0) == Self.scenes.partRemovals(of: 3))
    #expect(dataset.only(.validation).partRemovals(of: 2) == Self.scenes.partRemovals(of: 32))
    #expect(dataset.partRemovals(of: 3)?.parts.isEmpty == false)
  }

  @Test func `no part can be removed from a picture that is a file`() throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.scenes.picture(0).encodedPNG(), to: "a.png")
    #expect(try Dataset.parse(folder.path).partRemovals(of: 0) == nil)
  }
}
