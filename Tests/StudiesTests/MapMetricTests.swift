import Images
import Studies
import Tensors
import Testing

@Suite struct Imputing {
  /// What iterations leave, relative to the range of visible values: the last correction is at most 2e-6 of
  /// it, and the roundings of some ten sums of single precision are less than as much again.
  private let allowed = 1e-5

  private func input(_ rows: Int, _ columns: Int, _ channels: Int, seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    let shape = Shape(images: 1, rows: rows, columns: columns, channels: channels)
    return .random(shape, in: -120...135, using: &generator)
  }

  private func filled(_ rows: Int, _ columns: Int, _ values: [Float], hiding: Set<Int>) -> [Float] {
    let shape = Shape(images: 1, rows: rows, columns: columns, channels: 1)
    return LinearImputation(rows: rows, columns: columns).filled(
      Tensor(shape, elements: values), hiding: values.indices.map(hiding.contains), noise: 0, seed: 0
    ).elements
  }

  /// The same equations in double precision, written out position by position and solved by elimination.
  private func reference(_ input: Tensor, hiding hidden: [Bool]) -> [Double] {
    let (rows, columns, channels) = (input.shape.rows, input.shape.columns, input.shape.channels)
    var values = input.elements.map(Double.init)
    let unknowns = hidden.indices.filter { hidden[$0] }
    let number = Dictionary(uniqueKeysWithValues: unknowns.enumerated().map { ($1, $0) })
    for channel in 0..<channels {
      var table = unknowns.map { position in
        var equation = [Double](repeating: 0, count: unknowns.count + 1)
        for down in -1...1 {
          for across in -1...1 where (down, across) != (0, 0) {
            let (row, column) = (position / columns + down, position % columns + across)
            guard (0..<rows).contains(row), (0..<columns).contains(column) else { continue }
            let weight = down == 0 || across == 0 ? 1.0 / 6 : 1.0 / 12
            equation[number[position] ?? 0] += weight
            if let other = number[row * columns + column] {
              equation[other] -= weight
            } else {
              equation[unknowns.count] += weight * values[(row * columns + column) * channels + channel]
            }
          }
        }
        return equation
      }
      // Diagonally dominant, so no row need be exchanged.
      for pivot in unknowns.indices {
        for row in unknowns.indices where row != pivot {
          let factor = table[row][pivot] / table[pivot][pivot]
          for column in pivot...unknowns.count { table[row][column] -= factor * table[pivot][column] }
        }
      }
      for (row, position) in unknowns.enumerated() {
        values[position * channels + channel] = table[row][unknowns.count] / table[row][row]
      }
    }
    return values
  }

  private func expectReference(_ input: Tensor, hiding hidden: [Bool], _ comment: Comment) {
    let found = LinearImputation(rows: input.shape.rows, columns: input.shape.columns)
      .filled(input, hiding: hidden, noise: 0, seed: 0).elements
    let expected = reference(input, hiding: hidden)
    let channels = input.shape.channels
    for element in found.indices {
      if hidden[element / channels] {
        #expect(abs(Double(found[element]) - expected[element]) < 255 * allowed, comment)
      } else {
        #expect(found[element] == input.elements[element], comment)
      }
    }
  }

  @Test func `one hidden position is the weighted mean of its neighbours inside the picture`() {
    // Middle: (2 + 4 + 6 + 8) / 6 + (1 + 3 + 7 + 12) / 12.
    let middle = filled(3, 3, [1, 2, 3, 4, 99, 6, 7, 8, 12], hiding: [4])[4]
    #expect(abs(middle - (20 / 6 + 23 / 12)) < 1e-4)
    // Corner: weights 2, 2 and 1 of 5, so (2 * 10 + 2 * 20 + 40) / 5.
    let corner = filled(2, 2, [99, 10, 20, 40], hiding: [0])[0]
    #expect(abs(corner - 20) < 1e-4)
    // Border: weights 2, 2, 2, 1 and 1 of 8, so (2 * (1 + 3 + 5) + 4 + 6) / 8.
    let border = filled(2, 3, [1, 99, 3, 4, 5, 6], hiding: [1])[1]
    #expect(abs(border - 3.5) < 1e-4)
  }

