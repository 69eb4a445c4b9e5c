import Foundation
import Switchback

/// A reader of foreign files that is given any bytes: it reads them or refuses them with an error, never worse.
///
/// Readers take files, so that the bytes are written to one in memory (`/dev/shm`) where there is such a place.
final class FuzzedReader: Sendable {
  /// What is read; each has a folder of the corpus.
  enum Kind: String, CaseIterable, Sendable {
    case onnx, safetensors, picture, idx, cifar, mat, xml, yaml, parts, run
  }

  private let kind: Kind
  private let folder: String
  /// The file whose bytes change.
  private let file: String

  init(_ kind: Kind) throws {
    self.kind = kind
    let memory = "/dev/shm"
    let root = FileManager.default.isWritableFile(atPath: memory) ? memory : NSTemporaryDirectory()
    folder = root + "/switchback-fuzz-" + UUID().uuidString
    let names: [Kind: String] = [
      .idx: "train-images-idx3-ubyte", .cifar: "data_batch_1.bin", .mat: "meta.mat", .run: "run.json",
      .xml: "Annotations/a.xml",
    ]
    file = folder + "/" + (names[kind] ?? "file")
    for (name, bytes) in Self.surroundings(of: kind) {
      let path = folder + "/" + name
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try bytes.write(to: URL(fileURLWithPath: path))
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Reads the bytes, and everything that follows from them without a network or pictures beside.
  ///
  /// - Returns: Whether they were read.
  @discardableResult
  func attempt(_ bytes: Data) -> Bool {
    do {
      try bytes.write(to: URL(fileURLWithPath: file))
      try read()
      return true
    } catch {
      // What a person would be told.
      precondition(!"\(error)".isEmpty)
      return false
    }
  }

  private func read() throws {
    switch kind {
    case .onnx: try readNetwork()
    case .safetensors: _ = try SafeTensors(reading: file).tensors.values.map(\.shape.count)
    case .picture:
      _ = try Picture.extents(of: file)
      let squeezed = Preprocessing(resize: .init(rows: 16, columns: 16), crop: nil)
      _ = try Picture(decoding: file, limit: 1 << 24).prepared(squeezed)
    case .idx: try readPictures("mnist:" + folder)
    case .cifar: try readPictures("cifar10:" + folder)
    case .mat: try readPictures("imagenet:" + folder)
    case .xml: try readPictures("voc2012:" + folder)
    case .yaml: _ = try AblationSpec(reading: file)
    case .parts: _ = try PartsList(file, limit: 10)
    case .run:
      _ = try? RunFolder.open(at: folder, kind: "train", configuration: TrainConfiguration())
      _ = try TrainConfiguration(ofRun: folder)
    }
  }

  private func readNetwork() throws {
    let network = try Network(onnx: file)
    _ = try? network.account()
    for layer in network.layers { _ = try network.layer(named: layer.name) }
    _ = try? network.classHead()
    _ = try? network.preprocessing(overriddenBy: .init())
    try network.writeONNX(to: folder + "/copy")
  }

  private func readPictures(_ specification: String) throws {
    let dataset = try Dataset.parse(specification)
    for item in dataset.items.prefix(4) { _ = try? dataset.picture(item.id) }
  }

  /// The other files that a data set of the kind consists of.
  private static func surroundings(of kind: Kind) -> [String: Data] {
    let dot = Data(base64Encoded: pixel) ?? Data()
    switch kind {
    case .onnx, .safetensors, .picture, .yaml, .run: return ["run.lock": Data()]
    case .parts: return ["a.png": dot]
    case .idx:
      let labels = Data([0, 0, 8, 1, 0, 0, 0, 1, 7])
      let images = Data([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4])
      return [
        "train-labels-idx1-ubyte": labels, "t10k-labels-idx1-ubyte": labels, "t10k-images-idx3-ubyte": images,
      ]
    case .cifar:
      let record = Data(repeating: 1, count: 1 + 3 * 32 * 32)
      let batches = (2...5).map { "data_batch_\($0).bin" } + ["test_batch.bin"]
      let names = Data((0..<10).map { "class \($0)\n" }.joined().utf8)
      return Dictionary(uniqueKeysWithValues: batches.map { ($0, record) } + [("batches.meta.txt", names)])
    case .mat:
      return [
        "train/n01440764/a.png": dot, "val/a.png": dot,
        "ILSVRC2012_validation_ground_truth.txt": Data("1\n".utf8),
      ]
    case .xml:
      return [
        "JPEGImages/a.jpg": dot, "ImageSets/Main/trainval.txt": Data("a\n".utf8),
        "Annotations/b.xml": Data(),
      ]
    }
  }

  /// A PNG of one pixel.
  private static let pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
}
