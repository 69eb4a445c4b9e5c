public import Figures

/// What a study shows of its result: files for programs, tables for spreadsheets, figures and a page for people.
///
/// Figures are drawn when the job writes them, one at a time.
public struct Report {
  /// A figure of the page: files of the run, `FILE.svg`, `FILE.png` and `FILE.pdf`.
  public struct Figure {
    /// Its path in the run, without an ending.
    public var file: String
    public var description: String
    /// Of one that a stage of the study has written already.
    var extents: (rows: Int, columns: Int) = (0, 0)
    /// Draws it; nil for one whose files are there.
    var draw: (() throws -> Drawing)?
  }

  /// A titled part of the page, top to bottom.
  public struct Section {
    public enum Body {
      case figures([Figure])
      /// The units of a layer as cards, whose pictures a stage of the study has written.
      case gallery(UnitGallery)
      /// Folded until opened.
      case table(ResultTable)
      case text(String)
    }

    public var title: String
    public var bodies: [Body]
  }

  public var title: String
  /// Facts of the run: a name and a value each.
  public var facts: [(String, String)]
  public var sections: [Section]
  /// Values written as JSON, each under its path in the run.
  public var json: [(file: String, value: any Encodable)]
  /// Texts written as they are: CSV, Markdown, lists.
  public var texts: [(file: String, text: String)] = []
  /// What a person is told once the job is done.
  public var summary: [String] = []
}

extension Report.Section {
  init(_ title: String, _ bodies: Body...) { self.init(title: title, bodies: bodies) }
  init(_ title: String, _ bodies: [Body]) { self.init(title: title, bodies: bodies) }
}

extension Report.Section.Body {
  /// One figure, drawn when the job writes it.
  static func figure(_ file: String, _ description: String, draw: @escaping () throws -> Drawing) -> Self {
    .figures([Report.Figure(file: file, description: description, draw: draw)])
  }
}
