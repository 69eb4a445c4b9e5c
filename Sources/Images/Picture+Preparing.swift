public import Tensors

extension Picture {
  /// The picture as a network's input.
  ///
  /// - Parameters:
  ///   - preprocessing: How pixels become values.
  ///   - placement: Where the crop is cut from, and whether it is mirrored.
  /// - Returns: 1 x rows x columns x channels in the network's order, and how its pixels map back.
  /// - Throws: ``ImageError/preparation(reason:)`` where the picture is smaller than the crop.
  public func prepared(
    _ preprocessing: Preprocessing, at placement: Placement = .center
  ) throws(ImageError) -> (tensor: Tensor, framing: Framing) {
    let (seen, framing) = try framed(preprocessing, at: placement)
    return ((placement.isMirrored ? seen.mirrored() : seen).values(preprocessing), framing)
  }

  /// The part of the picture that a network sees, at the size it sees it.
  ///
  /// - Parameters:
  ///   - preprocessing: How it is resized and cropped.
  ///   - placement: Where the crop is cut from; it is not mirrored.
  /// - Returns: The picture resized and cropped, and how its pixels map back.
  /// - Throws: ``ImageError/preparation(reason:)`` where the picture is smaller than the crop.
  public func framed(
    _ preprocessing: Preprocessing, at placement: Placement = .center
  ) throws(ImageError) -> (seen: Picture, framing: Framing) {
    let framing = try Framing(rows: rows, columns: columns, preprocessing, at: placement)
    let resized = try resized(
      rows: framing.resizedRows, columns: framing.resizedColumns,
      by: preprocessing.resize?.interpolation ?? .bilinear,
      antialiased: preprocessing.resize?.antialias ?? true)
    let crop = Box(
      top: framing.cropTop, left: framing.cropLeft, bottom: framing.cropTop + framing.cropRows,
      right: framing.cropLeft + framing.cropColumns)
    return (resized.cropped(to: crop), framing)
  }

  /// The picture with left and right exchanged.
  public func mirrored() -> Picture {
    var mirrored: [UInt8] = []
    mirrored.reserveCapacity(pixels.count)
    for row in 0..<rows {
      for column in (0..<columns).reversed() {
        let base = (row * columns + column) * 3
        mirrored += pixels[base..<base + 3]
      }
    }
    return Picture(rows: rows, columns: columns, pixels: mirrored)
  }

  /// What a network is given of a picture that is resized and cropped already: 1 x rows x columns x channels.
  public func values(_ preprocessing: Preprocessing) -> Tensor {
    // One table a channel: 256 values are all there are.
    let tables = (0..<preprocessing.channels.count).flatMap { channel in
      (0..<256).map { preprocessing.value(ofLevel: Float($0), channel: channel) }
    }
    let shape = Shape(images: 1, rows: rows, columns: columns, channels: preprocessing.channels.count)
    return Tensor(shape) { elements in
      let pixels = pixels.span
      let values = tables.span
      switch preprocessing.channels {
      case .rgb, .bgr:
        let (red, blue) = preprocessing.channels == .rgb ? (0, 2) : (2, 0)
        for place in 0..<rows * columns {
          let base = place * 3
          elements[base] = values[Int(pixels[base + red])]
          elements[base + 1] = values[256 + Int(pixels[base + 1])]
          elements[base + 2] = values[512 + Int(pixels[base + blue])]
        }
      case .grey:
        for place in 0..<rows * columns {
          elements[place] =
            values[
              brightness(Int(pixels[place * 3]), Int(pixels[place * 3 + 1]), Int(pixels[place * 3 + 2]))]
        }
      }
    }
  }
}

/// Brightness of 0...255 by the weights of ITU-R BT.601.
package func brightness(_ red: Int, _ green: Int, _ blue: Int) -> Int {
  (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16
}
