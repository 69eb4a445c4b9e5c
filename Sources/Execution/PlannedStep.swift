/// A step of a plan: names of the values that it reads and of those that it makes.
package protocol PlannedStep {
  var inputs: [String] { get }
  var outputs: [String] { get }
}

/// What running and learning both do to the steps of a network, which stand in an order in which each comes after what
/// it reads.
extension Array where Element: PlannedStep {
  /// Those without which a wanted value cannot be made.
  package func needed(for wanted: Set<String>) -> [Element] {
    var needed = wanted
    return reversed().filter { step in
      guard step.outputs.contains(where: needed.contains) else { return false }
      needed.formUnion(step.inputs)
      return true
    }.reversed()
  }

  /// How many steps read each value.
  package var readers: [String: Int] {
    reduce(into: [:]) { readers, step in
      for input in step.inputs { readers[input, default: 0] += 1 }
    }
  }

  /// Joins each step with what follows it, as long as nothing else reads the value between and it is not wanted.
  ///
  /// - Parameters:
  ///   - wanted: Values that must be there at the end.
  ///   - join: One step that does what two do; nil where there is none.
  /// - Returns: The steps in their order, fewer where some were joined.
  package func joined(
    keeping wanted: Set<String>, _ join: (_ first: Element, _ next: Element) -> Element?
  ) -> [Element] {
    let readers = readers
    var joined: [Element] = []
    var maker: [String: Int] = [:]
    for step in self {
      if step.inputs.count == 1, let input = step.inputs.first, readers[input] == 1, !wanted.contains(input),
        let index = maker[input], let both = join(joined[index], step)
      {
        maker[input] = nil
        joined[index] = both
        maker[step.outputs[0]] = index
        continue
      }
      for output in step.outputs { maker[output] = joined.count }
      joined.append(step)
    }
    return joined
  }

  /// Of the values that are read from a step on, or wanted, those that are made before it, in the order of their names.
  package func crossing(into start: Int, from inputs: [String], wanted: Set<String> = []) -> [String] {
    let made = Set(self[..<start].flatMap(\.outputs) + inputs)
    return wanted.union(self[start...].flatMap(\.inputs)).intersection(made).sorted()
  }

  /// For each value, the last step that makes or reads it.
  package var lastUses: [String: Int] {
    enumerated().reduce(into: [:]) { last, step in
      for value in step.element.inputs + step.element.outputs { last[value] = step.offset }
    }
  }
}
