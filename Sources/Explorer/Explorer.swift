internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Studies
internal import Tensors

/// A run of `features` as pages, and other runs beside it.
///
/// Every unit of every layer has a page, made when it is asked for.
public struct Explorer: Sendable {
  private(set) var view: RunView
  private(set) var darkroom: Darkroom
  /// Overviews take longer than a unit does, which must not wait for them.
  private(set) var overviews: Darkroom
  let notebook: Notebook
  private let live: LiveRoom
  /// Other runs of features, by their names in addresses.
  private let others: [(name: String, explorer: Explorer)]
  private let moved: (model: String?, pictures: String?)
  private let threads: Int
  /// What a person should know of the runs.
  public let notes: [String]

  /// A layer's overview has at most 2,048 pixels a side with tiles of so many.
  public static let mostSide = 127

  /// - Parameters:
  ///   - runs: Folders of runs, one of `features` at least, which may be under way; or a folder that holds such runs.
  ///   - model: Where the first run's model is now; nil for where it had it.
  ///   - pictures: Where the first run's images are now; nil for where it had them.
  ///   - side: The longer side of a tile in pixels, at most ``mostSide``; nil for tiles as `features` draws them.
  ///   - threads: How many compute.
  /// - Throws: `StudyError` or `PeakError` where a run has nothing to show, or its model or images are not what they were.
  public init(
    runs: [String], model: String? = nil, pictures: String? = nil, side: Int? = nil, threads: Int
  ) throws {
    let found = try FoundRuns(runs)
    guard let first = found.features.first else {
      throw StudyError(
        "\(runs.joined(separator: ", ")) has no run of 'features' to explore: make one with 'switchback features MODEL "
          + "IMAGES --out RUN'.")
    }
    var view = try RunView(try FeaturesRun(first.folder, pictures: pictures), model: model, side: side)
    var notes = Self.notes(of: first.folder)
    var others: [(name: String, explorer: Explorer)] = []
    for run in found.features.dropFirst() {
      others.append((run.name, try Explorer(run.folder, named: run.name, threads: threads)))
      notes += others[others.count - 1].explorer.notes
    }
    view.others = others.map { ($0.name, $0.explorer.view.title) }
    for run in found.others {
      do {
        view.studies.append(try StudyRun(run.folder, kind: run.kind, named: run.name))
      } catch {
        notes.append("\(error)")
      }
    }
    if let run = found.others.first(where: { $0.kind == Evolve.kind }) {
      do {
        let epochs = try Epochs(try EvolveRun(run.folder), of: view)
        view.epochs = epochs
        if !epochs.strangers.isEmpty {
          notes.append(
            "\(run.folder) is of a network that has no such \(epochs.strangers.joined(separator: ", ")): no epochs of these."
          )
        }
      } catch let error as any BadInput {
        notes.append("\(error)")
      }
    }
    let cache = PictureCache()
    self.view = view
    darkroom = Darkroom(view, threads: threads, cache: cache)
    overviews = Darkroom(view, threads: threads, cache: cache)
    notebook = Notebook(run: view.run.folder)
    live = LiveRoom(view, threads: threads)
    self.others = others
    (moved, self.threads, self.notes) = ((model, pictures), threads, notes)
  }

  /// One run beside another.
  private init(_ folder: String, named name: String, threads: Int) throws {
    var view = try RunView(try FeaturesRun(folder), model: nil)
    view.name = name
    let cache = PictureCache()
    self.view = view
    darkroom = Darkroom(view, threads: threads, cache: cache)
    overviews = Darkroom(view, threads: threads, cache: cache)
    notebook = Notebook(run: folder)
    live = LiveRoom(view, threads: threads)
    (others, moved, self.threads, notes) = ([], (nil, nil), threads, Self.notes(of: folder))
  }

  /// The same with what the search has found since.
  private init(_ earlier: Explorer, seeing view: RunView) {
    self = earlier
    var view = view
    (view.name, view.others, view.studies, view.epochs) = (
      earlier.view.name, earlier.view.others, earlier.view.studies, earlier.view.epochs
    )
    self.view = view
    let cache = PictureCache()
    darkroom = Darkroom(view, threads: threads, cache: cache)
    overviews = Darkroom(view, threads: threads, cache: cache)
  }

