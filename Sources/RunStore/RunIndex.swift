internal import Foundation
internal import GRDB
internal import Images
public import Studies

/// The SQLite index of a features run, `index.sqlite`: which pictures excite which units.
///
/// Tables: `picture(id, path)`, `layer(id, name, units)`, `peak(layer, unit, rank, picture, value, row, column, top,
/// left, bottom, right)`.
public struct RunIndex {
  private let queue: DatabaseQueue

  /// A unit's peak as the index has it.
  public struct Row: Hashable, Sendable {
    public var layer: String
    public var unit: Int
    public var rank: Int
    public var picture: String
    public var value: Float
  }

  /// Opens an index for reading.
  ///
  /// - Throws: ``RunError/damaged(file:reason:)``.
  public init(path: String) throws(RunError) {
    do {
      var configuration = Configuration()
      configuration.readonly = true
      queue = try DatabaseQueue(path: path, configuration: configuration)
    } catch {
      throw .damaged(file: path, reason: "it cannot be opened as an SQLite index.")
    }
  }

  /// The units that a picture excites most, strongest relative to their own best first.
  public func units(excitedBy picture: String, limit: Int) throws(RunError) -> [Row] {
    try rows(
      """
      SELECT layer.name AS name, peak.unit, peak.rank, picture.path, peak.value FROM peak
      JOIN picture ON picture.id = peak.picture JOIN layer ON layer.id = peak.layer
      WHERE picture.path = ? ORDER BY peak.rank, peak.layer, peak.unit LIMIT ?
      """, [picture, limit])
  }

  /// A unit's peaks, strongest first.
  public func peaks(layer: String, unit: Int) throws(RunError) -> [Row] {
    try rows(
      """
      SELECT layer.name AS name, peak.unit, peak.rank, picture.path, peak.value FROM peak
      JOIN picture ON picture.id = peak.picture JOIN layer ON layer.id = peak.layer
      WHERE layer.name = ? AND peak.unit = ? ORDER BY peak.rank
      """, [layer, unit])
  }

  private func rows(_ sql: String, _ arguments: StatementArguments) throws(RunError) -> [Row] {
    do {
      return try queue.read { database in
        try GRDB.Row.fetchAll(database, sql: sql, arguments: arguments).map { row in
          Row(
            layer: row["name"], unit: row["unit"], rank: row["rank"], picture: row["path"],
            value: row["value"])
        }
      }
    } catch {
      throw .damaged(file: queue.path, reason: "\(error)")
    }
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 peaks") { database in
      try database.execute(
        sql: """
          CREATE TABLE picture(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
          CREATE TABLE layer(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, units INTEGER NOT NULL);
          CREATE TABLE peak(
            layer INTEGER NOT NULL REFERENCES layer(id), unit INTEGER NOT NULL, rank INTEGER NOT NULL,
            picture INTEGER NOT NULL REFERENCES picture(id), value REAL NOT NULL, row INTEGER NOT NULL,
            column INTEGER NOT NULL, top INTEGER NOT NULL, left INTEGER NOT NULL, bottom INTEGER NOT NULL,
            right INTEGER NOT NULL, PRIMARY KEY(layer, unit, rank)) WITHOUT ROWID;
          CREATE INDEX peak_picture ON peak(picture, rank);
          """)
    }
    return migrator
  }

  /// Writes an index anew; the same table gives the same bytes.
  static func write(_ table: FeatureTable, pictures: [String], to path: String) throws {
    try? FileManager.default.removeItem(atPath: path)
    var configuration = Configuration()
    configuration.journalMode = .default
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try migrator.migrate(queue)
    try queue.write { database in
      let insertPicture = try database.makeStatement(sql: "INSERT INTO picture VALUES (?, ?)")
      var ids: [String: Int] = [:]
      for (id, picture) in pictures.enumerated() {
        ids[picture] = id
        try insertPicture.execute(arguments: [id, picture])
      }
      let insertPeak = try database.makeStatement(
        sql: "INSERT INTO peak VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      for (id, layer) in table.layers.enumerated() {
        try database.execute(
          sql: "INSERT INTO layer VALUES (?, ?, ?)", arguments: [id, layer.layer, layer.units.count])
        for unit in layer.units {
          for (rank, entry) in unit.top.enumerated() {
            guard let picture = ids[entry.image] else { continue }
            let box = entry.box
            try insertPeak.execute(
              arguments: [
                id, unit.unit, rank, picture, entry.value, entry.row, entry.column, box.top, box.left,
                box.bottom,
                box.right,
              ])
          }
        }
      }
    }
    try queue.vacuum()
    try queue.close()
  }
}

extension RunFolder {
  /// Writes `index.sqlite` over a finished search.
  public func writeIndex(_ table: FeatureTable, pictures: [String]) throws(RunError) {
    let final = path(of: "index.sqlite")
    do {
      try RunIndex.write(table, pictures: pictures, to: final + ".partial")
      try? FileManager.default.removeItem(atPath: final)
      try FileManager.default.moveItem(atPath: final + ".partial", toPath: final)
    } catch {
      let cause = (error as? DatabaseError)?.message ?? "\(error)"
      throw .unwritable(folder: path, reason: "its index.sqlite cannot be written: \(cause).")
    }
  }
}
