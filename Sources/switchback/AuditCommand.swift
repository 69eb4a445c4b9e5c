internal import ArgumentParser
internal import Switchback

struct AuditCommand: StudyCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Finds near-duplicate images in two data sets, even if resized, recompressed or cropped.",
    discussion: """
      Compares every image of TRAIN with every image of TEST by normalised correlation. Writes RUN/pairs.csv, \
      sheets of the pairs to check by eye, and RUN/exclusions.txt: the training images that also occur in \
      TEST, for --exclude of `train` and `transfer`. Name one data set twice to find its own duplicates.

      EXAMPLE
        switchback audit caltech101:caltech,split=train caltech101:caltech,split=test --out leaks
        switchback train caltech101:caltech --exclude leaks/exclusions.txt --out run
      """)

  @Argument(help: "The training images.", completion: .directory) var train: String
  @Argument(help: "The test images.", completion: .directory) var test: String
  @Option(help: .run, completion: .directory) var out: String

  @Option(help: .value("value", "The least correlation of two images that count as duplicates, 0.8 to 1."))
  var threshold = Audit.usualThreshold

  @Flag(help: "Mirrored images count as duplicates too.") var mirrored = false
  @Option(help: .value("n", "Number of nearest neighbours of each test image that are compared in full."))
  var closest = 64

  @Option(help: "The data set whose images exclusions.txt lists: train or test.")
  var exclude = Choice(AuditPictures.Side.train)

  @OptionGroup var cluster: ClusterOptions
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (0.8...1).contains(threshold) else {
      throw ValidationError("--threshold must be between 0.8 and 1, not \(threshold).")
    }
    guard closest > 0 else { throw ValidationError("--closest must be 1 or more, not \(closest).") }
  }

  func run() throws {
    let audit = AuditPictures(
      try .parse(train), try .parse(test),
      audit: Audit(threshold: threshold, findsMirrored: mirrored, closest: closest), excluding: exclude.value,
      strict: common.strict)
    try cluster.perform(audit, in: out, common, json: \.result)
  }
}
