import Datasets
import Images
import Tensors
import TestSupport
import Testing

/// Pictures as networks and training ask for them: decoded, with what could not be read listed.
@Suite struct Preparing {
  let folder: TemporaryFolder
  let preprocessing = Preprocessing(resize: .init(rows: 4, columns: 6), crop: nil)

  init() throws {
    folder = try TemporaryFolder()
    try write(folder, ["ant/a.jpg", "ant/b.jpg", "bee/c.jpg", "bee/d.jpg"])
    try folder.write([1, 2, 3], to: "ant/broken.jpg")
  }

  private func dataset() throws -> Dataset { try Dataset.parse(folder.path) }

  @Test func `a picture comes as the network's input, and one that cannot be read is listed`() throws {
    let pictures = PreparedPictures(try dataset(), preprocessing, strict: false)
    let tensor = try #require(try pictures.tensor(0))
    #expect(tensor.shape == [1, 4, 6, 3])
    #expect(try pictures.seen(0)?.values(preprocessing).elements == tensor.elements)
    let places = [Placement.center, Placement(down: 0.5, across: 0.5, isMirrored: true)]
    let both = try #require(try pictures.tensors(0, at: places))
    #expect(both.first?.elements == tensor.elements)
    #expect(try pictures.seen(0)?.mirrored().values(preprocessing).elements == both.last?.elements)
    #expect(try pictures.tensor(2) == nil)
    #expect(pictures.skippedIDs == [2] && pictures.skipped(below: 2).isEmpty)
    let skipped = try #require(pictures.skipped().first)
    #expect(skipped.image == "ant/broken.jpg" && skipped.reason.contains("cannot be read"))
    let again = PreparedPictures(try dataset(), preprocessing, strict: false)
    again.skip([skipped, Skipped(image: "nowhere.jpg", reason: "gone")])
    #expect(again.skipped() == [skipped])
  }

  @Test func `strict pictures name the file, and work that is cancelled stops before the next`() throws {
    let strict = PreparedPictures(try dataset(), preprocessing, strict: true)
    let error = #expect(throws: ImageError.self) { try strict.tensor(2) }
    #expect(error?.description.contains("ant/broken.jpg") == true && strict.skipped().isEmpty)
    let stopped = PreparedPictures(
      try dataset(), preprocessing, strict: false, cancellation: Cancellation { true })
    #expect(throws: Interruption.self) { try stopped.tensor(0) }
  }

  @Test func `training's pictures are those with a class, in order`() throws {
    let items = [
      Dataset.Item(path: "ant/a.jpg", label: 1), .init(path: "ant/b.jpg"),
      .init(path: "ant/broken.jpg", label: 0),
    ]
    let part = Dataset(name: folder.path, items: items, classNames: ["x", "y"], source: Three(try dataset()))
    let pictures = DatasetPictures(part, strict: false)
    #expect(pictures.labels == .classes([1, 0]))
    #expect(try pictures.picture(0) != nil && pictures.picture(1) == nil)
    #expect(pictures.skipped.map(\.image) == ["ant/broken.jpg"])
    #expect(throws: ImageError.self) { try DatasetPictures(part, strict: true).picture(1) }
  }

  /// A data set's pictures as a source.
  private struct Three: ImageSource {
    let dataset: Dataset
    init(_ dataset: Dataset) { self.dataset = dataset }
    func picture(_ id: Int) throws(ImageError) -> Picture { try dataset.picture(id) }
    func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) { try dataset.extents(of: id) }
  }
}

@Suite struct TrainingSplits {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["ant", "bee"] { for index in 0..<10 { try folder.write([1], to: "\(name)/\(index).jpg") } }
  }

  @Test func `a share of each class is held out by the seed`() throws {
    let one = try TrainingSplit(folder.path, holdOut: 0.3, seed: 4)
    #expect(one.training.labels.count == 14 && one.validation?.labels == .classes([0, 0, 0, 1, 1, 1]))
    #expect(one.classNames == ["ant", "bee"] && one.unread.isEmpty)
    #expect(try TrainingSplit(folder.path, holdOut: 0.3, seed: 4).digest == one.digest)
    #expect(try TrainingSplit(folder.path, holdOut: 0.3, seed: 5).digest != one.digest)
    #expect(try TrainingSplit(folder.path, holdOut: 0).validation == nil)
    let less = try TrainingSplit(folder.path, excluding: ["ant/0.jpg"], holdOut: 0)
    #expect(less.training.labels.count == 19)
  }

  @Test func `another set, or the set's own splits, are validated with`() throws {
    let other = try TemporaryFolder()
    for name in ["train/ant/1.jpg", "train/bee/1.jpg", "val/ant/2.jpg", "val/bee/2.jpg", "val/bee/3.jpg"] {
      try other.write([1], to: name)
    }
    let own = try TrainingSplit(other.path, holdOut: 0.5)
    #expect(own.training.labels == .classes([0, 1]) && own.validation?.labels == .classes([0, 1, 1]))
    let both = try TrainingSplit(folder.path, validation: other.path, holdOut: 0)
    #expect(both.training.labels.count == 20 && both.validation?.labels == .classes([0, 1, 1]))
  }

  @Test func `pictures that can hold several classes are held out by the seed, whatever they hold`() throws {
    let other = try TemporaryFolder()
    for number in 0..<10 {
      try other.write([1], to: "JPEGImages/\(number).jpg")
      let object =
        "<object><name>\(number < 8 ? "dog" : "cat")</name><difficult>\(number % 2)</difficult><bndbox>"
        + "<xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
      try other.write(Array("<annotation>\(object)</annotation>".utf8), to: "Annotations/\(number).xml")
    }
    let list = "ImageSets/Main/trainval.txt"
    try other.write(Array((0..<10).map { "\($0)\n" }.joined().utf8), to: list)
    let one = try TrainingSplit("voc2012:" + other.path, holdOut: 0.3, seed: 4)
    #expect(
      one.training.labels.isMultiple && one.training.labels.count == 7 && one.validation?.labels.count == 3)
    guard case .presences(let presences) = one.training.labels else { return }
    let known = presences.map { $0.filter { $0 != .absent } }
    #expect(known.allSatisfy { $0 == [.present] || $0 == [.ignored] } && Set(known).count == 2)
    #expect(try TrainingSplit("voc2012:" + other.path, holdOut: 0.3, seed: 4).digest == one.digest)
    #expect(try TrainingSplit("voc2012:" + other.path, holdOut: 0.3, seed: 5).digest != one.digest)
    // Another label is another split.
    try other.write(Array("<annotation></annotation>".utf8), to: "Annotations/3.xml")
    #expect(try TrainingSplit("voc2012:" + other.path, holdOut: 0.3, seed: 4).digest != one.digest)
  }

  @Test func `what cannot be divided says why`() throws {
    let flat = try TemporaryFolder()
    try flat.write([1], to: "a.jpg")
    let other = try TemporaryFolder()
    for name in ["ant/1.jpg", "cat/1.jpg"] { try other.write([1], to: name) }
    func refusal(_ pictures: String, _ validation: String? = nil, _ share: Double = 0) -> String {
      do {
        _ = try TrainingSplit(pictures, validation: validation, holdOut: share)
        return ""
      } catch { return error.description }
    }
    #expect(refusal(flat.path).contains("does not say what its images are of"))
    #expect(refusal(folder.path, other.path).contains("other classes than \(folder.path): bee, cat."))
    for share in [1e300, -0.1, 1, .nan] { #expect(refusal(folder.path, nil, share).contains("hold out")) }
  }
}

