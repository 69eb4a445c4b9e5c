extension Drawing {
  /// A text cut in its middle until it fits into a width, as `features.d…r16.conv2`.
  package static func fitted(_ text: String, width: Double, height: Double = 12, bold: Bool = false) -> String
  {
    guard Self.width(of: text, height: height, bold: bold) > width else { return text }
    // The most characters that fit, by halving what is left to try.
    var (fitting, tooMany) = (1, text.count)
    func cut(_ kept: Int) -> String { text.prefix((kept + 1) / 2) + "…" + text.suffix(kept / 2) }
    while tooMany - fitting > 1 {
      let kept = (fitting + tooMany) / 2
      if Self.width(of: cut(kept), height: height, bold: bold) <= width {
        fitting = kept
      } else {
        tooMany = kept
      }
    }
    return cut(fitting)
  }

  /// Writes text in a column, line by line.
  ///
  /// - Returns: The row below the last line.
  @discardableResult
  package mutating func paragraph(
    _ text: String, top: Double, column: Double, width: Double, height: Double = 12, _ colour: Colour = .soft
  ) -> Double {
    let lines = Self.wrapped(text, width: width, height: height)
    for (index, line) in lines.enumerated() {
      self.text(
        line, top: top + Double(index) * Self.leading(height), column: column, height: height, colour)
    }
    return top + Double(lines.count) * Self.leading(height)
  }

  /// From one line of a paragraph to the next, in pixels.
  package static func leading(_ height: Double) -> Double { (height * 1.35).rounded() }
}
