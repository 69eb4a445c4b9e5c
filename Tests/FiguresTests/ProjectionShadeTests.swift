import Figures
import Images
import Tensors
import Testing

@Suite struct ProjectionShades {
  @Test func `means are of the area that each covers`() {
    let wide = Tensor([1, 6, 1], elements: [1, 3, 5, 7, 9, 11])
    #expect(wide.averaged(rows: 1, columns: 3).elements == [2, 6, 10])
    let uneven = Tensor([3, 1, 2], elements: [3, 30, 6, 60, 9, 90]).averaged(rows: 2, columns: 1)
    // The first covers one and a half rows: (3 + 6 / 2) / 1.5.
    #expect(zip(uneven.elements, [4, 40, 8, 80]).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(wide.averaged(rows: 1, columns: 6).elements == wide.elements)
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
    let small = Picture(projection: fine.averaged(rows: 4, columns: 4), isBGR: false)
    #expect(small.pixels.first == 255 && small.pixels.last == 0)
  }

  @Test func `a part is the values in its box`() {
    let values = Tensor([3, 3, 1], elements: (0..<9).map(Float.init))
    #expect(values.part(in: Box(top: 1, left: 0, bottom: 3, right: 2)).elements == [3, 4, 6, 7])
  }

  @Test func `a picture is lit where a projection is strong, and dark elsewhere`() {
    let bright = Picture(rows: 40, columns: 40, pixels: [UInt8](repeating: 200, count: 4800))
    var elements = [Float](repeating: 0, count: 80 * 80)
    for row in 10..<30 { for column in 10..<30 { elements[row * 80 + column] = row % 2 == 0 ? 5 : -5 } }
    let lit = bright.lit(by: Tensor([80, 80, 1], elements: elements))
    #expect(lit.pixels[(10 * 40 + 10) * 3] == 200)
    #expect(lit.pixels[(35 * 40 + 35) * 3] == 40)
    #expect(bright.lit(by: Tensor([80, 80, 1])).pixels.allSatisfy { $0 == 40 })
  }
}

@Suite struct WrittenNumbers {
  @Test func `three digits tell a value, however small`() {
    let written = [0, 32.41, 1234.6, 0.01234, 7.0, 1.24e-7, -0.5].map(\.significant)
    #expect(written == ["0", "32.4", "1235", "0.0123", "7", "1.2e-07", "-0.5"])
  }
}