@Suite struct PartsLists {
  private func list(_ json: String) throws -> PartsList {
    let folder = try TemporaryFolder()
    try folder.write(
      Picture(rows: 8, columns: 10, pixels: [UInt8](repeating: 9, count: 240)).encodedPNG(), to: "a.png")
    let path = try folder.write(Array(json.utf8), to: "parts.json")
    return try PartsList(path, limit: 5)
  }

  @Test func `a file gives each picture its boxes`() throws {
    let list = try list(#"{"pictures":["a.png"],"parts":{"nose":[[1,0,3,5]],"ear":[[0,0,8,10]]}}"#)
    #expect(list.names == ["ear", "nose"])
    #expect(list.boxes[0]["nose"] == Box(top: 1, left: 0, bottom: 3, right: 5))
  }

  @Test(arguments: [
    ("[1,0,-9223372036854775808,5]", "not a box"), ("[9223372036854775807,0,3,5]", "not a box"),
    ("[-9223372036854775808,0,9223372036854775807,5]", "not a box"), ("[1,0,9,5]", "not a box"),
    ("[1,2,1,5]", "not a box"), ("[1,2,3]", "does not list parts"), ("[1,2,3,4],[1,2,3,4]", "2 boxes for 1"),
  ])
  func `a box that is none is refused`(box: String, part: String) throws {
    let error = #expect(throws: DatasetError.self) {
      try list(#"{"pictures":["a.png"],"parts":{"nose":[\#(box)]}}"#)
    }
    #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
  }

  @Test func `a data set that knows its parts gives those that all show`() throws {
    let list = try PartsList("scenes:count=60,size=48", limit: 4)
    #expect(list.dataset.items.count == 4 && !list.names.isEmpty)
    #expect(list.boxes.allSatisfy { Set(list.names).isSubset(of: $0.keys) })
    #expect(throws: DatasetError.self) { try PartsList("scenes:count=60", limit: 4, className: "gnu") }
  }
}

@Suite struct FoldersOfClasses {
  @Test func `folders are classes by name, by number, in order, or none`() {
    let names = ["n01440764 tench, Tinca tinca", "goldfish", "great_white"]
    let named = FolderClasses(["Goldfish", "tench", "gnu"], names: names, count: 3)
    #expect(named.indices == [1, 0, nil] && named.note?.contains("1 of 3 folders") == true)
    #expect(FolderClasses(["n01440764", "Great white"], names: names, count: 3).indices == [0, 2])
    #expect(FolderClasses(["2", "0"], names: nil, count: 3).indices == [2, 0])
    #expect(FolderClasses(["x", "y", "z"], names: nil, count: 3).indices == [0, 1, 2])
    let none = FolderClasses(["x", "y"], names: nil, count: 3)
    #expect(none.indices == [nil, nil] && none.note?.contains("--labels") == true)
  }

  @Test func `true classes come from a list or from folders`() throws {
    let folder = try TemporaryFolder()
    for name in ["ant/a.jpg", "bee/b.jpg"] { try folder.write([1], to: "p/" + name) }
    let dataset = try Dataset.parse(folder.file("p"))
    let folders = try dataset.trueClasses(names: ["bee", "ant"], count: 2, labels: nil)
    #expect(folders.truth == [0: 1, 1: 0] && folders.note == nil)
    let list = try folder.write(Array("a.jpg\t1\nb.jpg\t7\n".utf8), to: "list.tsv")
    #expect(
      try dataset.trueClasses(names: nil, count: 8, labels: list).truth == [0: 1, 1: 7])
    let error = #expect(throws: DatasetError.self) {
      try dataset.trueClasses(names: nil, count: 3, labels: list)
    }
    #expect(
      error?.description.contains("bee/b.jpg is of class 7, but the network has 3 classes, 0 to 2") == true)
  }
}
