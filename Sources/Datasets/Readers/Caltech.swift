internal import Files
internal import Foundation

extension Dataset {
  /// Caltech-101: a folder a class, in `101_ObjectCategories` or right here; `train.txt` and `test.txt` beside them
  /// divide it.
  ///
  /// The background class is no object's, so it is left out unless it is asked for.
  static func caltech101(at path: String, withBackground: Bool) throws(DatasetError) -> Dataset {
    let root = Listing.root(path, or: ["101_ObjectCategories", "caltech-101/101_ObjectCategories"])
    let classes = try Listing.folders(in: root).filter { withBackground || $0 != "BACKGROUND_Google" }
    var tally = Tally()
    var pictures: [[String]] = []
    for folder in classes { pictures.append(try Listing.pictures(in: folder, below: root, &tally)) }
    guard pictures.joined().contains(where: { $0.hasPrefix("image_") }) else {
      throw .layout(path: path, kind: "caltech101", missing: ["101_ObjectCategories/CLASS/image_0001.jpg"])
    }
    let labels = NameTable(classes)
    var found: [Item] = []
    let lists = [("train.txt", Split.train), ("test.txt", .test)].filter {
      FileSystem.exists(root + "/" + $0.0)
    }
    for (list, split) in lists {
      let lines = Listing.lines(of: root + "/" + list) ?? []
      if lines.isEmpty {
        throw .malformed(
          file: root + "/" + list,
          reason: "it names no images. Give paths such as ant/image_0001.jpg, or remove all lists.")
      }
      for line in lines {
        let folder = line.text.pathParts.first ?? ""
        if folder == "BACKGROUND_Google", !withBackground { continue }
        guard let label = labels.exact(folder).first, FileSystem.exists(root + "/" + line.text) else {
          throw .malformed(
            file: root + "/" + list,
            reason: "line \(line.number) names '\(line.text.prefix(60))', which is not there.")
        }
        found.append(Item(path: line.text, label: label, split: split))
      }
    }
    if lists.isEmpty {
      for (label, folder) in classes.enumerated() {
        found += pictures[label].map { Item(path: folder + "/" + $0, label: label) }
      }
    }
    return try Dataset(found, below: root, classNames: classes, unread: tally.skipped)
  }

  /// Caltech-256: folders such as `001.ak47`, in `256_ObjectCategories` or right here.
  ///
  /// The class of clutter is no object's, so it is left out unless it is asked for.
  static func caltech256(at path: String, withBackground: Bool) throws(DatasetError) -> Dataset {
    let root = Listing.root(path, or: ["256_ObjectCategories"])
    let folders = try Listing.folders(in: root).filter { folder in
      let sides = folder.split(separator: ".", maxSplits: 1)
      return sides.count == 2 && sides[0].count == 3 && Int(sides[0]) != nil
        && (withBackground || sides[1] != "clutter")
    }
    guard !folders.isEmpty else {
      throw .layout(path: path, kind: "caltech256", missing: ["256_ObjectCategories/001.ak47"])
    }
    var found: [Item] = []
    var tally = Tally()
    for (label, folder) in folders.enumerated() {
      found += try Listing.pictures(in: folder, below: root, &tally).map {
        Item(path: folder + "/" + $0, label: label)
      }
    }
    return try Dataset(
      found, below: root, classNames: folders.map { String($0.dropFirst(4)) }, unread: tally.skipped)
  }
}
