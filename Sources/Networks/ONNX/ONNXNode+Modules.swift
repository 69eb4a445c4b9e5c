internal import Foundation
internal import ONNXMessages

extension Onnx_NodeProto {
  /// The metadata under which ``ONNXWriter`` keeps a node's modules.
  static let modulesKey = "switchback.modules"
  private static let scopesKey = "pkg.torch.onnx.name_scopes"

  /// Paths of the modules, in the program that was exported, whose work the node does.
  ///
  /// The first is the module whose weights the node holds, where that is known. There are two where a normalisation was
  /// folded into a convolution.
  ///
  /// - Note: PyTorch's exporters leave the path in three places: an initialiser's name (`layer3.1.conv2.weight`), the
  ///   metadata `pkg.torch.onnx.name_scopes` of the default exporter (`['', 'layer3', 'layer3.1', 'layer3.1.conv2',
  ///   'conv2d_9']`), and the node's name of the older one (`/layer3/layer3.1/conv2/Conv`).
  func modules(isWeight: (String) -> Bool) -> [String] {
    let metadata = Dictionary(metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { one, _ in one })
    if let text = metadata[Self.modulesKey] {
      return Self.paths((try? JSONDecoder().decode([String].self, from: Data(text.utf8))) ?? [])
    }
    let ending = ".weight"
    let weights = input.first { $0.utf8.count > ending.utf8.count && $0.hasSuffix(ending) && isWeight($0) }
    let owner = weights.map { String($0.dropLast(ending.count)) }
    let scope = metadata[Self.scopesKey].map(Self.innermostModule) ?? Self.module(ofNode: name)
    return Self.paths([owner, scope].compactMap { $0 })
  }

  /// At most two different paths.
  ///
  /// Each part of a path names a module, so that a path longer than programs have would name as many as the file pleases.
  private static func paths(_ found: [String]) -> [String] {
    var paths: [String] = []
    for path in found where (1...240).contains(path.utf8.count) && !paths.contains(path) {
      paths.append(path)
    }
    return Array(paths.prefix(2))
  }

  /// The last but one of a Python list of strings; the last is the operation within the module.
  private static func innermostModule(_ list: String) -> String? {
    let scopes = list.split(separator: ",").map { $0.trimmingCharacters(in: .init(charactersIn: "[]'\" ")) }
    return scopes.dropLast().last
  }

  /// The path in a node's name with slashes, of which a component repeats the one before where a container holds the module.
  private static func module(ofNode name: String) -> String? {
    guard name.hasPrefix("/") else { return nil }
    var path: [Substring] = []
    for component in name.split(separator: "/").dropLast() {
      if let container = path.last, component.hasPrefix(container + ".") { path.removeLast() }
      path.append(component)
    }
    return path.joined(separator: ".")
  }
}
