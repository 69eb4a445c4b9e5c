public import Tensors

/// What is wrong with a data set.
public enum DatasetError: BadInput, Equatable, CustomStringConvertible {
  /// Nothing is at the path.
  case missing(path: String)
  /// No file below the path has a picture's ending.
  case noPictures(path: String)
  /// A folder that cannot be listed, or a file whose name cannot be read, where the data set cannot do without.
  case unlisted(Skipped)
  /// A word before a colon that is no kind of data set.
  case unknownKind(kind: String)
  /// Settings after the kind or the path that cannot be meant.
  case specification(text: String, reason: String)
  /// A folder that is not of the kind named, with what it would have to hold.
  case layout(path: String, kind: String, missing: [String])
  /// A file of the data set that is not what it should be.
  case malformed(file: String, reason: String)
  case noSplit(name: String, split: Dataset.Split, present: [Dataset.Split])
  /// A list that is none of its kind: of labels, or of pictures to leave out.
  case list(file: String, of: String, reason: String)
  /// No picture is known to be of a class.
  case noClasses(name: String)
  /// A class has fewer pictures than were asked for, `testing` of them to judge on.
  case tooFew(name: String, className: String, found: Int, asked: Int, testing: Int)
  /// Pictures to leave out that are not there, and one that is.
  case strangers(name: String, paths: [String], example: String)
  case allExcluded(name: String)
  /// Pictures to validate with are of other classes than those to train on.
  case otherClasses(name: String, than: String, difference: String)
  case unknownClass(name: String, className: String, known: [String])
  /// A list of true classes with a class that the network has not.
  case classBeyond(list: String, picture: String, label: Int, classes: Int)
  /// A list of parts that does not hold together.
  case parts(name: String, reason: String)
  /// A share to hold out that is not at least 0 and below 1.
  case holdOut(share: Double)

  public var description: String {
    switch self {
    case .missing(let path): "\(path): there is no such folder or image."
    case .noPictures(let path):
      "\(path) holds no images (\(PictureFolder.extensions.joined(separator: ", "))). "
        + "Name a folder of images, or of class folders."
    case .unlisted(let skipped): "\(skipped)"
    case .unknownKind(let kind):
      "'\(kind):' is no kind of data set. Kinds are "
        + DatasetKind.allCases.map { $0.rawValue + ":" }.joined(separator: ", ")
        + "; or name a folder of images."
    case .specification(let text, let reason): "'\(text)' does not name a data set: \(reason)"
    case .layout(let path, let kind, let missing):
      "\(path) is not laid out as \(kind): it has no \(missing.joined(separator: ", no ")). "
        + "Name the folder that holds \(missing.count == 1 ? "it" : "them")."
    case .malformed(let file, let reason): "\(file) is damaged: \(reason)"
    case .noSplit(let name, let split, let present):
      "\(name) has no \(split.rawValue) images"
        + (present.isEmpty
          ? "; it is not divided." : "; it has \(present.map(\.rawValue).joined(separator: " and ")).")
    case .list(let file, let things, let reason): "\(file) is not a list of \(things): \(reason)"
    case .noClasses(let name):
      "\(name) does not say what its images are of. Put them into a folder for each class, or name a kind of data set, "
        + "as caltech101:path."
    case .tooFew(let name, let className, let found, let asked, let testing):
      "\(name): class \(className) has \(found == 1 ? "one image" : "\(found) images") to draw from, and \(asked) \(asked == 1 ? "was" : "were") asked "
        + "for\(testing > 0 ? " with one or more left to test on" : ""). "
        + (found > testing
          ? "Give --per-class \(found - testing) or less, or add images."
          : "Add images, or leave the class out of the folder.")
    case .strangers(let name, let paths, let example):
      "\(name) has not \(paths.count == 1 ? "the image" : "\(paths.count) images") that should be left out: "
        + paths.prefix(5).joined(separator: ", ") + (paths.count > 5 ? " and \(paths.count - 5) more" : "")
        + ". Name images as it does, such as \(example)."
    case .allExcluded(let name): "every image of \(name) is to be left out: nothing remains."
    case .otherClasses(let name, let other, let difference):
      "\(name) has other classes than \(other): \(difference)."
    case .unknownClass(let name, let className, let known):
      "\(name) has no class '\(className)'; it has \(known.joined(separator: ", "))."
    case .classBeyond(let list, let picture, let label, let classes):
      "\(list): \(picture) is of class \(label), but the network has "
        + (classes == 1 ? "one class, 0." : "\(classes) classes, 0 to \(classes - 1).")
    case .parts(let name, let reason): "\(name): \(reason)"
    case .holdOut(let share): "a share of \(share) to hold out: it must be at least 0 and below 1."
    }
  }
}
