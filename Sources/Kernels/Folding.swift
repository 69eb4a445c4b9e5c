internal import CVector
internal import Tensors

/// Whether a transposed convolution is folded: few inputs, and enough outputs to be worth a product's start.
func isFolded(filters: Shape, groups: Int) -> Bool {
  groups == 1 && filters[3] <= 4 && filters[0] >= 16
}

/// How many floats of products are made before they are folded: few enough to be still in the cache.
private let productsAtOnce = 1 << 20

extension Device {
  /// A transposed convolution as one product of all places with all filter elements, folded back onto the map.
  ///
  /// oneDNN's kernels give each pixel's channels a vector of their own, of which a picture's three fill a fifth;
  /// a product's columns fill all of it. The product is a convolution by filters of one place, whose sums do not depend on
  /// how many pictures and threads there are; those of oneDNN's products do.
  mutating func foldedConvolutionTransposed(
    _ signal: Tensor, filters: Tensor, over sliding: Sliding, onto input: Shape
  ) throws(KernelError) -> Tensor {
    let (images, outputs) = (input.images, filters.shape[0])
    let places = signal.shape.rows * signal.shape.columns
    let elements = filters.shape.count / outputs
    let turned = filters.prepared(as: "folded", []) {
      unsafe Tensor(uninitialized: [elements, 1, 1, outputs]) { target in
        unsafe filters.withUnsafeElements { source in
          unsafe vector_transposing(
            source.baseAddress, elements, target.baseAddress, outputs, outputs, elements)
        }
      }
    }
    let step = min(max(productsAtOnce / (places * elements), 1), images)
    let size = input.count / images
    var result = Tensor(input)
    for first in stride(from: 0, to: images, by: step) {
      let last = min(first + step, images)
      let part = step == images ? signal : signal.slices(first..<last)
      let products = try convolution(part, filters: turned, bias: nil, over: Sliding(window: 1))
      let maps = Shape(
        images: last - first, rows: input.rows, columns: input.columns, channels: input.channels)
      let geometry = VectorSliding(sliding, input: maps, output: part.shape)
      unsafe result.withUnsafeMutableElements { result in
        unsafe products.withUnsafeElements { products in
          guard let base = result.baseAddress else { return }
          unsafe vector_folding(products.baseAddress, base + first * size, geometry)
        }
      }
    }
    return result
  }
}
