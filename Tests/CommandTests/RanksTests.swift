#if MPI
  import Foundation
  import Kernels
  import Networks
  import Tensors
  import TestSupport
  import Testing

  /// Jobs that several processes do together.
  @Suite struct SeveralRanks {
    let workplace: Workplace
    let model: String
    let pictures: String

    init() throws {
      workplace = try Workplace()
      // With a batch normalisation, whose statistics in training are those of all ranks' pictures.
      var generator = SeededGenerator(seed: 4)
      let normalization = BatchNormalization(
        scale: .random([6], using: &generator), shift: .random([6], using: &generator),
        mean: .random([6], using: &generator), variance: Tensor([6], elements: [1, 2, 3, 1, 2, 3]),
        epsilon: 1e-5)
      model = try workplace.whole { nodes in
        guard nodes.count == 1 else { return }
        nodes.append(
          .init(
            name: "norm1", operation: .batchNormalization(normalization), inputs: ["conv1.out"],
            outputs: ["norm1.out"]))
      }
      pictures = try workplace.classes()
    }

    private static let mpirun = "mpirun --allow-run-as-root --oversubscribe --bind-to none"

    /// Starts a job; `grace` is how long Open MPI waits before it kills ranks that end one by one.
    private func run(
      _ words: [String], ranks: Int, threads: Int = 1, out: String = "run", grace: Int = 1
    ) throws -> Command.Running {
      try Command.start(
        words + ["--out", workplace.path(out), "--threads", "\(threads)", "--quiet"],
        shell:
          "exec env --default-signal \(Self.mpirun) --mca odls_base_sigkill_timeout \(grace) -n \(ranks) \"$@\""
      )
    }

    @Test(arguments: Jobs.allCases) func `any number of ranks finds the bytes of one process`(job: Jobs)
      throws
    {
      let words = job.words(workplace, model, pictures)
      let whole = try Command.run(words + ["--out", workplace.path("whole"), "--threads", "6", "--quiet"])
      #expect(whole.status == 0, "\(whole.errors)")
      for ranks in job == .features || job == .train ? [1, 2, 3] : [2, 3] {
        // What is trained depends on the number of workers of all ranks.
        let outcome = try run(words, ranks: ranks, threads: 6 / ranks, out: "run\(ranks)").outcome(
          within: 300)
        #expect(outcome.status == 0, "\(outcome.errors)")
        try workplace.expectSame("whole", "run\(ranks)")
      }
    }

    @Test(.timeLimit(.minutes(20)), arguments: [Jobs.features, .train])
    func `killed at any moment, other numbers of ranks go on with it`(job: Jobs) throws {
      let pictures = job == .train ? pictures : try workplace.links(400, to: pictures + "/bee")
      let words = job.words(workplace, model, pictures)
      #expect(
        try Command.run(words + ["--out", workplace.path("whole"), "--threads", "6", "--quiet"]).status == 0)
      var generator = SeededGenerator(seed: 6)
      for turn in 0..<4 {
        let ranks = [2, 3, 1][turn % 3]
        let run = try run(words, ranks: ranks, threads: 6 / ranks)
        usleep(UInt32.random(in: 200_000...1_500_000, using: &generator))
        let children = Self.children(of: run.process.processIdentifier)
        if turn.isMultiple(of: 2), let one = children.randomElement(using: &generator) {
          kill(one, SIGKILL)
        } else {
          run.send(SIGKILL)
          for child in children { kill(child, SIGKILL) }
        }
        _ = try run.outcome()
        for child in children {
          let end = Date().addingTimeInterval(10)
          while kill(child, 0) == 0, Date() < end { usleep(10_000) }
          #expect(kill(child, 0) != 0, "rank \(child) still runs")
        }
      }
      let last = try run(words, ranks: 3, threads: 2).outcome(within: 300)
      #expect(last.status == 0, "\(last.errors)")
      try workplace.expectSame("whole", "run")
    }

    /// The processes that another has started.
    private static func children(of process: Int32) -> [Int32] {
      let file = "/proc/\(process)/task/\(process)/children"
      let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
      return text.split(separator: " ").compactMap { Int32($0) }
    }

    @Test func `told to stop, they leave a run that goes on`() throws {
      let words = Jobs.features.words(workplace, model, try workplace.links(3000, to: pictures + "/ant"))
      #expect(try Command.run(words + ["--out", workplace.path("whole"), "--quiet"]).status == 0)
      let run = try run(words, ranks: 2, grace: 20)
      let end = Date().addingTimeInterval(60)
      while !FileManager.default.fileExists(atPath: workplace.path("run/run.json")), Date() < end {
        usleep(1000)
      }
      usleep(300_000)
      run.send(SIGUSR1)
      let stopped = try run.outcome()
      #expect([0, 128 + SIGUSR1].contains(stopped.status), "\(stopped.errors)")
      #expect(try self.run(words, ranks: 3).outcome(within: 300).status == 0)
      try workplace.expectSame("whole", "run")
    }

    /// Starts two ranks with words of their own.
    private func apart(_ one: [String], _ other: [String]) throws -> Command.Outcome {
      let ranks = [one, other].map { words in
        "-n 1 \"$1\" " + words.map { "'\($0)'" }.joined(separator: " ")
      }
      return try Command.run([], shell: "exec \(Self.mpirun) " + ranks.joined(separator: " : "))
    }

    @Test func `ranks that differ are told apart, and none runs on`() throws {
      let job = Jobs.features.words(workplace, model, pictures)
      let words = job + ["--out", workplace.path("run")]
      let other = try apart(words, words + ["--top", "3"])
      #expect(other.status == 2 && other.errors.contains("top was 9, is 3"), "\(other.errors)")
      let parted = try apart(words + ["--shard", "1/2"], words + ["--shard", "2/2"])
      #expect(parted.status == 2 && parted.errors.contains("2/2"), "\(parted.errors)")
      let exact = try apart(words, words + ["--exact"])
      #expect(exact.status == 2 && exact.errors.contains("exact was absent, is true"), "\(exact.errors)")
      var missing = words
      missing[1] = workplace.path("nothing.onnx")
      let without = try apart(words, missing)
      #expect(
        without.status == 2 && without.errors.contains("rank 1 on ")
          && without.errors.components(separatedBy: "nothing.onnx").count == 2, "\(without.errors)")
      #expect(!FileManager.default.fileExists(atPath: workplace.path("run")))
      let nowhere = try apart(words, job + ["--out", workplace.path("elsewhere")])
      #expect(nowhere.status == 2 && nowhere.errors.contains("share"), "\(nowhere.errors)")
    }

    @Test func `a fault of one rank is said once, with its name`() throws {
      let outcome = try run(
        Jobs.features.words(workplace, model, pictures) + ["--strict"], ranks: 3
      ).outcome()
      #expect(outcome.status == 2, "\(outcome.errors)")
      #expect(outcome.errors.components(separatedBy: "short.jpg").count == 2, "\(outcome.errors)")
      let alone = try Command.run(
        ["inspect", model], shell: "exec \(Self.mpirun) -n 2 \"$@\"")
      #expect(alone.status == 2 && alone.errors.contains("one process"), "\(alone.errors)")
    }
  }
#endif