  /// What was left out or assumed when a run was made.
  private static func notes(of folder: String) -> [String] {
    func read<Value: Decodable>(_ type: Value.Type, _ file: String) -> Value? {
      FileSystem.contents(of: folder + "/" + file).flatMap { try? JSONDecoder().decode(type, from: $0) }
    }
    let skipped = read([Skipped].self, "skipped.json") ?? []
    let unread = skipped.count { $0.count == nil }
    return (read([String].self, "notes.json") ?? []).map { "\(folder): \($0)" }
      + (unread > 0
        ? [
          "\(folder): \(unread.counted("images")) could not be read, such as \(skipped.first { $0.count == nil }?.image ?? "")"
        ]
        : [])
  }

  /// Whether the search of its run is under way, so that there will be more to see.
  public var isUnderWay: Bool { view.progress != nil }

  /// The explorer of what the search has found since; nil where there is nothing new.
  func refreshed() async throws -> Explorer? {
    guard let progress = view.progress else { return nil }
    let run = try FeaturesRun(view.run.folder, pictures: moved.pictures)
    if run.found == nil, try run.search(of: view.study).searched == progress.done { return nil }
    let explorer = Explorer(self, seeing: try RunView(run, model: moved.model, side: view.side))
    await live.update(explorer.view)
    return explorer
  }

  /// Numbers in the stamps of the views that are served.
  var versions: [String] { [view.version] + others.map(\.explorer.view.version) }

  /// Makes what the first page shows, before it is asked for.
  func warmUp() async {
    for layer in view.layers {
      guard let strip = Atlas.strip(of: layer), !Task.isCancelled else { continue }
      _ = try? await overviews.atlas(strip, of: layer, rule: view.run.rule)
    }
  }

  /// What is sent back to someone who may ask.
  func answer(_ question: Question) async -> Answer {
    // Another run's pages are the same, below its name.
    let parts = question.path.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
    if parts.count >= 2, parts[0] == "with", let name = String(parts[1]).decodedFromAddress,
      let other = others.first(where: { $0.name == name })
    {
      var asked = question
      asked.target = String(question.target.dropFirst(parts[0].count + parts[1].count + 2))
      return await other.explorer.answer(asked)
    }
    guard let address = Address(path: question.path, rule: view.run.rule) else { return Self.nowhere }
    guard (question.method == "POST") == address.takesPosts else {
      return .refusal(405, "\(question.path) is not asked for by \(question.method).")
    }
    do {
      return try await answer(address, question)
    } catch is CancellationError {
      return .refusal(409, "The page that asked was left.")
    } catch is Interruption {
      // Something newer was asked for: nothing is wrong, and there is nothing to show.
      return Answer(.text, "", status: 204)
    } catch let error as any BadInput {
      return .refusal(422, "\(error)")
    } catch {
      return .refusal(500, "\(error)")
    }
  }

  private static let nowhere = Answer.refusal(404, "There is nothing at this address.")
  private static let gone = Answer.refusal(
    410, "That image is not held any more: the server keeps the last few. Give it once more.")

