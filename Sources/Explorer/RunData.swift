internal import Datasets
internal import Figures
internal import Images
internal import Kernels
internal import Peaks
internal import Studies
internal import Tensors

/// What programs ask for: the run, its layers and units as JSON.
enum RunData {
  struct Run: Encodable {
    struct Layer: Encodable {
      var layer: String
      /// Its name in addresses.
      var stem: String
      var units: Int
      var dead: Int
      /// Rows and columns of the maps, and of the receptive field in the network's input.
      var map: [Int]
      var field: [Int]
    }

    var model: String
    var pictures: String
    /// How many pictures, and of how many.
    var searched: Int
    var of: Int
    var rule: String
    var command: String
    var layers: [Layer]

    init(_ view: RunView) {
      model = view.study.subject.model
      pictures = view.run.configuration.pictures
      (searched, of) = (view.progress?.done ?? view.run.pictures.count, view.run.pictures.count)
      rule = view.run.rule.rawValue
      command = view.command
      layers = view.layers.map {
        Layer(
          layer: $0.name, stem: $0.stem, units: $0.units.count, dead: $0.dead,
          map: [$0.map.rows, $0.map.columns], field: [$0.field.rows, $0.field.columns])
      }
    }
  }

  struct Layer: Encodable {
    struct Unit: Encodable {
      var unit: Int
      /// The largest activation in any image, and the mean over images of the largest in each.
      var strongest: Float
      var mean: Double
      var active: Double
      var selectivity: Double?
      var classes: [FeatureTable.ClassShare]
    }

    var layer: String
    var units: [Unit]

    init(_ layer: RunView.Layer) {
      self.layer = layer.name
      units = layer.units.map {
        Unit(
          unit: $0.number, strongest: $0.strongest, mean: $0.mean, active: $0.active,
          selectivity: $0.selectivity, classes: $0.classes)
      }
    }
  }

  /// Units whose images are of a class, with their regions.
  struct Found: Encodable {
    struct Unit: Encodable {
      var layer: String
      var unit: Int
      /// Of its images, the share that is of the class.
      var share: Double
      var top: [RunData.Unit.Entry]
    }

    var units: [Unit]

    init(_ found: [(layer: RunView.Layer, unit: RunView.Unit, share: Double)]) {
      units = found.map {
        Unit(
          layer: $0.layer.name, unit: $0.unit.number, share: $0.share,
          top: $0.unit.entries.map(RunData.Unit.Entry.init))
      }
    }
  }

  struct Unit: Encodable {
    struct Entry: Encodable {
      var image: String
      var id: Int
      var label: String?
      var value: Float
      var row: Int
      var column: Int
      /// Top, left, bottom, right in pixels of the whole image.
      var box: Box

      init(_ entry: RunView.Entry) {
        (image, id, label, value) = (entry.path, entry.image, entry.label, entry.value)
        (row, column, box) = (entry.row, entry.column, entry.box)
      }
    }

    /// An octave of activations: how many images have their largest in it, and some of them.
    struct Band: Encodable {
      var from: Double
      var images: [String]
    }

    struct Neighbour: Encodable {
      var unit: Int
      /// Of the images that excite either, the share that excite both.
      var share: Double
    }

    var layer: String
    var unit: Int
    var strongest: Float
    var mean: Double
    var active: Double
    var selectivity: Double?
    var classes: [FeatureTable.ClassShare]
    var top: [Entry]
    /// The lower edges of the histogram's bars, a sixteenth of an octave wide, that are not empty, and how many images each has.
    var edges: [Double]
    var counts: [Int]
    var bands: [Band]
    var least: [String]
    var neighbours: [Neighbour]
    /// What it reads most, what reads it most, and whose filters are most like its own (cosines).
    var reads: [Wiring.Link]
    var readBy: [Wiring.Link]
    var similar: [Wiring.Link]

    init(_ unit: RunView.Unit, of layer: RunView.Layer, in view: RunView) {
      self.layer = layer.name
      self.unit = unit.number
      (strongest, mean, active) = (unit.strongest, unit.mean, unit.active)
      (selectivity, classes) = (unit.selectivity, unit.classes)
      top = unit.entries.map(Entry.init)
      let items = view.run.pictures.dataset.items
      let distribution = view.peaks.distributions[layer.value]
      let bins = distribution.map { Array($0.ledger.counts(of: unit.number)) } ?? []
      let filled = bins.indices.filter { bins[$0] > 0 }
      edges = filled.map(PeakLedger.edge(ofBin:))
      counts = filled.map { Int(bins[$0]) }
      bands = (distribution?.samples(unit: unit.number) ?? []).map {
        Band(from: $0.from, images: $0.images.map { items[$0].path })
      }
      least = (distribution?.leastActive(unit: unit.number) ?? []).map { items[$0.image].path }
      neighbours = view.neighbours(of: unit, in: layer).map {
        Neighbour(unit: $0.unit.number, share: $0.share)
      }
      reads = view.wiring.read(by: unit.number, of: layer.name)
      readBy = view.wiring.reading(unit.number, of: layer.name)
      similar = view.wiring.similar(to: unit.number, of: layer.name)
    }
  }
}
