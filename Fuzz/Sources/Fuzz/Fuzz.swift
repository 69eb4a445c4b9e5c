import CLibFuzzer
import Foundation

/// The reader that SWITCHBACK_FUZZED names.
private let reader: FuzzedReader = {
  let name = ProcessInfo.processInfo.environment["SWITCHBACK_FUZZED"] ?? ""
  guard let kind = FuzzedReader.Kind(rawValue: name), let reader = try? FuzzedReader(kind) else {
    fatalError("SWITCHBACK_FUZZED names none of \(FuzzedReader.Kind.allCases.map(\.rawValue))")
  }
  return reader
}()

@main struct Fuzz {
  static func main() {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    exit(
      LLVMFuzzerRunDriver(&count, &arguments) { start, count in
        reader.attempt(Data(UnsafeBufferPointer(start: start, count: count)))
        return 0
      })
  }
}
