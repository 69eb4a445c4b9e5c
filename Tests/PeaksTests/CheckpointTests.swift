import Execution
import Files
import Peaks
import Tensors
import TestSupport
import Testing

@Suite struct Checkpoints {
  private let units = [(value: "a", count: 3), (value: "b", count: 1)]

  private func filled() -> PeakTable {
    var table = PeakTable(units: units, keeping: 4)
    var generator = SeededGenerator(seed: 2)
    for (image, row) in [(0, 0), (65535, 7), (65536, 100), (1 << 30, 9), (12_345_678, 1)] {
      for unit in 0..<3 {
        let value = Float.random(in: -1e9...1e9, using: &generator)
        table.insert(Peak(value: value, image: image, row: row, column: unit * 1000), of: "a", unit: unit)
      }
    }
    return table
  }

  @Test func `a table reads back from its file as it was`() throws {
    let folder = try TemporaryFolder()
    let table = filled()
    try table.safeTensors(metadata: ["progress": "7"]).write(to: folder.file("peaks.safetensors"))
    let saved = try SafeTensors(reading: folder.file("peaks.safetensors"))
    var restored = PeakTable(units: units, keeping: 4)
    try restored.restore(saved, path: "peaks", pictures: 1 << 31)
    #expect(restored == table)
    #expect(saved.metadata["progress"] == "7")
    #expect(restored.layers["b"]?.units == [[]])
  }

  /// The message that refuses a checkpoint after its array `a` was changed.
  private func refusal(
    pictures: Int = 1 << 31, _ change: (inout [Float]) -> Void = { _ in }, shape: Shape = [3, 4, 5]
  ) -> String {
    var saved = filled().safeTensors(metadata: [:])
    var elements = saved.tensors["a"]?.elements ?? []
    change(&elements)
    saved.tensors["a"] = Tensor(shape, elements: Array(elements.prefix(shape.count)))
    var table = PeakTable(units: units, keeping: 4)
    let error = #expect(throws: PeakError.self) {
      try table.restore(saved, path: "run/search.safetensors", pictures: pictures)
    }
    #expect(error?.description.contains("run/search.safetensors") == true)
    return error?.description ?? ""
  }

  @Test func `a checkpoint of another search is refused`() {
    #expect(refusal(shape: [3, 3, 5]).contains("'a'"))
    #expect(refusal(shape: [2, 4, 5]).contains("shape"))
    #expect(refusal(pictures: 1000).contains("out of range"), "a picture that the data set does not have")
    var saved = filled().safeTensors(metadata: [:])
    saved.tensors["b"] = nil
    var table = PeakTable(units: units, keeping: 4)
    #expect(throws: PeakError.self) { try table.restore(saved, path: "", pictures: 9) }
  }

  @Test func `how units are spread over pictures reads back, and damage is refused`() throws {
    var table = PeakTable(units: [("a", 2)], keeping: 2)
    for image in [3, 70_000, 9, 12] {
      let value = Float(image % 7) - 1
      try table.insert(
        Trace(images: [image], values: ["a": Tensor([1, 2], elements: [value, 1e9 * value])]),
        hash: { UInt64($0 * 2_654_435_761 % 1013) })
    }
    let saved = table.safeTensors(metadata: [:])
    var restored = PeakTable(units: [("a", 2)], keeping: 2)
    try restored.restore(saved, path: "", pictures: 80_000, hash: { UInt64($0 * 2_654_435_761 % 1013) })
    #expect(restored == table)
    for key in saved.tensors.keys where key != "a" {
      for damage: Float in [.nan, -3, 0.5, 1e30] {
        var damaged = saved
        var elements = saved.tensors[key]?.elements ?? []
        elements[7] = damage
        damaged.tensors[key] = saved.tensors[key].map { Tensor($0.shape, elements: elements) }
        var other = PeakTable(units: [("a", 2)], keeping: 2)
        #expect(throws: PeakError.self, "\(damage)") {
          try other.restore(damaged, path: "", pictures: 80_000)
        }
      }
    }
  }

  @Test(arguments: [
    (0, Float.nan), (0, .infinity), (1, .nan), (1, -2), (1, 0.5), (1, 1e30), (2, -1), (3, .infinity), (3, -1),
    (4, 2.5), (4, .nan),
  ]) func `a peak that cannot be is refused`(field: Int, value: Float) {
    #expect(refusal { $0[field] = value }.contains("out of range"))
  }
}
