internal import CLinear
internal import Foundation
internal import Synchronization
package import Tensors

/// A linear support vector machine, by LIBLINEAR: one class against the rest, squared hinge loss, weights and bias
/// pulled to zero, solved in the dual (its solver 1, with a bias of 1).
///
/// The one file that knows LIBLINEAR. Its solver draws from the C library's generator, so one machine is trained at a
/// time and each starts from the same seed, the one that a C program starts with: the same features give the same
/// weights, those of the program `liblinear-train -s 1 -B 1`.
///
/// - Note: Fan et al. 2008, *LIBLINEAR: A Library for Large Linear Classification*.
package enum LinearMachine {
  /// The generator, and the library's switch for what it prints.
  private static let turn = Mutex(())

  /// Trains a machine on pictures x features of two or more classes, each of which has pictures.
  ///
  /// `cost`, LIBLINEAR's C, is what an error costs against long weights; `tolerance` is when it stops.
  package static func trained(
    on features: Tensor, labels: [Int], classes: Int, cost: Double, tolerance: Double = 0.1
  ) -> LinearClassifier {
    precondition(features.shape.rank == 2, "\(features.shape) is not pictures x features")
    precondition(
      features.shape[0] == labels.count, "\(labels.count) labels for \(features.shape[0]) images")
    precondition(Set(labels) == Set(0..<classes) && classes > 1, "a class of \(classes) without pictures")
    precondition(cost > 0 && tolerance > 0, "a cost of \(cost) and a tolerance of \(tolerance)")
    let problem = Problem(features, labels)
    return turn.withLock { _ in
      unsafe set_print_string_function { _ in }
      srand(1)
      return Model(problem, cost: cost, tolerance: tolerance)
        .classifier(classes: classes, features: features.shape[1])
    }
  }
}

/// Pictures as LIBLINEAR reads them: rows of the features that are not zero, each ended by a bias and a mark.
@safe private struct Problem: ~Copyable {
  let nodes: UnsafeMutableBufferPointer<feature_node>
  let rows: UnsafeMutableBufferPointer<UnsafeMutablePointer<feature_node>?>
  let labels: UnsafeMutableBufferPointer<Double>
  /// The features and the bias.
  let width: Int32

  init(_ features: Tensor, _ classes: [Int]) {
    let (pictures, count) = (features.shape[0], features.shape[1])
    width = Int32(count + 1)
    let present = features.withSpan { elements in
      (0..<elements.count).reduce(0) { elements[$1] == 0 ? $0 : $0 + 1 }
    }
    unsafe nodes = .allocate(capacity: present + 2 * pictures)
    unsafe rows = .allocate(capacity: pictures)
    unsafe labels = .allocate(capacity: pictures)
    var next = 0
    for picture in 0..<pictures {
      unsafe labels.initializeElement(at: picture, to: Double(classes[picture]))
      unsafe rows.initializeElement(at: picture, to: nodes.baseAddress.map { unsafe $0 + next })
      features.withSpan { elements in
        for feature in 0..<count {
          let element = elements[picture * count + feature]
          if element == 0 { continue }
          unsafe nodes.initializeElement(
            at: next, to: feature_node(index: Int32(feature + 1), value: Double(element)))
          next += 1
        }
      }
      unsafe nodes.initializeElement(at: next, to: feature_node(index: Int32(count + 1), value: 1))
      unsafe nodes.initializeElement(at: next + 1, to: feature_node(index: -1, value: 0))
      next += 2
    }
  }

  deinit {
    unsafe nodes.deallocate()
    unsafe rows.deallocate()
    unsafe labels.deallocate()
  }
}

/// What LIBLINEAR learned, freed once, when the value dies.
@safe private struct Model: ~Copyable {
  private let handle: UnsafeMutablePointer<model>

  init(_ pictures: borrowing Problem, cost: Double, tolerance: Double) {
    var posed = unsafe problem()
    unsafe posed.l = Int32(pictures.labels.count)
    unsafe posed.n = pictures.width
    unsafe posed.y = pictures.labels.baseAddress
    unsafe posed.x = pictures.rows.baseAddress
    unsafe posed.bias = 1
    var settings = unsafe parameter()
    unsafe settings.solver_type = Int32(L2R_L2LOSS_SVC_DUAL)
    unsafe settings.eps = tolerance
    unsafe settings.C = cost
    unsafe handle = train(&posed, &settings)
  }

  deinit {
    var handle: UnsafeMutablePointer<model>? = unsafe handle
    unsafe free_and_destroy_model(&handle)
  }

  /// The weights by feature and class, in the order of the classes' numbers.
  func classifier(classes: Int, features: Int) -> LinearClassifier {
    var weights = [Double](repeating: 0, count: (features + 1) * classes)
    for column in 0..<classes {
      let label = Int(unsafe handle.pointee.label[column])
      for feature in 0...features {
        // Of two classes there is one column of weights: what speaks for the first speaks against the second.
        weights[feature * classes + label] =
          classes == 2
          ? unsafe column == 0 ? handle.pointee.w[feature] : -handle.pointee.w[feature]
          : unsafe handle.pointee.w[feature * classes + column]
      }
    }
    return LinearClassifier(
      classes: classes, features: features, weights: Array(weights[..<(features * classes)]),
      biases: Array(weights[(features * classes)...]))
  }
}
