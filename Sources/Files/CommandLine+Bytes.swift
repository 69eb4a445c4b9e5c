internal import Foundation
internal import Tensors

extension CommandLine {
  /// The arguments of this process as `String(fileName:)` writes them: `arguments` repairs a path that is no UTF-8, and
  /// then names no file.
  package static var exactArguments: [String] {
    (0..<Int(argc)).compactMap { index in
      unsafe unsafeArgv[index].map { unsafe String(fileNameFromC: $0) }
    }
  }
}

extension String {
  /// The name of a file that C gives, as `String(fileName:)` writes it.
  init(fileNameFromC start: UnsafePointer<CChar>) {
    self.init(
      fileName: unsafe UnsafeRawBufferPointer(start: start, count: strlen(start)).map { $0 })
  }
}

extension String {
  /// The word as a shell takes it back.
  package var quotedForShell: String {
    let isPlain =
      !isEmpty
      && unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_./:,=+@%".unicodeScalars.contains($0)
      }
    return isPlain ? self : "'" + replacingOccurrences(of: "'", with: "'\\''") + "'"
  }
}
