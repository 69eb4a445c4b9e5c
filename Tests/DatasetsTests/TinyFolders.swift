import Datasets
import Images
import TestSupport

private let png = Result {
  try Picture(rows: 2, columns: 3, pixels: [UInt8](repeating: 90, count: 18)).encodedPNG()
}

func write(_ folder: TemporaryFolder, _ files: [String]) throws {
  for file in files { try folder.write(try png.get(), to: file) }
}

func reason(_ specification: String) -> String {
  do {
    _ = try Dataset.parse(specification)
    return "no error"
  } catch {
    return error.description
  }
}
