import Figures
import Images
import Tensors
import Testing

@Suite struct ProjectionShades {
  @Test func `means are weighed by how near values are`() {
    let wide = Tensor([1, 6, 1], elements: [1, 3, 5, 7, 9, 11])
    // The first place lies at 1, and reaches over 2: (0.75 x 1 + 0.75 x 3 + 0.25 x 5) / 1.75.
    let three = wide.shrunk(rows: 1, columns: 3).elements
    let means: [Float] = [17 / 7, 6, 67 / 7]
    #expect(zip(three, means).allSatisfy { abs($0 - $1) < 1e-5 })
    let high = Tensor([6, 1, 2], elements: wide.elements.flatMap { [$0, 10 * $0] })
    let few = high.shrunk(rows: 3, columns: 1).elements
    #expect(zip(few, three.flatMap { [$0, 10 * $0] }).allSatisfy { abs($0 - $1) < 1e-3 })
    #expect(wide.shrunk(rows: 1, columns: 6).elements == wide.elements)
    #expect(Tensor([1, 2, 1], elements: [0, 1]).shrunk(rows: 1, columns: 4).elements == [0, 0.25, 0.75, 1])
  }

  /// What is too fine to be seen must not set the scale of what is not.
  @Test func `a projection that is made small first spans all shades`() {
    var elements = [Float](repeating: 0, count: 8 * 8)
    for row in 0..<8 {
      for column in 0..<8 {
        elements[row * 8 + column] = (column % 2 == 0 ? 10 : -10) + (row < 4 ? 1 : -1)
      }
    }
    let fine = Tensor([8, 8, 1], elements: elements)
    let small = Picture(projection: fine.shrunk(rows: 4, columns: 4), isBGR: false)
    #expect(small.pixels.first == 255 && small.pixels.last == 0)
  }

  @Test func `values too small for a scale are shown, and none is no number`() {
    let small = Picture(projection: Tensor([1, 2, 1], elements: [.leastNonzeroMagnitude, 0]), isBGR: false)
    #expect(small.pixels.last == 128)
  }

  @Test func `a part is the values in its box`() {
    let values = Tensor([3, 3, 1], elements: (0..<9).map(Float.init))
    #expect(values.part(in: Box(top: 1, left: 0, bottom: 3, right: 2)).elements == [3, 4, 6, 7])
  }

  @Test func `a picture is light where a projection is strong, and dark elsewhere`() {
    let bright = Picture(rows: 40, columns: 40, pixels: [UInt8](repeating: 200, count: 4800))
    var elements = [Float](repeating: 0, count: 80 * 80)
    for row in 10..<30 { for column in 10..<30 { elements[row * 80 + column] = row % 2 == 0 ? 5 : -5 } }
    func dimmed(_ projection: Tensor) -> [UInt8] {
      ProjectionStrength(of: projection, rows: 40, columns: 40).dimmed(bright).pixels
    }
    let lit = dimmed(Tensor([80, 80, 1], elements: elements))
    #expect(lit[(10 * 40 + 10) * 3] == 200)
    #expect(lit[(35 * 40 + 35) * 3] == 40)
    #expect(dimmed(Tensor([80, 80, 1])).allSatisfy { $0 == 40 })
  }
}

@Suite struct WrittenNumbers {
  @Test func `three digits tell a value, however small`() {
    let written = [0, 32.41, 1234.6, 0.01234, 7.0, 1.24e-7, -0.5].map(\.significant)
    #expect(written == ["0", "32.4", "1235", "0.0123", "7", "1.2e-07", "-0.5"])
  }
}
