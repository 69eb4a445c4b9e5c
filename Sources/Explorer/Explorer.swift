internal import Datasets
internal import Figures
internal import Files
internal import Foundation
internal import Images
internal import Kernels
internal import Networks
internal import Studies
internal import Tensors

/// A finished run of `features` as pages: every unit of every layer has one, made when it is asked for.
public struct Explorer: Sendable {
  let view: RunView
  let darkroom: Darkroom
  /// Overviews take longer than a unit does, which must not wait for them.
  let overviews: Darkroom
  private let live: LiveRoom

  /// - Parameters:
  ///   - run: The run's folder.
  ///   - model: Where the model is now; nil for where the run had it.
  ///   - pictures: Where the images are now; nil for where the run had them.
  ///   - threads: How many compute.
  /// - Throws: `StudyError` or `PeakError` where the run is not finished, or its model or images are not what they were.
  public init(run: String, model: String? = nil, pictures: String? = nil, threads: Int) throws {
    view = try RunView(try FeaturesRun(run, pictures: pictures), model: model)
    let cache = PictureCache()
    darkroom = Darkroom(view, threads: threads, cache: cache)
    overviews = Darkroom(view, threads: threads, cache: cache)
    live = LiveRoom(view, threads: threads)
  }

  /// What is sent back to someone who may ask.
  func answer(_ question: Question) async -> Answer {
    guard let address = Address(path: question.path, rule: view.run.rule) else { return Self.nowhere }
    guard (question.method == "POST") == (address == .livePictures) else {
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
    case .home: return page(HomePage(view: view).page)
    case .style: return Answer(.css, Assets.style)
    case .script: return Answer(.script, Assets.script)
    case .icon: return Answer(.svg, Assets.icon)
    case .layer(let stem):
      guard let layer = view.layer(stem) else { return Self.nowhere }
      return page(
        LayerPage(
          view: view, layer: layer,
          order: question.query["sort"].flatMap { LayerPage.Order(rawValue: $0) } ?? .selectivity,
          filter: question.query["q"] ?? ""
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
      return page(unitPage(layer, unit, rule).page)
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
      return page(SearchPage(view: view, asked: asked).page)
    case .compare:
      let sides = ["a", "b"].compactMap { question.query[$0].flatMap { ComparePage.side($0, in: view) } }
      return page(ComparePage(view: view, sides: sides).page)
    case .live: return page(LivePage(view: view).page)
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
    case .liveProjection(let id):
      return try await live.picture(try place(question), of: id).map { Answer(.jpeg, $0) } ?? Self.gone
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
      view: view, layer: layer, unit: unit, rule: rule, extents: extents, scope: scope)
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
