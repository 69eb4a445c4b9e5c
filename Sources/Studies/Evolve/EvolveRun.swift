package import Datasets
internal import Files
package import Networks
package import Peaks

/// A finished run of `evolve`, opened again: what every unit responded to most at each epoch, and the epochs' networks.
package struct EvolveRun: Sendable {
  package let folder: String
  package let table: EvolutionTable
  package let pictures: PreparedPictures
  private let configuration: Evolve.Configuration
  private let saved: SavedEpochs

  /// - Throws: ``StudyError`` where the run is not finished, or the training run or its pictures are not what they were.
  package init(_ folder: String) throws {
    struct Header: Decodable { var configuration: Evolve.Configuration }
    self.folder = folder
    guard let header = decoded(Header.self, from: folder + "/run.json") else {
      throw StudyError("\(folder) is not a run of 'evolve'.")
    }
    configuration = header.configuration
    guard let table = decoded(EvolutionTable.self, from: folder + "/evolution.json"),
      table.epochs == configuration.epochs, let last = table.epochs.last
    else {
      throw StudyError("\(folder) is not finished: give the command that made it once more, and it goes on.")
    }
    self.table = table
    saved = try SavedEpochs(located(configuration.run, for: folder))
    guard try saved.digest(of: last) == configuration.modelDigest else {
      throw StudyError(
        "\(saved.run) has been trained anew since \(folder) was made of it. Make the run again.")
    }
    let whole = try Dataset.parse(located(configuration.pictures, for: folder))
    let dataset = whole.splits.contains(.train) ? whole.only(.train) : whole
    guard dataset.digest == configuration.picturesDigest else {
      throw StudyError(
        "\(configuration.pictures) has other images than \(folder) was made of: some were added, removed or renamed."
      )
    }
    pictures = PreparedPictures(dataset, configuration.preprocessing)
  }

  /// The network as it was after an epoch.
  package func network(_ epoch: Int) throws -> Network {
    var network = try saved.network(epoch)
    network.preprocessing = configuration.preprocessing
    return network
  }

  /// Every unit's strongest activation at an epoch, by layer; nil for a unit that no picture activates.
  ///
  /// - Throws: `PeakError` for a damaged search, or `NetworkError` for a layer that the network lacks.
  package func peaks(at epoch: Int) throws -> [String: [Peak?]] {
    let subject = try Subject(try network(epoch), model: saved.path(of: epoch))
    let layers = try table.layers.map { try subject.network.layer(named: $0.layer) }
    let values = layers.map(\.featureMaps)
    let start = PeakSearch.State(
      peaks: PeakTable(units: values.map { ($0, subject.units(of: $0)) }, keeping: 1))
    let state = try SearchCheckpoint(
      run: RunFolder(sharing: folder), file: Evolve.searchFile(of: epoch), pictures: pictures
    ).restored(start)
    return Dictionary(
      zip(layers, values).map { layer, value in
        (
          layer.name,
          (state.peaks.layers[value]?.units ?? []).map { kept in
            kept.first.flatMap { $0.value > 0 ? $0 : nil }
          }
        )
      }, uniquingKeysWith: { one, _ in one })
  }

  /// The value of a layer's maps in an epoch's network.
  package func value(of layer: String, in network: Network) throws -> String {
    try network.layer(named: layer).featureMaps
  }
}