  private func answer(_ address: Address, _ question: Question) async throws -> Answer {
    func page(_ page: Page) -> Answer { Answer(.html, page.html(of: view, in: .served).text) }
    switch address {
    case .home: return page(HomePage(view: view, notes: notebook.readable.notes).page)
    case .style: return Answer(.css, Assets.style)
    case .script: return Answer(.script, Assets.script)
    case .icon: return Answer(.svg, Assets.icon)
    case .layer(let stem):
      guard let layer = view.layer(stem) else { return Self.nowhere }
      return page(
        LayerPage(
          view: view, layer: layer,
          order: question.query["sort"].flatMap { LayerPage.Order(rawValue: $0) } ?? .selectivity,
          filter: question.query["q"] ?? "", epoch: question.query["epoch"].flatMap { Int($0) }
        ).page)
    case .layerStyle(let stem):
      guard let layer = view.layer(stem) else { return Self.nowhere }
      return Answer(.css, LayerPage.style(of: layer))
    case .filters(let stem):
      guard let filters = view.layer(stem).flatMap({ view.wiring.filters(of: $0.name) }) else {
        return Self.nowhere
      }
      return Answer(.png, try FilterGrid.picture(of: filters, side: LayerPage.filterSide).encodedPNG())
    case .unit(let stem, let number, let rule):
      guard let (layer, unit) = unit(stem, number) else { return Self.nowhere }
      var unitPage = unitPage(layer, unit, rule)
      unitPage.epoch = question.query["epoch"].flatMap { Int($0) }
      return page(unitPage.page)
    case .tiles(let stem, let number, let rule, let file):
      guard let (layer, unit) = unit(stem, number), !unit.isDead else { return Self.nowhere }
      return Answer(
        file.rawValue.hasSuffix(".jpg") ? .jpeg : .webp,
        try await darkroom.unit(number, of: layer, rule: rule, file))
    case .arrays(let stem, let number, let rule):
      guard let (layer, unit) = unit(stem, number), !unit.isDead else { return Self.nowhere }
      return Answer(.bytes, try await darkroom.arrays(of: unit, in: layer, rule: rule).bytes())
    case .controls(let stem, let number, let rule):
      guard let (layer, unit) = unit(stem, number), !unit.isDead else { return Self.nowhere }
      let controls = try await darkroom.controls(of: unit, in: layer, rule: rule)
      return page(ControlsPage(view: view, layer: layer, unit: unit, rule: rule, controls: controls).page)
    case .control(let stem, let number, let rule, let kind):
      guard let (layer, unit) = unit(stem, number), !unit.isDead,
        let row = try await darkroom.controls(of: unit, in: layer, rule: rule).rows.first(where: {
          $0.kind == kind
        })
      else { return Self.nowhere }
      return Answer(.jpeg, row.picture)
    case .atlas(let stem, let name, let rule):
      guard let layer = view.layer(stem),
        let atlas = name == "strip"
          ? Atlas.strip(of: layer) : Int(name).flatMap({ Atlas.numbered($0, of: layer) }), atlas.name == name
      else { return Self.nowhere }
      return Answer(.jpeg, try await overviews.atlas(atlas, of: layer, rule: rule))
    case .epochAtlas(let stem, let epoch, let number):
      guard let layer = view.layer(stem), let atlas = Atlas.numbered(number, of: layer),
        let bytes = try await overviews.atlas(atlas, of: layer, at: epoch)
      else { return Self.nowhere }
      return Answer(.jpeg, bytes)
    case .film(let stem, let number):
      guard let (layer, unit) = unit(stem, number),
        let bytes = try await darkroom.film(of: unit.number, in: layer)
      else { return Self.nowhere }
      return Answer(.jpeg, bytes)
    case .image(let id):
      guard view.run.pictures.dataset.items.indices.contains(id) else { return Self.nowhere }
      return Answer(.webp, try darkroom.image(id, side: 256))
    case .search:
      let asked = question.query["q"] ?? ""
      if let found = SearchPage.unit(asked, in: view) {
        var answer = Answer(.text, "", status: 303)
        let stem = HTML("\(address: found.layer.stem)").text
        answer.headers = [("Location", "/units/\(stem)/\(found.unit).html")]
        return answer
      }
      return page(SearchPage(view: view, asked: asked, notes: notebook.readable.notes).page)
    case .compare:
      let views = [("", view)] + others.map { ($0.name, $0.explorer.view) }
      return page(
        ComparePage(
          view: view, asked: ["a", "b"].map { question.query[$0] ?? "" },
          sides: ["a", "b"].map { question.query[$0].flatMap { ComparePage.Side($0, among: views) } }
        ).page)
    case .live: return page(LivePage(view: view).page)
    case .study(let name):
      guard let study = view.studies.first(where: { $0.name == name }) else { return Self.nowhere }
      return page(StudyPage(view: view, study: study).page)
    case .studyFigure(let name, let figure):
      guard let svg = view.studies.first(where: { $0.name == name })?.svg(figure) else { return Self.nowhere }
      return Answer(.svg, svg)
    case .figure(let kind): return Answer(kind, try figure(question, as: kind))
    case .game:
      let layer = question.query["layer"].flatMap { view.layer($0) } ?? view.layers[view.layers.count - 1]
      let shown = question.query["show"].flatMap { Game.Shown(rawValue: $0) } ?? .patches
      let rounds = notebook.readable.rounds
      let next = 1 + (rounds.filter { $0.layer == layer.name && $0.shown == shown }.map(\.round).max() ?? 0)
      return page(
        GamePage(
          view: view, layer: layer,
          round: question.query["round"].flatMap { UInt32($0) }.map { Int($0) } ?? next,
          shown: shown, rounds: rounds
        ).page)
    case .gamePicture(let stem, let round, let shown, let choice):
      guard let layer = view.layer(stem), let game = Game(round, of: layer),
        let bytes = try await darkroom.picture(of: game, in: layer, shown, choice: choice)
      else { return Self.nowhere }
      return Answer(.jpeg, bytes)
    case .answers: return try await take(try sent(GameAnswer.self, in: question))
    case .notes: return try await take(try sent(SentNote.self, in: question))
    case .noteData: return try json(try notebook.contents())
    case .searchData:
      return try json(RunData.Found(SearchPage.units(of: question.query["q"] ?? "", in: view)))
    case .runData: return try json(RunData.Run(view))
    case .layerData(let stem):
      guard let layer = view.layer(stem) else { return Self.nowhere }
      return try json(RunData.Layer(layer))
    case .unitData(let stem, let number):
      guard let (layer, unit) = unit(stem, number) else { return Self.nowhere }
      return try json(RunData.Unit(unit, of: layer, in: view))
    case .livePictures: return try json(try await live.take(question.body, live.newest()))
    case .liveSeen(let id):
      return try await live.seen(id).map { Answer(.webp, $0) } ?? Self.gone
    case .liveLayer(let id, let stem):
      guard let layer = view.layer(stem) else { return Self.nowhere }
      return try await live.layer(layer, of: id).map { try json($0) } ?? Self.gone
    case .liveMap(let id, let stem, let unit):
      guard let layer = view.layer(stem), layer.units.indices.contains(unit) else { return Self.nowhere }
      return try await live.map(unit, of: layer, id).map { Answer(.webp, $0) } ?? Self.gone
    case .liveProjection(let id, let isPNG):
      guard let picture = try await live.picture(try place(question), of: id) else { return Self.gone }
      return isPNG
        ? Answer(.png, try picture.encodedPNG())
        : Answer(.jpeg, try picture.encoded(as: .sharpJPEG(quality: 85)))
    case .liveArray(let id):
      let pixels = try await live.projection(try place(question), of: id)
      return try pixels.map {
        Answer(.bytes, SafeTensors(["projection": try $0.inONNXOrder()]).bytes())
      } ?? Self.gone
    case .liveOcclusion(let id):
      guard let size = question.query["size"].flatMap({ Int($0) }),
        let stride = question.query["stride"].flatMap({ Int($0) })
      else { throw StudyError("an occlusion takes a size and a stride, in pixels of the network's input.") }
      return try await live.sweep(id, size: size, stride: stride, live.newest()).map { try json($0) }
        ?? Self.gone
    }
  }

