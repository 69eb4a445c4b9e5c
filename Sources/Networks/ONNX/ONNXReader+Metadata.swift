internal import Foundation
internal import Images
internal import ONNXMessages

/// What a file says beside its graph.
extension ONNXReader {
  func metadata() throws -> (Preprocessing?, [String]?, [String: String]) {
    var metadata = Dictionary(model.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    func decoded<Value: Decodable>(_ key: String, as type: Value.Type) throws -> Value? {
      guard let text = metadata.removeValue(forKey: key) else { return nil }
      do {
        return try JSONDecoder().decode(type, from: Data(text.utf8))
      } catch {
        throw ONNXError.malformed(
          file: file, reason: "its metadata '\(key)' \(Self.fault(in: error)): \(text.prefix(120))")
      }
    }
    let preprocessing = try decoded("switchback.preprocessing", as: Preprocessing.self)
    let classes = try decoded("switchback.classes", as: [String].self)
    return (preprocessing, classes ?? metadata["names"].flatMap(Network.classNames), metadata)
  }

  /// What is wrong with JSON, with the key: `is not what it should be at 'mean', where a list is expected`.
  private static func fault(in error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let keys = context.codingPath.map { key in key.intValue.map { "\($0 + 1)" } ?? key.stringValue }
      return keys.isEmpty ? "" : " at '\(keys.joined(separator: "', '"))'"
    }
    let wrong = "is not what it should be"
    switch error as? DecodingError {
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      let kinds = [
        "Float": "a number", "Int": "a number", "String": "a text", "Array<Any>": "a list",
        "Dictionary<String, Any>": "keys with values",
      ]
      return "\(wrong)\(place(context)), where \(kinds["\(type)"] ?? "\(type)") is expected"
    case .keyNotFound(let key, let context):
      return "\(wrong): '\(key.stringValue)' is missing\(place(context))"
    case .dataCorrupted(let context): return "\(wrong)\(place(context)): \(context.debugDescription)"
    default: return wrong
    }
  }
}
