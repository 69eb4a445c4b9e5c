internal import Files
extension Dataset {
  /// ILSVRC 2012: `train/WNID/*.JPEG`, and `val` with a folder a class, or flat with the ground truth beside it.
  ///
  /// Labels follow the wnids in order, as published networks have them. The numbers of
  /// `ILSVRC2012_validation_ground_truth.txt` have an order of their own, which the kit's `meta.mat` or a list of synsets
  /// gives.
  static func imageNet(at path: String) throws(DatasetError) -> Dataset {
    try synsets(at: path, kind: "imagenet", validation: flatValidation)
  }

  /// Tiny ImageNet: `train/WNID/images/*.JPEG` and `val` with `val_annotations.txt`; or both plainly by class.
  static func tinyImageNet(at path: String) throws(DatasetError) -> Dataset {
    try synsets(at: path, kind: "tiny-imagenet", validation: annotatedValidation)
  }

  private static func synsets(
    at path: String, kind: String,
    validation: (String, Synsets, inout Tally) throws(DatasetError) -> [Item]
  ) throws(DatasetError) -> Dataset {
    let trained = try Listing.folders(in: path + "/train").filter(Synsets.isName)
    let validated = try Listing.folders(in: path + "/val").filter(Synsets.isName)
    let missing =
      (trained.isEmpty && validated.isEmpty ? ["train/WNID (as n01440764)"] : [])
      + (trained.isEmpty && !FileSystem.exists(path + "/val") ? ["val"] : [])
    guard missing.isEmpty else { throw .layout(path: path, kind: kind, missing: missing) }
    let synsets = try Synsets(Set(trained + validated), at: path)
    var found: [Item] = []
    var tally = Tally()
    for (folder, names, split) in [("train", trained, Split.train), ("val", validated, .validation)] {
      for wnid in names {
        let below = FileSystem.exists("\(path)/\(folder)/\(wnid)/images") ? "\(wnid)/images" : wnid
        found += try Listing.pictures(in: "\(folder)/\(below)", below: path, &tally).map {
          Item(path: "\(folder)/\(below)/\($0)", label: synsets.labels[wnid], split: split)
        }
      }
    }
    if validated.isEmpty, FileSystem.exists(path + "/val") { found += try validation(path, synsets, &tally) }
    return try Dataset(found, below: path, classNames: synsets.classNames, unread: tally.skipped)
  }

  private static func flatValidation(_ path: String, _ synsets: Synsets, _ tally: inout Tally)
    throws(DatasetError) -> [Item]
  {
    let pictures = try Listing.pictures(in: "val", below: path, &tally)
    let name = "ILSVRC2012_validation_ground_truth.txt"
    let places = [path, path + "/val", path + "/data", path + "/ILSVRC2012_devkit_t12/data"].map {
      $0 + "/" + name
    }
    guard let truth = places.first(where: FileSystem.exists), let lines = Listing.lines(of: truth) else {
      throw .layout(path: path, kind: "imagenet", missing: ["val/WNID", name])
    }
    guard lines.count == pictures.count else {
      throw .malformed(
        file: truth, reason: "it has \(lines.count) lines for \(pictures.count) images in val.")
    }
    guard let list = synsets.list, let order = synsets.order else {
      throw .layout(
        path: path, kind: "imagenet",
        missing: [
          "the kit's meta.mat, or synsets.txt, a line a wnid in the order of the ground truth's numbers"
        ])
    }
    if synsets.listsAllByName {
      throw .malformed(
        file: list,
        reason: "it has the wnids in their own order, but \(name) counts in that of the kit's meta.mat "
          + "(ILSVRC2012_ID). Put that file beside it.")
    }
    return try zip(pictures, lines).map { picture, line throws(DatasetError) in
      guard let number = Int(line.text), let wnid = order[number] else {
        throw .malformed(
          file: truth, reason: "line \(line.number) is no number that \(list) has: '\(line.text.prefix(40))'."
        )
      }
      guard let label = synsets.labels[wnid] else {
        throw .malformed(file: truth, reason: "line \(line.number) is \(wnid), a class that train has not.")
      }
      return Item(path: "val/" + picture, label: label, split: .validation)
    }
  }

