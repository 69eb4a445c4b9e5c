import Datasets
import Images
import Testing

@Suite struct ClassFolds {
  private struct NoPictures: ImageSource {
    func picture(_ id: Int) throws(ImageError) -> Picture { Picture(rows: 1, columns: 1, pixels: [0, 0, 0]) }
    func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) { (1, 1) }
  }

  /// Pictures of class 0, then of class 1 and so on; with lists, every third is a test picture.
  private func dataset(_ counts: [Int], isDivided: Bool = false) -> Dataset {
    var items: [Dataset.Item] = []
    for (label, count) in counts.enumerated() {
      for number in 0..<count {
        items.append(
          .init(
            path: "\(label)/\(number)", label: label,
            split: isDivided ? (number % 3 == 2 ? .test : .train) : nil))
      }
    }
    return Dataset(
      name: "made", items: items, classNames: counts.indices.map { "c\($0)" }, source: NoPictures())
  }

  @Test func `folds draw so many a class, test on others, and differ`() throws {
    let dataset = dataset([12, 9, 70])
    let folds = try dataset.classFolds(.folds, perClass: [2, 5], testPerClass: 50, count: 3, seed: 1)
    #expect(folds.count == 3 && Set(folds).count == 3)
    for fold in folds {
      let (few, many) = (fold.training(perClass: 2), fold.training(perClass: 5))
      #expect(few.count == 6 && many.count == 15 && Set(few).isSubset(of: many))
      #expect(Set(many).isDisjoint(with: fold.testing))
      #expect(many == many.sorted() && fold.testing == fold.testing.sorted())
      let tested = fold.testing.map { dataset.items[$0].label ?? -1 }
      #expect([0, 1, 2].map { label in tested.count { $0 == label } } == [7, 4, 50])
    }
    #expect(try dataset.classFolds(.folds, perClass: [2, 5], testPerClass: 50, count: 3, seed: 1) == folds)
    #expect(try dataset.classFolds(.folds, perClass: [2, 5], testPerClass: 50, count: 3, seed: 2) != folds)
  }

  @Test func `own lists are kept to, whole or in part`() throws {
    let dataset = dataset([6, 9], isDivided: true)
    #expect(dataset.isDivided)
    let whole = try dataset.classFolds(.own, perClass: [], testPerClass: nil, count: 1, seed: 0)[0]
    #expect(whole.training(perClass: nil) == dataset.items.filter { $0.split == .train }.map(\.id))
    #expect(whole.testing == dataset.items.filter { $0.split == .test }.map(\.id))
    let part = try dataset.classFolds(.own, perClass: [3], testPerClass: 1, count: 1, seed: 0)[0]
    #expect(part.training(perClass: 3).count == 6 && part.testing.count == 2)
    #expect(part.training(perClass: 3).allSatisfy { dataset.items[$0].split == .train })
  }

  @Test func `what is excluded is in no fold`() throws {
    let fold = try dataset([6, 6]).classFolds(
      .folds, perClass: [4], testPerClass: nil, count: 1, seed: 0, excluding: [0, 7])[0]
    #expect(Set(fold.training(perClass: nil) + fold.testing).isDisjoint(with: [0, 7]))
    #expect(fold.testing.count == 2)
  }

  @Test func `a class with too few pictures is named, with what it has`() throws {
    let message =
      "class c1 has 4 images to draw from, and 4 were asked for with one or more left to test on"
    #expect {
      _ = try dataset([9, 4]).classFolds(.folds, perClass: [4], testPerClass: nil, count: 1, seed: 0)
    } throws: { "\($0)".contains(message) && "\($0)".contains("--per-class 3") }
    // Of a class of one picture, none could be tested whatever number is given.
    #expect {
      _ = try dataset([9, 1]).classFolds(.folds, perClass: [1], testPerClass: nil, count: 1, seed: 0)
    } throws: { "\($0)".contains("Add images, or leave the class out") && !"\($0)".contains("--per-class") }
    #expect(
      throws: DatasetError.tooFew(name: "made", className: "c0", found: 4, asked: 5, testing: 0)
    ) {
      _ = try dataset([6, 9], isDivided: true).classFolds(
        .own, perClass: [5], testPerClass: nil, count: 1, seed: 0)
    }
    let none = DatasetError.tooFew(name: "made", className: "c1", found: 0, asked: 1, testing: 0)
    #expect(none.description.contains("0 images to draw from, and 1 was asked for."))
    #expect(throws: none) {
      _ = try dataset([6, 0], isDivided: true).classFolds(
        .own, perClass: [], testPerClass: nil, count: 1, seed: 0)
    }
  }

  @Test func `an empty test list, no lists and no classes are errors`() throws {
    let divided = dataset([6, 6], isDivided: true)
    let tests = Set(divided.items.filter { $0.split == .test }.map(\.id))
    #expect(throws: DatasetError.noSplit(name: "made", split: .test, present: [.train])) {
      _ = try divided.classFolds(
        .own, perClass: [], testPerClass: nil, count: 1, seed: 0, excluding: tests)
    }
    #expect(throws: DatasetError.noSplit(name: "made", split: .test, present: [])) {
      _ = try dataset([6, 6]).classFolds(.own, perClass: [], testPerClass: nil, count: 1, seed: 0)
    }
    let unlabelled = Dataset(
      name: "made", items: [.init(path: "a")], classNames: nil, source: NoPictures())
    #expect(throws: DatasetError.noClasses(name: "made")) {
      _ = try unlabelled.classFolds(.folds, perClass: [1], testPerClass: nil, count: 1, seed: 0)
    }
    #expect(throws: DatasetError.noClasses(name: "made")) {
      _ = try unlabelled.halves(.folds, count: 1, seed: 0)
    }
  }

  @Test func `pictures of several classes are halved, or divided by their own lists`() throws {
    let items = (0..<7).map {
      Dataset.Item(path: "\($0)", presences: [.present, .absent], split: $0 < 4 ? .train : .validation)
    }
    let dataset = Dataset(name: "made", items: items, classNames: ["a", "b"], source: NoPictures())
    let halves = try dataset.halves(.folds, count: 2, seed: 3)
    #expect(halves.count == 2 && halves[0] != halves[1])
    for half in halves {
      #expect(half.training(perClass: nil).count == 4 && half.testing.count == 3)
      #expect(Set(half.training(perClass: nil) + half.testing) == Set(0..<7))
    }
    let own = try dataset.halves(.own, count: 5, seed: 3)
    #expect(own.count == 1 && own[0].training(perClass: nil) == [0, 1, 2, 3] && own[0].testing == [4, 5, 6])
    #expect(throws: DatasetError.self) {
      _ = try dataset.halves(.own, count: 1, seed: 0, excluding: [4, 5, 6])
    }
  }
}
