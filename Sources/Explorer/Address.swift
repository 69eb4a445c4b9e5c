internal import Kernels
internal import Studies

/// What an address leads to: the same in the served pages and in the exported ones.
enum Address: Equatable, Sendable {
  case home
  case style
  case script
  case icon
  case layer(stem: String)
  case layerStyle(stem: String)
  case filters(stem: String)
  case unit(stem: String, unit: Int, rule: RectifierRule)
  case tiles(stem: String, unit: Int, rule: RectifierRule, UnitPicture.File)
  case arrays(stem: String, unit: Int, rule: RectifierRule)
  case controls(stem: String, unit: Int, rule: RectifierRule)
  case control(stem: String, unit: Int, rule: RectifierRule, Controls.Kind)
  case atlas(stem: String, name: String, rule: RectifierRule)
  /// A layer's units on an overview, as they were at an epoch.
  case epochAtlas(stem: String, epoch: Int, number: Int)
  /// A unit at all epochs.
  case film(stem: String, unit: Int)
  case image(Int)
  case search
  case compare
  case live
  case study(name: String)
  case studyFigure(name: String, figure: String)
  /// Units that the query names, drawn for paper.
  case figure(Answer.Kind)
  case game
  case gamePicture(stem: String, round: Int, Game.Shown, choice: Int?)
  case answers
  case notes
  case noteData
  case searchData
  case runData
  case layerData(stem: String)
  case unitData(stem: String, unit: Int)
  case livePictures
  case liveSeen(id: String)
  case liveLayer(id: String, stem: String)
  case liveMap(id: String, stem: String, unit: Int)
  case liveProjection(id: String, isPNG: Bool)
  case liveArray(id: String)
  case liveOcclusion(id: String)