  @Test func `hidden neighbours are filled together`() {
    for (found, expected) in zip(filled(1, 4, [3, 99, -99, 9], hiding: [1, 2]), [3, 5, 7, 9] as [Float]) {
      #expect(abs(found - expected) < 1e-4)
    }
    for found in filled(4, 1, [3, 99, -99, 9], hiding: [1, 2, 3]) { #expect(found == 3) }
  }

  @Test(arguments: [(9, 7, 3), (8, 8, 1), (5, 12, 5), (1, 11, 2)])
  func `values equal those of elimination, and visible ones stay`(rows: Int, columns: Int, channels: Int) {
    let input = input(rows, columns, channels, seed: 7)
    var generator = SeededGenerator(seed: 8)
    for share in [0.1, 0.5, 0.9] {
      var hidden = (0..<rows * columns).map { _ in Double.random(in: 0..<1, using: &generator) < share }
      hidden[rows * columns / 2] = false
      expectReference(input, hiding: hidden, "\(share) hidden")
    }
    let blocks: [(name: String, isHidden: (_ row: Int, _ column: Int) -> Bool)] = [
      ("all but a corner", { $0 > 0 || $1 > 0 }), ("all but the last", { $0 < rows - 1 || $1 < columns - 1 }),
      ("the left half", { $1 < columns / 2 }), ("a corner block", { $0 >= rows / 2 && $1 >= columns / 2 }),
      ("every other", { ($0 + $1) % 2 == 0 }), ("nothing", { _, _ in false }),
    ]
    for block in blocks {
      let hidden = (0..<rows * columns).map { block.isHidden($0 / columns, $0 % columns) }
      expectReference(input, hiding: hidden, "\(block.name)")
    }
  }

  @Test func `a plane is restored inside its border, and a constant everywhere`() {
    let (rows, columns) = (40, 33)
    let plane = (0..<rows * columns).map { Float($0 / columns) * 2 - Float($0 % columns) * 3 + 5 }
    let interior = plane.indices.filter {
      (1..<rows - 1).contains($0 / columns) && (1..<columns - 1).contains($0 % columns)
    }
    // From 5 - 32 * 3 to 5 + 39 * 2.
    let range = 174.0
    for (found, expected) in zip(filled(rows, columns, plane, hiding: Set(interior)), plane) {
      #expect(abs(Double(found - expected)) < range * allowed)
    }
    let constant = [Float](repeating: 0.1, count: rows * columns)
    #expect(filled(rows, columns, constant, hiding: Set(1..<rows * columns)) == constant)
  }

  @Test func `noise has the deviation asked for, on hidden positions only, and follows from the seed`() {
    let (rows, columns, channels) = (70, 60, 3)
    let input = input(rows, columns, channels, seed: 1)
    let imputation = LinearImputation(rows: rows, columns: columns)
    let hidden = (0..<rows * columns).map { $0 % 7 != 0 }
    let plain = imputation.filled(input, hiding: hidden, noise: 0, seed: 2).elements
    let noisy = imputation.filled(input, hiding: hidden, noise: 4, seed: 2).elements
    let noise = plain.indices.filter { hidden[$0 / channels] }.map { Double(noisy[$0] - plain[$0]) }
    let count = Double(noise.count)
    let mean = noise.reduce(0, +) / count
    let deviation = (noise.reduce(0) { $0 + $1 * $1 } / count - mean * mean).squareRoot()
    // Four standard errors: of a mean, and of a deviation.
    #expect(abs(mean) < 4 * 4 / count.squareRoot())
    #expect(abs(deviation - 4) < 4 * 4 / (2 * count).squareRoot())
    for element in plain.indices where !hidden[element / channels] {
      #expect(noisy[element] == input.elements[element])
    }
    #expect(imputation.filled(input, hiding: hidden, noise: 4, seed: 2).elements == noisy)
    #expect(imputation.filled(input, hiding: hidden, noise: 4, seed: 3).elements != noisy)
  }

  @Test func `with no visible position, zero and noise are left`() {
    let input = input(6, 5, 3, seed: 4)
    let imputation = LinearImputation(rows: 6, columns: 5)
    let hidden = [Bool](repeating: true, count: 30)
    #expect(imputation.filled(input, hiding: hidden, noise: 0, seed: 1).elements.allSatisfy { $0 == 0 })
    let noisy = imputation.filled(input, hiding: hidden, noise: 0.01, seed: 1).elements
    // Six deviations: passed by one number in five hundred million.
    #expect(noisy.allSatisfy { $0 != 0 && abs($0) < 0.06 })
  }
}

@Suite struct Localizing {
  private let map: [Float] = [
    1, 2, 0, -4,
    3, 6, -1, 0,
    0, 0, 4, 4,
  ]
  private let box = Box(top: 0, left: 0, bottom: 2, right: 2)

