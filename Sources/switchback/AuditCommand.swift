internal import ArgumentParser
internal import Switchback

struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Finds pictures that two data sets share, even resized, recompressed or cropped.",
    discussion: """
      Compares every picture of TRAIN with every picture of TEST by normalised correlation, and writes \
      RUN/pairs.csv, sheets of the pairs to judge by eye, and RUN/exclusions.txt: the training pictures that \
      TEST has too, for --exclude of train and transfer. With one data set twice, it finds what that holds \
      more than once.

      EXAMPLE
        switchback audit caltech101:caltech,split=train caltech101:caltech,split=test --out leaks
        switchback train caltech101:caltech --exclude leaks/exclusions.txt --out run
      """)

  @Argument(help: "The training pictures.", completion: .directory) var train: String
  @Argument(help: "The test pictures.", completion: .directory) var test: String
  @Option(help: .run, completion: .directory) var out: String

  @Option(help: .value("value", "The correlation from which two pictures are one, 0.8 to 1."))
  var threshold = Audit.usualThreshold

  @Flag(help: "A mirrored picture counts too.") var mirrored = false
  @Option(help: .value("n", "Look-alikes of each test picture that are looked at twice.")) var closest = 64

  @Option(help: "Whose pictures exclusions.txt lists: train or test.")
  var exclude = Choice(AuditPictures.Side.train)

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
    try common.perform(audit, in: out, json: \.result)
  }
}