  private static func annotatedValidation(_ path: String, _ synsets: Synsets, _: inout Tally)
    throws(DatasetError) -> [Item]
  {
    let file = path + "/val/val_annotations.txt"
    guard let lines = Listing.lines(of: file) else {
      throw .layout(path: path, kind: "tiny-imagenet", missing: ["val/WNID", "val/val_annotations.txt"])
    }
    return try lines.map { line throws(DatasetError) in
      let fields = line.text.split(separator: "\t").map(String.init)
      guard fields.count >= 2, let label = synsets.labels[fields[1]] else {
        throw .malformed(
          file: file, reason: "line \(line.number) names no class that train has: '\(line.text.prefix(40))'.")
      }
      guard FileSystem.exists("\(path)/val/images/\(fields[0])") else {
        throw .malformed(
          file: file, reason: "line \(line.number) names \(fields[0]), which val/images has not.")
      }
      return Item(path: "val/images/" + fields[0], label: label, split: .validation)
    }
  }
}

/// Classes by their WordNet ids, as `n01440764`.
private struct Synsets {
  private static let lists = [
    "synsets.txt", "map_clsloc.txt", "synset_words.txt", "imagenet_synset_words.txt",
    "LOC_synset_mapping.txt", "words.txt",
  ]

  /// A label for each wnid, in the order of wnids.
  let labels: [String: Int]
  let classNames: [String]
  /// The file that lists them, where there is one.
  private(set) var list: String?
  /// Wnids by the number that the list gives them: its own, or the line.
  private(set) var order: [Int: String]?
  /// Whether the list is of all thousand in the order of wnids, which no official number follows.
  private(set) var listsAllByName = false

  static func isName(_ name: String) -> Bool {
    name.count == 9 && name.hasPrefix("n") && name.dropFirst().allSatisfy(\.isNumber)
  }

  /// - Throws: ``DatasetError/malformed(file:reason:)`` for a `meta.mat` without synsets.
  init(_ folders: Set<String>, at root: String) throws(DatasetError) {
    let wnids = folders.sorted()
    labels = Dictionary(uniqueKeysWithValues: zip(wnids, wnids.indices))
    var names: [String: String] = [:]
    let paths = Self.lists.flatMap { [root + "/" + $0, root + "/ILSVRC2012_devkit_t12/data/" + $0] }
    if let path = paths.first(where: FileSystem.exists), let lines = Listing.lines(of: path) {
      list = path
      var order: [Int: String] = [:]
      for (index, line) in lines.enumerated() {
        let fields = line.text.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
        var name = fields.count > 1 ? fields[1] : nil
        var number = index + 1
        if let rest = name?.split(separator: " ", maxSplits: 1), let own = Int(rest[0]) {
          number = own
          name = rest.count > 1 ? String(rest[1]) : nil
        }
        order[number] = fields[0]
        if let name { names[fields[0]] = name }
      }
      self.order = order
      let listed = order.sorted { $0.key < $1.key }.map(\.value)
      listsAllByName = listed.count == 1000 && listed == listed.sorted()
    }
    let kits = ["", "/data", "/ILSVRC2012_devkit_t12/data"].map { root + $0 + "/meta.mat" }
    if let kit = kits.first(where: FileSystem.exists) {
      var order: [Int: String] = [:]
      for record in try MATStructs(reading: kit).records {
        guard case .number(let number) = record["ILSVRC2012_ID"], case .text(let wnid) = record["WNID"],
          let id = Int(exactly: number)
        else { throw .malformed(file: kit, reason: "a synset lacks ILSVRC2012_ID or WNID.") }
        order[id] = wnid
        if case .text(let name) = record["words"] { names[wnid] = names[wnid] ?? name }
      }
      (list, self.order, listsAllByName) = (kit, order, false)
    }
    classNames = wnids.map { names[$0] ?? $0 }
  }
}
