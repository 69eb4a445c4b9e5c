internal import CVector
internal import Synchronization
internal import Tensors

extension ConvolutionGeometry {
  /// Whether Kernels' own sums are taken for it; oneDNN's where groups are so narrow that panels of 16 units stay empty.
  var isSummedHere: Bool {
    direction == .forward && (groups == 1 || output.channels / groups >= 8)
  }

  /// Whether each channel has one filter of its own.
  var isDepthwise: Bool {
    direction == .forward && groups > 1 && groups == input.channels && groups == output.channels
  }

  /// The same for C, onto positions that are so many floats apart.
  func direct(outputStep: Int) -> VectorDirect {
    VectorDirect(
      images: input.images, channels: input.channels, input_step: input.channels, units: output.channels,
      output_step: outputStep, groups: groups,
      rows: VectorSlide(sliding.rows, length: input.rows, places: output.rows),
      columns: VectorSlide(sliding.columns, length: input.columns, places: output.columns))
  }
}

/// Where a convolution leaves its sums, and what becomes of them.
struct Landing {
  /// The first of the target's channels that it writes.
  var channel = 0
  /// Whether the sums are added to what stands there.
  var accumulates = false
  var activation: Activation?

  /// Whether the outputs are all that the target holds.
  func fills(_ target: Tensor, _ output: Shape) -> Bool { target.shape == output && !accumulates }

  var finish: VectorFinish {
    let code = activation?.code ?? (kind: VectorNone, first: 0, second: 0)
    return VectorFinish(
      accumulates: accumulates ? 1 : 0, activation: code.kind, first: code.first, second: code.second)
  }
}

extension Device {
  /// A convolution by the sums that its definition names.
  ///
  /// - Parameters:
  ///   - source: The input.
  ///   - filters: Outputs x rows x columns x inputs of a group.
  ///   - bias: One an output.
  ///   - geometry: One that is ``ConvolutionGeometry/isSummedHere``.
  ///   - target: Images x rows x columns x at least the outputs.
  ///   - landing: Where in it the outputs go.
  mutating func direct(
    _ source: Tensor, filters: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry,
    onto target: inout Tensor, _ landing: Landing
  ) {
    let plain = geometry.direct(outputStep: target.shape.channels)
    let (units, elements, groups) = (
      geometry.output.channels, filters.shape.count / filters.shape[0], geometry.groups
    )
    let packed = filters.prepared(as: "direct", [Int64(groups)]) {
      unsafe Tensor(uninitialized: [vector_direct_filters(units, elements, groups)]) { target in
        unsafe filters.withUnsafeElements { source in
          unsafe vector_direct_filter(source.baseAddress, target.baseAddress, units, elements, groups)
        }
      }
    }
    let work = geometry.output.count * elements
    let shares = shares(
      tiles: vector_direct_tiles(plain), enough: 4, units: units, dividesUnits: groups == 1, work: work)
    let floats = vector_direct_scratch(plain)
    let finish = landing.finish
    unsafe perform(
      shares, floats: shares.map { _ in floats }, source, packed, bias, onto: &target, at: landing.channel
    ) { lent, share, scratch in
      unsafe vector_direct(
        lent.source, lent.filters, lent.bias, lent.target, plain, share, finish, scratch)
    }
  }

  /// A convolution with one filter a channel.
  ///
  /// - Parameters:
  ///   - source: The input.
  ///   - filters: Channels x rows x columns x 1.
  ///   - bias: One a channel.
  ///   - geometry: One that is ``ConvolutionGeometry/isDepthwise``.
  ///   - target: Images x rows x columns x channels.
  ///   - landing: One that fills the target.
  mutating func depthwise(
    _ source: Tensor, filters: Tensor, bias: Tensor?, _ geometry: ConvolutionGeometry,
    onto target: inout Tensor, _ landing: Landing
  ) {
    let (channels, elements) = (filters.shape[0], filters.shape[1] * filters.shape[2])
    let turned = filters.prepared(as: "depthwise", []) {
      unsafe Tensor(uninitialized: [filters.shape.count]) { target in
        unsafe filters.withUnsafeElements { source in
          unsafe vector_transposing(
            source.baseAddress, elements, target.baseAddress, channels, channels, elements)
        }
      }
    }
    let sliding = VectorSliding(geometry.sliding, input: geometry.input, output: geometry.output)
    let shares = shares(
      tiles: geometry.output.images * geometry.output.rows, enough: 1, units: channels, dividesUnits: false,
      work: geometry.output.count * elements)
    let finish = landing.finish
    unsafe perform(shares, floats: shares.map { _ in 0 }, source, turned, bias, onto: &target, at: 0) {
      lent, share, _ in
      unsafe vector_depthwise(
        lent.source, lent.filters, lent.bias, lent.target, sliding, share.first_tile, share.end_tile, finish)
    }
  }

