import Datasets
import Images
import Peaks
import Studies
import Testing

@Suite struct ClassesOfUnits {
  private struct NoPictures: ImageSource {
    func picture(_ id: Int) throws(ImageError) -> Picture { throw .preparation(reason: "there is none") }
    func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) { (1, 1) }
    func regions(of id: Int) -> [Region] { [] }
  }

  /// So many pictures of each of some classes, one class after the other.
  private func dataset(_ sizes: [Int], unlabelled: Int = 0) -> Dataset {
    let items = sizes.enumerated().flatMap { label, size in
      (0..<size).map { Dataset.Item(path: "\(label)/\($0)", label: label) }
    }
    return Dataset(
      name: "made", items: items + (0..<unlabelled).map { Dataset.Item(path: "none/\($0)") },
      classNames: sizes.indices.map { "class-\($0)" }, source: NoPictures())
  }

  private func peaks(_ images: [Int]) -> [Peak] {
    images.enumerated().map { Peak(value: Float(images.count - $0), image: $1, row: 0, column: 0) }
  }

  @Test func `one in a hundred is looked at, 30 to 100, and one in five at most`() {
    #expect(ClassCounts.depth(for: dataset([500, 500])) == 30)
    #expect(ClassCounts.depth(for: dataset([2500, 2500])) == 50)
    #expect(ClassCounts.depth(for: dataset([10_000, 10_000])) == 100)
    #expect(ClassCounts.depth(for: dataset([20, 20])) == 8)
    #expect(ClassCounts.depth(for: dataset([1000])) == 0, "one class tells nothing")
    #expect(ClassCounts.depth(for: dataset([], unlabelled: 500)) == 0)
  }

  /// By hand: of 100 pictures 10 are of the class, and 4 of the 5 strongest.
  ///
  /// C(10,4) C(90,1) / C(100,5) + C(10,5) / C(100,5)
  /// = (210 * 90 + 252) / 75287520 = 2.54e-4; times ten classes 2.5e-3. With 3 of 5 it is 0.0066, times ten 0.066.
  @Test func `a class is named where chance does not explain it`() {
    let counts = ClassCounts(dataset([Int](repeating: 10, count: 10)), without: [])
    let four = counts.classes(of: peaks([31, 32, 33, 34, 80]), strongest: 5)
    #expect(four.map(\.name) == ["class-3"] && four.map(\.count) == [4] && four.map(\.strongest) == [5])
    #expect(four.map(\.lift) == [8])
    #expect(counts.classes(of: peaks([31, 32, 33, 70, 80]), strongest: 5).isEmpty)
    #expect(counts.classes(of: peaks([31, 32]), strongest: 5).isEmpty, "two are too few")
  }

  @Test func `pictures that are left out, unlabelled or inactive do not count`() {
    let made = dataset([10, 10, 10, 10, 10], unlabelled: 50)
    let all = ClassCounts(made, without: []).classes(of: peaks([0, 1, 2, 3, 4, 60, 61]), strongest: 7)
    #expect(all.map(\.count) == [5] && all.map(\.strongest) == [5] && all.map(\.lift) == [5])
    let fewer = ClassCounts(made, without: Set(45..<50)).classes(of: peaks([0, 1, 2, 3, 4]), strongest: 7)
    #expect(fewer.map(\.lift) == [4.5])
    var inactive = peaks([0, 1, 2, 3, 4])
    for rank in 2..<5 { inactive[rank].value = 0 }
    #expect(ClassCounts(made, without: []).classes(of: inactive, strongest: 7).isEmpty)
  }

  @Test func `the most frequent class is first`() {
    let counts = ClassCounts(dataset([100, 20, 20] + [Int](repeating: 100, count: 8)), without: [])
    let found = counts.classes(of: peaks(Array(100..<108) + Array(120..<126) + [500, 600]), strongest: 30)
    #expect(found.map(\.name) == ["class-1", "class-2"] && found.map(\.count) == [8, 6])
  }
}
