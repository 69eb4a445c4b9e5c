extension Drawing {
  /// Text broken into lines at its spaces, as wide as a column at most; a word that is wider stands on a line of its own.
  ///
  /// Widths are estimated from the letters, since the font is the reader's.
  ///
  /// - Parameters:
  ///   - text: What is broken; line ends in it stay.
  ///   - width: The column's width in pixels.
  ///   - height: The letters' height in pixels.
  /// - Returns: The lines, without the spaces at their ends.
  package static func lines(of text: String, width: Double, height: Double = 12) -> [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).flatMap { part -> [String] in
      var lines: [String] = []
      for word in part.split(separator: " ") {
        if let last = lines.last, Self.width(of: last + " " + word, height: height) <= width {
          lines[lines.count - 1] = last + " " + word
        } else {
          lines.append(String(word))
        }
      }
      return lines.isEmpty ? [""] : lines
    }
  }

  /// How wide a line of text is about, in pixels.
  package static func width(of text: String, height: Double = 12, bold: Bool = false) -> Double {
    text.reduce(0.0) { $0 + $1.shareOfHeight } * height * (bold ? 1.1 : 1)
  }

  /// A text cut in its middle until it fits into a width, as `features.d…r16.conv2`.
  package static func fitted(_ text: String, width: Double, height: Double = 12, bold: Bool = false) -> String
  {
    guard Self.width(of: text, height: height, bold: bold) > width else { return text }
    var kept = text.count - 1
    while kept > 2 {
      let cut = text.prefix((kept + 1) / 2) + "…" + text.suffix(kept / 2)
      if Self.width(of: String(cut), height: height, bold: bold) <= width { return String(cut) }
      kept -= 1
    }
    return String(text.prefix(1)) + "…"
  }

  /// Writes text in a column, line by line.
  ///
  /// - Returns: The row below the last line.
  @discardableResult
  package mutating func paragraph(
    _ text: String, top: Double, column: Double, width: Double, height: Double = 12, _ colour: Colour = .soft
  ) -> Double {
    let lines = Self.lines(of: text, width: width, height: height)
    for (index, line) in lines.enumerated() {
      self.text(
        line, top: top + Double(index) * Self.leading(height), column: column, height: height, colour)
    }
    return top + Double(lines.count) * Self.leading(height)
  }

  /// From one line of a paragraph to the next, in pixels.
  package static func leading(_ height: Double) -> Double { (height * 1.35).rounded() }
}

extension Character {
  /// How wide it is about, over the letters' height, in the sans-serif fonts that figures name.
  fileprivate var shareOfHeight: Double {
    switch self {
    case "i", "j", "l", "'", "|", " ", ".", ",", ":", ";", "!", "I": 0.32
    case "f", "t", "r", "(", ")", "[", "]", "/", "-", "\"": 0.4
    case "m", "w", "M", "W", "%", "@", "→", "≤", "≥", "±", "…": 0.95
    default: isUppercase ? 0.7 : 0.62
    }
  }
}