  private func mask(_ positions: Int..., count: Int = 12) -> [Bool] {
    (0..<count).map(positions.contains)
  }

  /// Whether a map whose only peak is at a position points at a box.
  private func points(at box: Box, row: Int, column: Int, rows: Int, columns: Int) throws -> Bool {
    var map = [Float](repeating: 0, count: rows * columns)
    map[row * columns + column] = 1
    return try #require(Localization(map: map, rows: rows, columns: columns, boxes: [box])).pointing
  }

  @Test func `without a mask, boxes are the object`() throws {
    let found = try #require(Localization(map: map, rows: 3, columns: 4, boxes: [box]))
    #expect(found.pointing)
    // 12 of 20 are inside; of the four largest, 6, 4, 4 and 3, two.
    #expect(found.energy == 0.6 && found.massAccuracy == 0.6 && found.rankAccuracy == 0.5)
  }

  @Test func `a mask is the object for mass and rank, boxes stay for pointing and energy`() throws {
    let found = try #require(
      Localization(map: map, rows: 3, columns: 4, boxes: [box], mask: mask(5, 10)))
    #expect(found.pointing && found.energy == 0.6)
    // 6 and the first 4: ten of 20, and the two largest.
    #expect(found.massAccuracy == 0.5 && found.rankAccuracy == 1)
    // The second 4 comes after the first.
    let tie = try #require(
      Localization(map: map, rows: 3, columns: 4, boxes: [box], mask: mask(5, 11)))
    #expect(tie.massAccuracy == 0.5 && tie.rankAccuracy == 0.5)
    let beside = try #require(
      Localization(map: map, rows: 3, columns: 4, boxes: [box], mask: mask(3, 6, 8)))
    #expect(beside.massAccuracy == 0 && beside.rankAccuracy == 0 && beside.energy == 0.6)
  }

  @Test func `boxes that overlap count once, and are clipped to the input`() throws {
    let boxes = [
      box, Box(top: -9, left: -9, bottom: 1, right: 2), Box(top: 2, left: 3, bottom: 50, right: 60),
    ]
    let found = try #require(Localization(map: map, rows: 3, columns: 4, boxes: boxes))
    // 12 and the last 4 of 20; of the five largest, 6, 4, 4, 3 and 2, all but the first 4.
    #expect(found.energy == 0.8 && found.rankAccuracy == 0.8)
    let whole = try #require(
      Localization(
        map: map, rows: 3, columns: 4, boxes: [Box(top: -1, left: -1, bottom: 4, right: 5)]))
    #expect(whole.energy == 1 && whole.rankAccuracy == 1 && whole.pointing)
  }

  @Test func `nothing is told without a box on the input, with a mask empty or full, or of a NaN`() {
    func found(_ boxes: [Box], mask: [Bool]? = nil) -> Localization? {
      Localization(map: map, rows: 3, columns: 4, boxes: boxes, mask: mask)
    }
    #expect(found([]) == nil)
    #expect(found([Box(top: 3, left: 0, bottom: 5, right: 4)]) == nil)
    #expect(found([Box(top: 0, left: -5, bottom: 3, right: 0)]) == nil)
    #expect(found([Box(top: 2, left: 2, bottom: 1, right: 1)]) == nil)
    #expect(found([box], mask: mask()) == nil)
    #expect(found([box], mask: [Bool](repeating: true, count: 12)) == nil)
    #expect(Localization(map: [], rows: 0, columns: 0, boxes: [box]) == nil)
    #expect(Localization(map: [1, .nan], rows: 1, columns: 2, boxes: [box]) == nil)
  }

  @Test func `a point within 15 of 224 of the shorter side is a hit`() throws {
    let box = Box(top: 100, left: 100, bottom: 120, right: 120)
    func points(_ row: Int, _ column: Int, columns: Int = 224) throws -> Bool {
      try self.points(at: box, row: row, column: column, rows: 224, columns: columns)
    }
    // The box's pixels are 100 to 119.
    #expect(try points(110, 134) && !points(110, 135))
    #expect(try points(85, 110) && !points(84, 110))
    // The shorter side decides.
    #expect(try points(110, 134, columns: 448) && !points(110, 135, columns: 448))
    // In a straight line from a corner: 9 and 12 are 15 away.
    #expect(try points(128, 131) && !points(128, 132))
    // At 30 positions, 2.009.
    let small = Box(top: 10, left: 10, bottom: 12, right: 12)
    #expect(try self.points(at: small, row: 13, column: 11, rows: 30, columns: 40))
    #expect(try !self.points(at: small, row: 14, column: 11, rows: 30, columns: 40))
    // At 29 positions, 1.94.
    #expect(try self.points(at: small, row: 12, column: 11, rows: 29, columns: 40))
    #expect(try !self.points(at: small, row: 13, column: 11, rows: 29, columns: 40))
  }

  @Test func `the first of equal maxima points, and a flat map nowhere`() throws {
    func points(_ map: [Float], _ boxes: Box...) throws -> Bool {
      try #require(Localization(map: map, rows: 2, columns: 3, boxes: boxes)).pointing
    }
    let (first, last) = (
      Box(top: 0, left: 1, bottom: 1, right: 2), Box(top: 1, left: 2, bottom: 2, right: 3)
    )
    #expect(try points([0, 7, 0, 0, 0, 7], first))
    #expect(try !points([0, 7, 0, 0, 0, 7], last))
    #expect(try points([0, 7, 0, 0, 0, 7], last, first))
    #expect(try points([0, 7, 0, 0, 0, 8], last))
    let flat = try #require(
      Localization(map: [2, 2, 2, 2, 2, 2], rows: 2, columns: 3, boxes: [first]))
    // Ties go to the first position, which is beside the box.
    #expect(!flat.pointing && flat.energy == 1.0 / 6 && flat.rankAccuracy == 0)
    #expect(try !points([0, 0, 0, 0, 0, 0], first))
  }

  @Test func `a map without a positive value has a maximum and ranks, but no mass`() throws {
    let found = try #require(
      Localization(
        map: [-5, -1, -2, -3, 0, -4], rows: 2, columns: 3,
        boxes: [Box(top: 0, left: 1, bottom: 2, right: 2)], mask: mask(1, 2, count: 6)))
    #expect(found.pointing && found.energy == 0 && found.massAccuracy == 0)
    // The two largest are 0, beside the mask, and -1, on it.
    #expect(found.rankAccuracy == 0.5)
  }
}
