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
