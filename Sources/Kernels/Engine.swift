internal import COneDNN
internal import CVector

/// The CPU device with its stream, freed once, when the value dies.
@safe struct Engine: ~Copyable {
  let handle: OpaquePointer

  init() throws(KernelError) {
    var made: OpaquePointer?
    try check("start on this CPU", unsafe onednn_engine_create(&made))
    guard let made = unsafe made else { throw .library(doing: "start on this CPU", status: "no engine") }
    unsafe handle = made
  }

  deinit { unsafe onednn_engine_destroy(handle) }
}

/// A computation for one geometry, freed when the last device lets go of it.
///
/// A class because devices keep it in a dictionary; used by one device only.
@safe final class Primitive {
  let handle: OpaquePointer
  let scratchBytes: Int
  /// Tells apart what is done to weights before this can use them.
  let layout: [Int64]

  init(_ doing: String, _ make: (inout OpaquePointer?) -> Int32) throws(KernelError) {
    var made: OpaquePointer?
    try check(doing, unsafe make(&made))
    guard let made = unsafe made else { throw .library(doing: doing, status: "no primitive") }
    unsafe handle = made
    scratchBytes = unsafe onednn_primitive_scratch(made)
    var numbers = [Int64](repeating: 0, count: 64)
    let count = unsafe onednn_primitive_layout(made, &numbers)
    layout = Array(numbers.prefix(Int(count)))
  }

  deinit { unsafe onednn_primitive_destroy(handle) }
}

/// The only reader of oneDNN's statuses.
func check(_ doing: String, _ status: Int32) throws(KernelError) {
  guard status != 0 else { return }
  throw .library(doing: doing, status: unsafe String(cString: onednn_status_text(status)))
}

/// The versions of oneDNN compiled against and linked, as major * 10000 + minor * 100 + patch.
package var oneDNNVersions: (compiled: Int, linked: Int) {
  (Int(onednn_compiled_version()), Int(onednn_linked_version()))
}

/// The widest instruction set that the kernels compute with on this processor, as its maker calls it.
package var instructionSet: String { unsafe String(cString: vector_instruction_set()) }
