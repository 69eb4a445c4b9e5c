internal import Images

/// Pictures that are files below a folder.
struct PictureFiles: ImageSource {
  let root: String
  let paths: [String]
  /// For each picture what is known to be where, where a data set says.
  var regions: [[Region]]?

  func picture(_ id: Int) throws(ImageError) -> Picture {
    try Picture(decoding: root + "/" + paths[id])
  }

  func extents(of id: Int) throws(ImageError) -> (rows: Int, columns: Int) {
    try Picture.extents(of: root + "/" + paths[id])
  }

  func regions(of id: Int) -> [Region] { regions?[id] ?? [] }
}