  /// What a request's body says.
  private func sent<Value: Decodable>(_ type: Value.Type, in question: Question) throws -> Value {
    guard question.body.count <= 64 << 10,
      let value = try? JSONDecoder().decode(type, from: Data(question.body))
    else {
      throw StudyError("\(question.path) takes JSON of another form: see the explorer's documentation.")
    }
    return value
  }

  /// A note as it is sent: of what it leaves out, the unit's note stays as it is.
  private struct SentNote: Decodable {
    var layer: String
    var unit: Int
    var text: String?
    var pinned: Bool?
  }

  private func take(_ sent: SentNote) async throws -> Answer {
    guard let (layer, unit) = unit(sent.layer, sent.unit) else { return Self.nowhere }
    let earlier = try notebook.contents().note(on: unit.number, of: layer.name)
    let note = Notebook.Note(
      layer: layer.name, unit: unit.number, text: sent.text ?? earlier?.text ?? "",
      isPinned: sent.pinned ?? earlier?.isPinned ?? false)
    try await notebook.keep(note)
    return try json(note)
  }

  private struct GameAnswer: Decodable {
    var layer: String
    var round: UInt32
    var shown: Game.Shown
    var choice: Int
  }

  private struct Told: Encodable {
    var unit: Int
    var answer: Int
    var isRight: Bool
    var right: Int
    var of: Int
  }

