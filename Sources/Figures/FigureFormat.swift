internal import Foundation
public import Images
public import Tensors

/// What keeps a figure from being written as it was asked for.
public struct FigureError: BadInput, Equatable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }
}

/// A kind of file that a figure is written as.
public enum FigureFormat: String, CaseIterable, Sendable {
  /// Text and lines for browsers and drawing programs, with pictures inside.
  case svg
  /// Text and lines for paper.
  case pdf
  /// Pixels.
  case png
  case jpeg
  case webp

  /// The kind that the ending of a file's name tells.
  ///
  /// - Parameters:
  ///   - file: A path.
  ///   - formats: Those that may be written.
  /// - Throws: ``FigureError`` for another ending, or none, with those that may be.
  public init(endingOf file: String, among formats: [FigureFormat] = allCases) throws(FigureError) {
    let ending = (file as NSString).pathExtension.lowercased()
    guard let format = FigureFormat(rawValue: ending == "jpg" ? "jpeg" : ending), formats.contains(format)
    else {
      throw FigureError(
        "\(file): its ending must say what is written: "
          + formats.map { ".\($0 == .jpeg ? "jpg" : $0.rawValue)" }.joined(separator: ", ") + ".")
    }
    self = format
  }

  /// How pixels are kept; nil for a file of lines and letters.
  public var encoding: ImageEncoding? {
    switch self {
    case .svg, .pdf: nil
    case .png: .png
    case .jpeg: .jpeg(quality: 92)
    case .webp: .webp(quality: 92)
    }
  }
}

extension Drawing {
  /// The figure as a file.
  ///
  /// - Parameters:
  ///   - format: The kind of file.
  ///   - dotsPerInch: The resolution of one made of pixels.
  /// - Returns: The file's bytes.
  /// - Throws: `ImageError` where it cannot be drawn or encoded.
  public func file(as format: FigureFormat, dotsPerInch: Double = 96) throws(ImageError) -> [UInt8] {
    if let encoding = format.encoding {
      return try picture(dotsPerInch: dotsPerInch).encoded(as: encoding)
    }
    return format == .pdf ? try pdf() : Array(try svg().utf8)
  }
}
