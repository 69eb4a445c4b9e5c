// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

/// A target of the house: what it imports, and nothing else.
func room(_ name: String, _ dependencies: Target.Dependency..., path: String? = nil) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: house)
}

/// A room's tests; those of the command, of golden values and of the fuzzer's inputs have no room of their
/// name.
///
/// Without optimization they compile in half the time; those that compute much themselves need it.
func tests(
  of name: String, _ dependencies: Target.Dependency..., resources: [Resource]? = nil,
  isOptimized: Bool = false
) -> Target {
  let tested: [Target.Dependency] =
    ["Command", "Corpus", "Golden"].contains(name) ? [] : [.init(stringLiteral: name)]
  let plain: [SwiftSetting] = [.unsafeFlags(["-Onone", "-no-emit-module-separately-wmo"])]
  return .testTarget(
    name: name + "Tests", dependencies: tested + dependencies, resources: resources,
    swiftSettings: isOptimized ? house : house + plain)
}

let package = Package(
  name: "Switchback",
  products: [
    .library(name: "Switchback", targets: ["Switchback"]),
    .executable(name: "switchback", targets: ["SwitchbackCommand"]),
  ],
  traits: [
    .trait(
      name: "MPI",
      description:
        "Jobs on several processes and machines, started by mpirun or srun; needs Open MPI or MPICH.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Level 0
    .systemLibrary(
      name: "CCairo", pkgConfig: "pangocairo", providers: [.apt(["libcairo2-dev", "libpango1.0-dev"])]),
    .target(name: "CBuild"),
    .target(name: "CImaging", dependencies: ["CVips"]),
    .target(
      name: "CMPI", dependencies: [.target(name: "COpenMPI", condition: .when(traits: ["MPI"]))],
      cSettings: [.define("CMPI_ENABLED", .when(traits: ["MPI"]))]),
    .systemLibrary(
      name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev", "openmpi-bin"])]),
    .systemLibrary(name: "CExpat", pkgConfig: "expat", providers: [.apt(["libexpat1-dev"])]),
    .systemLibrary(name: "CLinear", providers: [.apt(["liblinear-dev"])]),
    .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CVector"),
    .systemLibrary(name: "CVips", pkgConfig: "vips", providers: [.apt(["libvips-dev"])]),
    .target(
      name: "ONNXMessages", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["onnx.proto"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // Level 1
    room("Tensors"),
    // Level 2
    room("Communication", "CMPI", "Tensors"),
    room("Files", "CExpat", "CZlib", "Tensors"),
    room("Images", "CCairo", "CImaging", "Tensors"),
    room("Kernels", "COneDNN", "CVector", "Tensors"),
    // Level 3
    room("Datasets", "Files", "Images", "Tensors"),
    room("Figures", "Images", "Tensors"),
    room(
      "Networks", "Files", "Images", "Kernels", "ONNXMessages", "Tensors",
      .product(name: "SwiftProtobuf", package: "swift-protobuf")),
    // Level 4
    room("Execution", "Kernels", "Networks", "Tensors"),
    // Level 5
    room("Attribution", "Execution", "Images", "Kernels", "Networks", "Tensors"),
    room("Peaks", "Execution", "Files", "Kernels", "Networks", "Tensors"),
    room(
      "Training", "Communication", "Datasets", "Execution", "Files", "Images", "Kernels", "Networks",
      "Tensors"),
    // Level 6
    room(
      "Studies", "Attribution", "CLinear", "Communication", "Datasets", "Execution", "Figures", "Files",
      "Images", "Kernels",
      "Networks", "Peaks", "Tensors", "Training", .product(name: "Yams", package: "Yams")),
    // Level 7
    room(
      "Explorer", "Attribution", "Datasets", "Execution", "Figures", "Files", "Images", "Kernels", "Networks",
      "Peaks", "Studies", "Tensors", .product(name: "HTTPTypes", package: "swift-http-types"),
      .product(name: "Hummingbird", package: "hummingbird"),
      .product(name: "HummingbirdCore", package: "hummingbird"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "NIOCore", package: "swift-nio")),
    // Folders that differ in case alone are one on some systems, so two targets name theirs.
    room(
      "Switchback", "Attribution", "Communication", "Datasets", "Execution", "Figures", "Files", "Images",
      "Kernels",
      "Networks", "Peaks", "Studies", "Tensors", "Training", path: "Sources/Umbrella"),
    // Level 8
    .executableTarget(
      name: "SwitchbackCommand",
      dependencies: [
        "CBuild", "Explorer", "Kernels", "Switchback",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/switchback", swiftSettings: house),
    // Tests
    room("TestSupport", path: "Tests/TestSupport"),
    room("ReferenceKernels", "Kernels", "Tensors", path: "Tests/ReferenceKernels"),
    room("NetworkFixtures", "Kernels", "Networks", "Tensors", path: "Tests/NetworkFixtures"),
    tests(
      of: "Attribution", "Execution", "Files", "Kernels", "NetworkFixtures", "Networks", "ReferenceKernels",
      "Tensors", "TestSupport", resources: [.copy("Goldens")], isOptimized: true),
    tests(
      of: "Command", "Attribution", "Execution", "Files", "Images", "Kernels", "NetworkFixtures", "Networks",
      "ONNXMessages",
      "Peaks", "Studies", "Tensors", "TestSupport",
      .product(name: "SwiftProtobuf", package: "swift-protobuf")),
    tests(of: "Corpus", "Switchback", resources: [.copy("Corpus")]),
    tests(of: "Datasets", "Files", "Images", "Tensors", "TestSupport"),
    tests(of: "Figures", "Images", "TestSupport"),
    tests(of: "Files", "Tensors", "TestSupport"),
    tests(
      of: "Golden", "Attribution", "Datasets", "Execution", "Files", "Images", "Kernels", "Networks", "Peaks",
      "Studies",
      "Tensors", "TestSupport"),
    tests(of: "Images", "Tensors", "TestSupport"),
    tests(of: "Kernels", "ReferenceKernels", "Tensors", "TestSupport"),
    tests(
      of: "Networks", "Execution", "Files", "Images", "Kernels", "NetworkFixtures", "ONNXMessages", "Tensors",
      "TestSupport", .product(name: "SwiftProtobuf", package: "swift-protobuf")),
    tests(of: "Peaks", "Execution", "Files", "NetworkFixtures", "Networks", "Tensors", "TestSupport"),
    tests(
      of: "Studies", "Attribution", "Datasets", "Execution", "Figures", "Files", "Images", "Kernels",
      "NetworkFixtures",
      "Networks", "Peaks", "Tensors", "TestSupport", "Training"),
    tests(of: "Tensors", "TestSupport"),
    tests(
      of: "Training", "Datasets", "Execution", "Files", "Images", "Kernels", "NetworkFixtures", "Networks",
      "Tensors",
      resources: [.copy("Goldens")], isOptimized: true),
  ],
  swiftLanguageModes: [.v6]
)
