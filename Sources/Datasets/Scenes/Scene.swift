public import Images

/// A drawn picture with all that is known of it.
public struct Scene: Sendable {
  public let picture: Picture
  public let label: Int
  /// The object, by its pixels before anything stands in front of it, with its parts, clipped to the picture; the name
  /// of a ``ScenePart`` comes as often as the object has such a part.
  public let object: Region
  /// The object's parts in the order they were drawn in, those that were left out among them.
  let parts: [ScenePart]
  /// For each pixel, row after row, the place in ``parts`` of the part on top: as ``Easel/owners``.
  let owners: [UInt8]
}

extension Scene {
  /// Names of the classes, in the order of labels.
  public static let classNames = classes.map(\.name)

  private static let classes:
    [(name: String, draw: @Sendable (inout Sketch, inout Chance, Palette) -> Void)] = [
      ("airplane", { $0.airplane(&$1, $2) }), ("bicycle", { $0.bicycle(&$1, $2) }),
      ("bird", { $0.bird(&$1, $2) }), ("butterfly", { $0.butterfly(&$1, $2) }), ("car", { $0.car(&$1, $2) }),
      ("cat", { $0.cat(&$1, $2) }), ("chair", { $0.chair(&$1, $2) }), ("fish", { $0.fish(&$1, $2) }),
      ("house", { $0.house(&$1, $2) }), ("teapot", { $0.teapot(&$1, $2) }),
    ]

  /// Draws a scene; all but the object's shape is drawn without regard to its class.
  ///
  /// - Parameters:
  ///   - label: The class of its object.
  ///   - side: Rows and columns in pixels.
  ///   - chance: Decides everything else. What is left out changes none of its draws.
  ///   - removed: Parts of the object that are left out.
  init(label: Int, side: Int, chance: inout Chance, without removed: Set<ScenePart>) {
    let sun = Sun(&chance)
    var easel = Easel(side: side)
    Backdrop(&chance).paint(&easel, &chance, sun)
    Clutter.behind(&easel, &chance, sun)
    let palette = Self.palette(&chance, before: easel)
    let pose = Self.pose(&chance, side)
    var sketch = Sketch()
    Self.classes[label].draw(&sketch, &chance, palette)
    var layer = Easel(side: side)
    for stroke in sketch.strokes(without: removed) {
      layer.fill(
        stroke.outline, stroke.paint, pose, sun, contact: Float(side) / 26, part: stroke.part ?? Easel.object)
    }
    easel.shadow(of: layer, sun, strength: chance.number(0.25...0.65))
    easel.lay(layer)
    if chance.happens(0.4) {
      Clutter.before(&easel, &chance, sun, center: pose.origin, reach: pose.scale)
    }
    var regions = Self.regions(sketch.parts.count, easel)
    let whole = regions.removeLast()
    object = whole.region(
      Self.classNames[label],
      zip(sketch.parts, regions).filter { $1.count > 0 }.map { $1.region($0.rawValue) })
    picture = Self.developed(easel, &chance)
    self.label = label
    parts = sketch.parts
    owners = easel.owners
  }

  /// Colours that can be told from what is behind them.
  private static func palette(_ chance: inout Chance, before easel: Easel) -> Palette {
    let side = easel.side
    var mean = Light.zero
    for row in 0..<4 {
      for column in 0..<4 {
        let pixel = easel.pixels[(row * 2 + 1) * side / 8 * side + (column * 2 + 1) * side / 8]
        mean += Light(pixel.x, pixel.y, pixel.z) / 16
      }
    }
    var palette = Palette(&chance)
    for _ in 0..<6 where palette.main.first.contrast(to: mean) < 0.25 { palette = Palette(&chance) }
    return palette
  }

  private static func pose(_ chance: inout Chance, _ side: Int) -> Pose {
    let half = Float(side) / 2
    let size = chance.number(0.66...0.94)
    let room = max(1 - size, 0) + 0.04
    let offset = Point(chance.number(-room...room), chance.number(-room...room))
    return Pose(
      origin: (offset + 1) * half, scale: size * half,
      stretch: chance.number(0.85...1.12) * (chance.happens(0.5) ? 1 : -1),
      axis: .direction(turns: chance.number(-0.05...0.05)))
  }

  /// Where each part is, and last the object.
  private static func regions(_ parts: Int, _ easel: Easel) -> [Bounds] {
    precondition(parts < Easel.object, "\(parts) parts")
    var bounds = [Bounds](repeating: Bounds(), count: Easel.object + 1)
    for row in 0..<easel.side {
      for column in 0..<easel.side {
        let pixel = row * easel.side + column
        var claims = easel.claims[pixel]
        guard claims != 0 else { continue }
        let owner = easel.owners[pixel]
        if owner != Easel.nobody, owner != Easel.object { bounds[Int(owner)].seen += 1 }
        if owner != Easel.nobody { bounds[Easel.object].seen += 1 }
        while claims != 0 {
          bounds[claims.trailingZeroBitCount].add(row: row, column: column)
          claims &= claims - 1
        }
      }
    }
    return Array(bounds[..<parts]) + [bounds[Easel.object]]
  }

  /// What a camera makes of the light: exposure, the lamp's colour, darker corners, grain.
  private static func developed(_ easel: Easel, _ chance: inout Chance) -> Picture {
    let side = easel.side
    let warmth = chance.number(-0.12...0.12)
    let tint = Light(1 + warmth, 1, 1 - warmth) * chance.number(0.75...1.15)
    let haze = chance.happens(0.3) ? chance.number(0...0.15) : 0
    let corner = chance.number(0...0.35)
    let fall = Point.direction(turns: chance.unit()) * chance.number(0...0.25)
    let grain = chance.number(0...0.03)
    let lattice = chance.lattice()
    var pixels = [UInt8](repeating: 0, count: side * side * 3)
    for row in 0..<side {
      for column in 0..<side {
        let point = Point(Float(column) + 0.5, Float(row) + 0.5) * (2 / Float(side)) - 1
        let light = easel.pixels[row * side + column]
        let amount = max(1 - corner * 0.5 * point.dot(point) + fall.dot(point), 0)
        let noise = grain * (Noise.value(Int32(column), Int32(row), lattice) - 0.5) * 2
        let shown = (Light(light.x, light.y, light.z) * tint * amount).bounded.squareRoot()
        let bytes = (shown.mixed(with: Light(repeating: 0.75), haze) + noise).bounded * 255 + 0.5
        let place = (row * side + column) * 3
        pixels[place] = UInt8(bytes.x)
        pixels[place + 1] = UInt8(bytes.y)
        pixels[place + 2] = UInt8(bytes.z)
      }
    }
    return Picture(rows: side, columns: side, pixels: pixels)
  }
}

/// The smallest box around some pixels, and how many of them are on top; an empty box around none.
private struct Bounds {
  private(set) var count = 0
  private var box = Box(top: .max, left: .max, bottom: 0, right: 0)
  var seen = 0

  func region(_ name: String, _ parts: [Region] = []) -> Region {
    guard count > 0 else {
      return Region(name: name, box: Box(top: 0, left: 0, bottom: 0, right: 0), visibility: 0, parts: parts)
    }
    return Region(name: name, box: box, visibility: Float(seen) / Float(count), parts: parts)
  }

  mutating func add(row: Int, column: Int) {
    count += 1
    box.top = min(box.top, row)
    box.left = min(box.left, column)
    box.bottom = max(box.bottom, row + 1)
    box.right = max(box.right, column + 1)
  }
}
