internal import CBuild
internal import Foundation
internal import Kernels

/// The release; `Scripts/package`, `Scripts/release` and the Python package read it here.
let version = "0.2.0"

/// What `--version` says, and what a report of a fault should say.
var versionReport: String {
  let digits = String(build_commit(), radix: 16)
  let commit = build_commit() == 0 ? "" : " (\(String(repeating: "0", count: 12 - digits.count) + digits))"
  let oneDNN = oneDNNVersions.linked
  return """
    switchback \(version)\(commit)
    oneDNN \(oneDNN / 10000).\(oneDNN / 100 % 100).\(oneDNN % 100)
    instruction set \(instructionSet)
    threads \(ProcessInfo.processInfo.activeProcessorCount)
    """
}
