public import Figures

/// What a study shows of its result: files for programs, tables for spreadsheets, figures and a page for people.
///
/// Figures are drawn when the job writes them, one at a time.
public struct Report {
  /// A figure of the page: two files of the run, `FILE.svg` and `FILE.png`.
  public struct Figure {
    /// Its path in the run, without an ending.
    public var file: String
    public var description: String
    /// Draws it; nil for one that a stage of the study has written already, with its extents.
    var draw: (() throws -> Drawing)?
    var extents: (rows: Int, columns: Int)

    /// A figure that the job draws and writes.
    public init(_ file: String, _ description: String, draw: @escaping () throws -> Drawing) {
      self.file = file
      self.description = description
      self.draw = draw
      extents = (0, 0)
    }

    /// A figure whose files are there.
    public init(written file: String, _ description: String, rows: Int, columns: Int) {
      self.file = file
      self.description = description
      extents = (rows, columns)
    }
  }

  /// A titled part of the page.
  public struct Section {
    /// What a section holds, top to bottom.
    public enum Body {
      case figures([Figure])
      /// Folded until opened.
      case table(ResultTable)
      case text(String)
      case page(RunPage.Section.Body)
    }

    public var title: String
    public var bodies: [Body]

    /// A section of these bodies.
    public init(_ title: String, _ bodies: [Body]) {
      self.title = title
      self.bodies = bodies
    }
  }

  /// The page's title.
  public var title: String
  /// Facts of the run: a name and a value each.
  public var facts: [(String, String)]
  public var sections: [Section]
  /// Values written as JSON, each under its path in the run.
  public var json: [(file: String, value: any Encodable)]
  /// Texts written as they are: CSV, Markdown, lists.
  public var texts: [(file: String, text: String)]
  /// What a person is told once the job is done.
  public var summary: [String]

  /// A report; what is not given is not written.
  public init(
    title: String, facts: [(String, String)], sections: [Section],
    json: [(file: String, value: any Encodable)],
    texts: [(file: String, text: String)] = [], summary: [String] = []
  ) {
    self.title = title
    self.facts = facts
    self.sections = sections
    self.json = json
    self.texts = texts
    self.summary = summary
  }
}