  /// The address of a path; nil for one that leads nowhere.
  ///
  /// - Parameters:
  ///   - path: Without the question mark and what follows it; still in percent escapes.
  ///   - rule: The run's own rule, which addresses do not name.
  init?(path: String, rule: RectifierRule) {
    guard path.hasPrefix("/"), let parts = Self.parts(path) else { return nil }
    func stemmed(_ name: String, _ ending: String) -> String? {
      name.hasSuffix(ending) && name.utf8.count > ending.utf8.count
        ? String(name.dropLast(ending.count)) : nil
    }
    func number(_ text: some StringProtocol) -> Int? {
      text.utf8.count <= 9 && text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
    }
    switch parts.count {
    case 1:
      switch parts[0] {
      case "", "index.html": self = .home
      case "explorer.css": self = .style
      case "explorer.js": self = .script
      case "explorer.svg": self = .icon
      case "search.html": self = .search
      case "compare.html": self = .compare
      case "live.html": self = .live
      case "game.html": self = .game
      default: return nil
      }
    case 2:
      switch parts[0] {
      case "layers":
        if let stem = stemmed(parts[1], ".html") {
          self = .layer(stem: stem)
        } else if let stem = stemmed(parts[1], ".css") {
          self = .layerStyle(stem: stem)
        } else {
          return nil
        }
      case "filters":
        guard let stem = stemmed(parts[1], ".png") else { return nil }
        self = .filters(stem: stem)
      case "images":
        guard let id = stemmed(parts[1], ".webp").flatMap({ number($0) }) else { return nil }
        self = .image(id)
      case "runs":
        guard let name = stemmed(parts[1], ".html") else { return nil }
        self = .study(name: name)
      case "figures":
        switch parts[1] {
        case "units.svg": self = .figure(.svg)
        case "units.png": self = .figure(.png)
        case "units.pdf": self = .figure(.pdf)
        default: return nil
        }
      case "api" where parts[1] == "run.json": self = .runData
      case "api" where parts[1] == "search.json": self = .searchData
      case "api" where parts[1] == "notes.json": self = .noteData
      case "api" where parts[1] == "notes": self = .notes
      case "api" where parts[1] == "game": self = .answers
      case "api" where parts[1] == "live": self = .livePictures
      default: return nil
      }
    case 3:
      switch parts[0] {
      case "units", "controls":
        guard let name = stemmed(parts[2], ".html") else { return nil }
        let pieces = name.split(separator: ".", omittingEmptySubsequences: false)
        guard let unit = number(pieces[0]), pieces.count <= 2 else { return nil }
        let named = pieces.count == 2 ? RectifierRule(rawValue: String(pieces[1])) : rule
        guard let named, pieces.count == 1 || named != rule else { return nil }
        self =
          parts[0] == "units"
          ? .unit(stem: parts[1], unit: unit, rule: named)
          : .controls(stem: parts[1], unit: unit, rule: named)
      case "runs":
        guard let figure = stemmed(parts[2], ".svg") else { return nil }
        self = .studyFigure(name: parts[1], figure: figure)
      case "epochs":
        guard let unit = stemmed(parts[2], ".jpg").flatMap({ number($0) }) else { return nil }
        self = .film(stem: parts[1], unit: unit)
      case "api" where parts[1] == "layers":
        guard let stem = stemmed(parts[2], ".json") else { return nil }
        self = .layerData(stem: stem)
      default: return nil
      }
    case 4:
      switch parts[0] {
      case "tiles":
        guard let rule = RectifierRule(rawValue: parts[1]) else { return nil }
        // Longer endings first: `17-views.webp` ends in `.webp` too.
        let files = UnitPicture.File.allCases.sorted { $0.rawValue.count > $1.rawValue.count }
        for file in files {
          if let unit = stemmed(parts[3], file.rawValue).flatMap({ number($0) }) {
            self = .tiles(stem: parts[2], unit: unit, rule: rule, file)
            return
          }
        }
        return nil
      case "arrays":
        guard let rule = RectifierRule(rawValue: parts[1]),
          let unit = stemmed(parts[3], ".safetensors").flatMap({ number($0) })
        else { return nil }
        self = .arrays(stem: parts[2], unit: unit, rule: rule)
      case "controls":
        guard let rule = RectifierRule(rawValue: parts[1]) else { return nil }
        for kind in Controls.Kind.allCases {
          if let unit = stemmed(parts[3], "-\(kind.rawValue).jpg").flatMap({ number($0) }) {
            self = .control(stem: parts[2], unit: unit, rule: rule, kind)
            return
          }
        }
        return nil
      case "atlases":
        guard let rule = RectifierRule(rawValue: parts[1]), let name = stemmed(parts[3], ".jpg") else {
          return nil
        }
        self = .atlas(stem: parts[2], name: name, rule: rule)
      case "epochs":
        guard let epoch = number(parts[2]), let atlas = stemmed(parts[3], ".jpg").flatMap({ number($0) })
        else { return nil }
        self = .epochAtlas(stem: parts[1], epoch: epoch, number: atlas)
      case "api" where parts[1] == "live":
        switch parts[3] {
        case "seen.webp": self = .liveSeen(id: parts[2])
        case "projection.jpg": self = .liveProjection(id: parts[2], isPNG: false)
        case "projection.png": self = .liveProjection(id: parts[2], isPNG: true)
        case "projection.safetensors": self = .liveArray(id: parts[2])
        case "occlusion.json": self = .liveOcclusion(id: parts[2])
        default: return nil
        }
      default: return nil
      }
    case 5:
      if parts[0] == "game", let round = number(parts[2]), let shown = Game.Shown(rawValue: parts[3]),
        let name = stemmed(parts[4], ".jpg"), name == "references" || number(name) != nil
      {
        self = .gamePicture(stem: parts[1], round: round, shown, choice: number(name))
        return
      }
      guard parts[0] == "api" else { return nil }
      if parts[1] == "layers", parts[3] == "units",
        let unit = stemmed(parts[4], ".json").flatMap({ number($0) })
      {
        self = .unitData(stem: parts[2], unit: unit)
      } else if parts[1] == "live", parts[3] == "layers", let stem = stemmed(parts[4], ".json") {
        self = .liveLayer(id: parts[2], stem: stem)
      } else {
        return nil
      }
    case 6:
      guard parts[0] == "api", parts[1] == "live", parts[3] == "maps",
        let unit = stemmed(parts[5], ".webp").flatMap({ number($0) })
      else { return nil }
      self = .liveMap(id: parts[2], stem: parts[4], unit: unit)
    default: return nil
    }
  }

  /// Whether something is sent to it, to be taken in.
  var takesPosts: Bool { [.livePictures, .notes, .answers].contains(self) }

  /// The parts of a path between its slashes, each decoded once; nil where one cannot be decoded, is empty but for the
  /// only one, or holds what no name of ours does.
  private static func parts(_ path: String) -> [String]? {
    let pieces = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    var parts: [String] = []
    for piece in pieces {
      guard let part = String(piece).decodedFromAddress, !part.contains("/"), !part.contains("\\"),
        part != ".", part != "..", part.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }),
        !part.isEmpty || pieces.count == 1
      else { return nil }
      parts.append(part)
    }
    return parts
  }
}

extension String {
  /// The text with its percent escapes undone, once; nil for escapes that are none, or that are no text.
  var decodedFromAddress: String? {
    var bytes: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexadecimalDigit, let low = rest.popFirst()?.hexadecimalDigit else {
        return nil
      }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension UInt8 {
  fileprivate var hexadecimalDigit: UInt8? {
    switch self {
    case 48...57: self - 48
    case 65...70: self - 55
    case 97...102: self - 87
    default: nil
    }
  }
}
