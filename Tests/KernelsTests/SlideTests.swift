import Kernels
import Testing

@Suite struct Slides {
  @Test func `a window takes the places that fit, padding and dilation counted in`() throws {
    #expect(try Slide(window: 3, stride: 2).places(over: 7) == 3)
    #expect(try Slide(window: 3, stride: 2).places(over: 8) == 3)
    #expect(try Slide(window: 3, stride: 2, before: 1, after: 1).places(over: 8) == 4)
    #expect(try Slide(window: 3, dilation: 2).places(over: 5) == 1)
    #expect(try Slide(window: 3, stride: 2, before: 1, after: 1, room: 1).places(over: 4) == 3)
  }

  @Test func `a window with no place says by how much it does not fit`() {
    #expect(throws: KernelError.windowExceedsInput(window: 5, length: 4, padding: 0)) {
      try Slide(window: 3, dilation: 2).places(over: 4)
    }
    let message = KernelError.windowExceedsInput(window: 5, length: 2, padding: 2).description
    #expect(message.hasPrefix("a window of 5 does not fit in 2 padded by 2."))
    #expect(message.hasSuffix("or pad by at least 1 more."))
  }
}
