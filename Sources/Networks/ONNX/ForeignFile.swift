internal import Files
internal import Foundation

/// What a file holds that is no ONNX model, told by its bytes, and how an ONNX model comes of it.
struct ForeignFile {
  /// What it is and what to do, as a sentence that says why the file cannot be read goes on.
  let reason: String

  /// Nil for bytes that are not known.
  init?(_ source: ByteSource, named path: String) {
    guard let head = try? source.bytes(0..<min(source.count, 4096)) else { return nil }
    let file = (path as NSString).lastPathComponent
    let text = String(decoding: head, as: UTF8.self)
    let start = text.prefix(200).trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
    func begins(_ bytes: [UInt8], at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: bytes) }
    let export =
      "`torch.onnx.export(model.eval(), torch.zeros(1, 3, 224, 224), \"model.onnx\")` in Python, with the size that the "
      + "model takes, writes one"
    func converted(_ flag: String, _ more: String = "") -> String {
      "`python -m tf2onnx.convert \(flag) \(file)\(more) --output model.onnx` writes one"
    }
    if text.hasPrefix("version https://git-lfs") {
      reason = "it is a Git LFS pointer, not the model itself; `git lfs pull --include \(file)` fetches it"
    } else if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") {
      reason =
        "it is a web page, not the model itself. Download the file: "
        + "`curl -L -o model.onnx ADDRESS`, where ADDRESS has /resolve/ (Hugging Face) or /raw/ (GitHub) in place of /blob/"
    } else if begins([0x50, 0x4B, 3, 4]) {
      // A ZIP archive lists what it holds at its end.
      let end = (try? source.bytes(max(0, source.count - 65536)..<source.count)) ?? Data()
      let text = String(decoding: end, as: UTF8.self)
      if text.contains("data.pkl") {
        reason = "it is a PyTorch file, not an ONNX model; \(export)"
      } else if text.contains("metadata.json") || text.contains("config.json")
        || text.contains("model.weights.h5")
      {
        reason =
          "it is a Keras model, not an ONNX model; `python -c \"import keras; "
          + "keras.saving.load_model('\(file)').export('model.onnx', format='onnx')\"` writes one"
      } else {
        reason = "it is a ZIP archive, not an ONNX model; `unzip \(file)` takes out what it holds"
      }
    } else if head.count > 2, head[head.startIndex] == 0x80, (2...5).contains(head[head.startIndex + 1]) {
      reason = "it is a Python pickle, as PyTorch writes, not an ONNX model; \(export)"
    } else if begins([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
      reason = "it is an HDF5 file, as Keras writes, not an ONNX model; \(converted("--keras"))"
    } else if begins(Array("TFL3".utf8), at: 4) {
      reason = "it is a TensorFlow Lite model, not an ONNX model; \(converted("--tflite"))"
    } else if begins([UInt8(ascii: "{")], at: 8), text.contains("\"dtype\"") {
      reason =
        "it is a safetensors file, which holds weights and no graph. Load them into the model's code; \(export)"
    } else if file.hasSuffix(".caffemodel") {
      reason =
        "it is a Caffe model, not an ONNX model; `python -m caffe2onnx.convert --prototxt deploy.prototxt "
        + "--caffemodel \(file) --onnx model.onnx` (pip install caffe2onnx) writes one"
    } else if file.hasSuffix(".pdmodel") || file.hasSuffix(".pdiparams") {
      let stem = (file as NSString).deletingPathExtension
      reason =
        "it is a PaddlePaddle model, not an ONNX model; `paddle2onnx --model_dir . --model_filename \(stem).pdmodel "
        + "--params_filename \(stem).pdiparams --save_file model.onnx` (pip install paddle2onnx) writes one"
    } else if begins([8, 1, 0x12]) {
      reason =
        "it is a TensorFlow SavedModel, not an ONNX model; "
        + "`python -m tf2onnx.convert --saved-model FOLDER --output model.onnx` writes one from its folder"
    } else if begins([0x0A]), text.contains("Placeholder") || text.contains("Const") {
      reason =
        "it is a TensorFlow graph, not an ONNX model; \(converted("--graphdef", " --inputs INPUT:0 --outputs OUTPUT:0"))"
    } else {
      return nil
    }
  }
}
