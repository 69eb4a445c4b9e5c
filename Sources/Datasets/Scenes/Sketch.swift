/// An object as painted outlines from back to front, some of which make up named parts.
struct Sketch {
  struct Stroke {
    var outline: Outline
    var paint: Paint
    /// The part it belongs to, by its place in `parts`.
    var part: Int?
  }

  private(set) var strokes: [Stroke] = []
  private(set) var parts: [ScenePart] = []
  private var open: Int?

  /// Adds an outline in front of what is there.
  mutating func fill(_ outline: Outline, _ paint: Paint) {
    strokes.append(Stroke(outline: outline, paint: paint, part: open))
  }

  /// The strokes from back to front, except those of some parts.
  ///
  /// A part within another, as a handle on a door, stays when only the other is left out: its pixels are its own.
  func strokes(without removed: Set<ScenePart>) -> [Stroke] {
    strokes.filter { stroke in stroke.part.map { !removed.contains(parts[$0]) } ?? true }
  }

  /// Adds a part that is made of what `body` fills.
  ///
  /// What `body` fills within a part of its own belongs to that part alone.
  mutating func part(_ name: ScenePart, _ body: (inout Sketch) -> Void) {
    let outer = open
    open = parts.count
    parts.append(name)
    body(&self)
    open = outer
  }

  /// Adds a part of one outline.
  mutating func part(_ name: ScenePart, _ outline: Outline, _ paint: Paint) {
    part(name) { $0.fill(outline, paint) }
  }
}

/// The parts that objects are put together from; most belong to several classes.
public enum ScenePart: String, CaseIterable, Sendable, Codable {
  case back, beak, body, door, ear, eye, fin, handle, head, leg, lid, roof, seat, spout, tail, wheel, window,
    wing
}