  private func take(_ sent: GameAnswer) async throws -> Answer {
    guard let layer = view.layer(sent.layer), let game = Game(Int(sent.round), of: layer),
      game.choices.indices.contains(sent.choice)
    else { return Self.nowhere }
    let isRight = sent.choice == game.answer
    try await notebook.keep(
      Notebook.Round(layer: layer.name, round: Int(sent.round), shown: sent.shown, isRight: isRight))
    let score = Game.scores(of: try notebook.contents().rounds, layer: layer.name).first {
      $0.shown == sent.shown
    }
    return try json(
      Told(
        unit: game.unit, answer: game.answer, isRight: isRight, right: score?.right ?? 0, of: score?.of ?? 0))
  }

  /// Units for paper, as `switchback figure` draws them.
  private func figure(_ question: Question, as kind: Answer.Kind) throws -> [UInt8] {
    let choices = try (question.query["units"] ?? "").split(separator: " ").map {
      try UnitFigure.Choice(String($0))
    }
    let count = choices.reduce(0) { $0 + $1.units.count }
    guard (1...24).contains(count) else {
      throw StudyError("a figure takes 1 to 24 units, as units=conv5:9,17; \(count) were asked for.")
    }
    let rule = question.query["rule"].map { RectifierRule(rawValue: $0) } ?? view.run.rule
    guard let rule else { throw StudyError("'\(question.query["rule"] ?? "")' is no rule.") }
    let figure = try UnitFigure(
      ofRun: view.run.folder, units: choices, rule: rule, model: moved.model, pictures: moved.pictures,
      threads: threads)
    let drawing = try figure.drawing(width: 170, columns: nil, dotsPerInch: 300)
    let format: FigureFormat = kind == .svg ? .svg : kind == .pdf ? .pdf : .png
    return try drawing.file(as: format, dotsPerInch: 300)
  }

  private func json(_ value: some Encodable) throws -> Answer {
    Answer(.json, [UInt8](try JSONEncoder.inKeyOrder.encode(value)))
  }

  private func unit(_ stem: String, _ number: Int) -> (RunView.Layer, RunView.Unit)? {
    guard let layer = view.layer(stem), layer.units.indices.contains(number) else { return nil }
    return (layer, layer.units[number])
  }

  func unitPage(
    _ layer: RunView.Layer, _ unit: RunView.Unit, _ rule: RectifierRule, in scope: Scope = .served
  ) -> UnitPage {
    var extents: [Int: (rows: Int, columns: Int)] = [:]
    for entry in unit.entries where extents[entry.image] == nil {
      extents[entry.image] = try? view.run.pictures.dataset.extents(of: entry.image)
    }
    return UnitPage(
      view: view, layer: layer, unit: unit, rule: rule, extents: extents,
      note: notebook.readable.note(on: unit.number, of: layer.name), scope: scope)
  }

  /// Where a question's projection starts.
  private func place(_ question: Question) throws -> LiveRoom.Place {
    let query = question.query
    guard let layer = query["layer"].flatMap({ view.layer($0) }) else {
      throw StudyError("there is no layer '\(query["layer"] ?? "")' in this run.")
    }
    guard let unit = query["unit"].flatMap({ Int($0) }) else {
      throw StudyError("'\(query["unit"] ?? "")' is no unit of \(layer.name).")
    }
    let rule = query["rule"].map { RectifierRule(rawValue: $0) } ?? view.run.rule
    guard let rule else { throw StudyError("'\(query["rule"] ?? "")' is no rule.") }
    let at = [query["row"], query["column"]].compactMap { $0.flatMap { Int($0) } }
    return LiveRoom.Place(layer: layer, unit: unit, at: at.count == 2 ? (at[0], at[1]) : nil, rule: rule)
  }
}
