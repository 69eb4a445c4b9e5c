import Images
import Kernels
import Networks
import Testing

@Suite struct PreprocessingOverriding {
  /// A network that takes pictures of any size.
  private func network() throws -> Network {
    try Network(
      name: "open", inputs: [.init(name: "x", extents: [nil, 3, nil, nil])],
      nodes: [.init(name: "relu", operation: .activation(.relu), inputs: ["x"], outputs: ["y"])],
      outputs: ["y"])
  }

  @Test func `both sides squeeze without a crop, the shorter one keeps it, and rounding is told`() throws {
    var overrides = PreprocessingOverrides()
    overrides.resize = .to(.init(rows: 12, columns: 16))
    overrides.rounding = .even
    let squeezed = try network().preprocessing(overriddenBy: overrides).preprocessing
    #expect(
      squeezed.resize == .init(rows: 12, columns: 16) && squeezed.crop == nil && squeezed.rounding == .even)
    overrides.crop = 8
    #expect(try network().preprocessing(overriddenBy: overrides).preprocessing.crop == .init(center: 8))
    overrides = PreprocessingOverrides()
    overrides.resize = .to(.init(shorterSide: 300))
    let shorter = try network().preprocessing(overriddenBy: overrides).preprocessing
    #expect(shorter.resize == .init(shorterSide: 300) && shorter.crop == .init(center: 224))
    var open = try network()
    open.preprocessing = .init(
      resize: .init(shorterSide: 64), crop: .init(center: 56), scale: 1 / 255, mean: [0], std: [1])
    open.preprocessing?.resize?.antialias = false
    overrides.interpolation = .bicubic
    let weighed = try open.preprocessing(overriddenBy: overrides).preprocessing.resize
    #expect(weighed?.shorterSide == 300 && weighed?.interpolation == .bicubic && weighed?.antialias == false)
    overrides.resize = .kept
    #expect(try network().preprocessing(overriddenBy: overrides).preprocessing.resize == nil)
  }
}