  /// Each thread's part of the tiles or, where there are few, of the units; one part of little work.
  ///
  /// - Parameters:
  ///   - tiles: How many there are.
  ///   - enough: Of how many tiles a thread makes good use.
  ///   - units: How many there are.
  ///   - dividesUnits: Whether they can be divided.
  ///   - work: How many multiplications all of it is.
  /// - Returns: A share a thread, none of them empty.
  func shares(tiles: Int, enough: Int, units: Int, dividesUnits: Bool = true, work: Int) -> [VectorShare] {
    let panels = (units + 15) / 16
    // What another thread takes up is ready later than this one would have done it.
    let parts = work < 1 << 19 ? 1 : threads
    if tiles >= enough * parts || panels < 2 * parts || !dividesUnits {
      return (0..<parts).map { part in
        VectorShare(
          first_tile: tiles * part / parts, end_tile: tiles * (part + 1) / parts, first_unit: 0,
          end_unit: units)
      }.filter { $0.end_tile > $0.first_tile }
    }
    return (0..<parts).map { part in
      VectorShare(
        first_tile: 0, end_tile: tiles, first_unit: panels * part / parts * 16,
        end_unit: min(panels * (part + 1) / parts * 16, units))
    }
  }

  /// Computes each share on a thread of its own: the bytes of an output do not depend on the share that computes it.
  ///
  /// - Parameters:
  ///   - shares: What each computes.
  ///   - floats: How much scratch memory each needs.
  ///   - source: What is convolved.
  ///   - filters: In the form that `body` wants.
  ///   - bias: One a unit.
  ///   - target: Where the outputs go.
  ///   - channel: The first of its channels that is written.
  ///   - body: Computes a share.
  mutating func perform(
    _ shares: [VectorShare], floats: [Int], _ source: Tensor, _ filters: Tensor, _ bias: Tensor?,
    onto target: inout Tensor, at channel: Int,
    _ body: @Sendable (Lent, VectorShare, UnsafeMutablePointer<Float>?) -> Void
  ) {
    let biases = bias ?? Tensor([0])
    unsafe target.withUnsafeMutableElements { target in
      unsafe withScratch(floats: floats.reduce(0, +)) { scratch in
        unsafe source.withUnsafeElements { source in
          unsafe filters.withUnsafeElements { filters in
            unsafe biases.withUnsafeElements { biases in
              let lent = unsafe Lent(
                source: source.baseAddress, filters: filters.baseAddress,
                bias: bias == nil ? nil : biases.baseAddress,
                target: target.baseAddress.map { unsafe $0 + channel }, scratch: scratch.baseAddress)
              if shares.count == 1 {
                unsafe body(lent, shares[0], lent.scratch)
              } else {
                Pool.perform(shares.count) { share in
                  let start = floats[..<share].reduce(0, +)
                  unsafe body(lent, shares[share], lent.scratch.map { unsafe $0 + start })
                }
              }
            }
          }
        }
      }
    }
  }
}

/// Memory of one call, lent to the threads that share it.
///
/// `@unchecked Sendable`: the caller keeps it alive and waits, and every share writes its own outputs and scratch.
@safe struct Lent: @unchecked Sendable {
  let source: UnsafePointer<Float>?
  let filters: UnsafePointer<Float>?
  let bias: UnsafePointer<Float>?
  let target: UnsafeMutablePointer<Float>?
  let scratch: UnsafeMutablePointer<Float>?

  init(
    source: UnsafePointer<Float>?, filters: UnsafePointer<Float>? = nil, bias: UnsafePointer<Float>? = nil,
    target: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>? = nil
  ) {
    unsafe (self.source, self.filters, self.bias) = (source, filters, bias)
    unsafe (self.target, self.scratch) = (target, scratch)
  }
}
