internal import Files
internal import Foundation
internal import Yams

/// A value of an experiment's YAML file, read strictly: what is not expected is refused, with file, line and place.
struct SpecValue {
  let file: String
  /// The keys that lead to it.
  let place: [String]
  private let node: Node

  /// - Throws: ``StudyError`` for a file that is not there, or is no YAML.
  init(reading file: String) throws {
    guard let bytes = FileSystem.contents(of: file) else {
      throw StudyError("\(file) is not there, or cannot be read.")
    }
    guard bytes.count <= 1 << 20, let text = String(validating: bytes, as: UTF8.self) else {
      throw StudyError(
        "\(file) is no text of an experiment: write a YAML file, UTF-8, of at most a megabyte.")
    }
    do {
      guard let root = try compose(yaml: text) else {
        throw StudyError(
          "\(file) is empty: write what is to be trained, as `switchback ablate --help` shows.")
      }
      self.init(file: file, place: [], node: root)
    } catch let error as YamlError {
      throw StudyError("\(file)\(error.place) is no YAML: \(error.problem)")
    }
  }

  private init(file: String, place: [String], node: Node) {
    self.file = file
    self.place = place
    self.node = node
  }

  /// What is wrong with this value.
  func failure(_ reason: String) -> StudyError {
    let line = node.mark.map { ", line \($0.line)" } ?? ""
    return StudyError(
      "\(file)\(line): " + (place.isEmpty ? "" : place.joined(separator: ", ") + ": ") + reason)
  }

  /// The same value under another name for its place.
  func renamed(_ place: [String]) -> SpecValue { SpecValue(file: file, place: place, node: node) }

  /// The text under a key, if there is one, before anything is checked: what messages call a thing by.
  func name(under key: String) -> String? { node.mapping?[key]?.scalar?.string }

  /// The value as a mapping whose keys are all known.
  func mapping(of known: [String]) throws -> [String: SpecValue] {
    var values: [String: SpecValue] = [:]
    for (key, value) in try pairs("keys such as \(known.prefix(3).joined(separator: ", "))") {
      guard known.contains(key) else {
        throw value.failure("there is no such key; keys here are \(known.joined(separator: ", ")).")
      }
      values[key] = value
    }
    return values
  }

  /// The value as a mapping of layers' numbers.
  func numbered() throws -> [Int: SpecValue] {
    var values: [Int: SpecValue] = [:]
    for (key, value) in try pairs("layers with a size each, as {6: 2048, 7: 2048}") {
      guard let number = Int(key) else { throw value.failure("a layer is a number, not '\(key)'.") }
      values[number] = value
    }
    return values
  }

  private func pairs(_ expected: String) throws -> [(String, SpecValue)] {
    guard case .mapping(let mapping) = node else { throw failure("expected \(expected), not \(kind).") }
    return try mapping.map { key, value in
      guard let name = key.scalar?.string else { throw failure("a key must be a word.") }
      return (name, SpecValue(file: file, place: place + [name], node: value))
    }
  }

  func list() throws -> [SpecValue] {
    guard case .sequence(let sequence) = node else {
      throw failure("expected a list such as [3, 4], not \(kind).")
    }
    return sequence.enumerated().map {
      SpecValue(file: file, place: place + ["\($0.offset + 1)"], node: $0.element)
    }
  }

  func text() throws -> String {
    guard let text = node.scalar?.string, !text.isEmpty else {
      throw failure("expected a text, not \(kind).")
    }
    return text
  }

  /// One of a closed set of words.
  func word<Choice: RawRepresentable<String> & CaseIterable>() throws -> Choice {
    guard let choice = Choice(rawValue: try text()) else {
      throw failure(
        "expected one of \(Choice.allCases.map(\.rawValue).joined(separator: ", ")), not \(kind).")
    }
    return choice
  }

  func whole(_ range: ClosedRange<Int>) throws -> Int {
    guard let number = node.scalar.flatMap({ Int($0.string) }), range.contains(number) else {
      let bounds =
        range.upperBound == .max
        ? "of \(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
      throw failure("expected a whole number \(bounds), not \(kind).")
    }
    return number
  }

  func number() throws -> Double {
    guard let number = node.scalar.flatMap({ Double($0.string) }), number.isFinite else {
      throw failure("expected a number, not \(kind).")
    }
    return number
  }

  func flag() throws -> Bool {
    switch node.scalar?.string {
    case "true", "yes": return true
    case "false", "no": return false
    default: throw failure("expected true or false, not \(kind).")
    }
  }

  /// What stands here, for a message.
  private var kind: String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "'\(scalar.string.prefix(60))'"
    case .mapping: "keys with values"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }
}

extension YamlError {
  fileprivate var place: String {
    switch self {
    case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
      ", line \(mark.line),"
    case .duplicatedKeysInMapping(_, let context): ", line \(context.mark.line),"
    default: ""
    }
  }

  fileprivate var problem: String {
    switch self {
    case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _):
      problem + "."
    case .duplicatedKeysInMapping(let keys, _):
      "\(keys.sorted().joined(separator: ", ")) \(keys.count == 1 ? "comes" : "come") twice."
    default: "\(self)"
    }
  }
}
