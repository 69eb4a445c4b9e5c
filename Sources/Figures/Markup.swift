extension String {
  /// The text with the five characters that mean something in XML and HTML written out.
  package var escapedForMarkup: String {
    var escaped = ""
    // By scalars: a letter that is combined with one of the five hides it from whoever looks at characters.
    for scalar in unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case _ where !scalar.isWritable: escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

extension Unicode.Scalar {
  /// Whether it may stand in XML and in a line of text.
  var isWritable: Bool {
    switch value {
    case 0x9, 0xA: true
    case 0..<0x20, 0x7F..<0xA0, 0xFFFE, 0xFFFF: false
    default: true
    }
  }
}
