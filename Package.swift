// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

let package = Package(
  name: "Switchback",
  products: [
    .library(name: "Switchback", targets: ["Switchback"]),
    .executable(name: "switchback", targets: ["SwitchbackCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Level 0
    .target(name: "CImaging", dependencies: ["CVips"]),
    .systemLibrary(name: "CLinear", providers: [.apt(["liblinear-dev"])]),
    .target(name: "COneDNN", linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CVector"),
    .systemLibrary(name: "CVips", pkgConfig: "vips", providers: [.apt(["libvips-dev"])]),
    .target(
      name: "ONNXMessages", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["onnx.proto"]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "Tensors", dependencies: ["CZlib"], swiftSettings: house),
    // Level 1
    .target(name: "Images", dependencies: ["CImaging", "Tensors"], swiftSettings: house),
    .target(name: "Kernels", dependencies: ["COneDNN", "CVector", "Tensors"], swiftSettings: house),
    // Level 2
    .target(name: "Datasets", dependencies: ["Images", "Tensors"], swiftSettings: house),
    .target(
      name: "Networks",
      dependencies: [
        "Images", "Kernels", "ONNXMessages", "Tensors",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: house),
    // Level 3
    .target(name: "Activations", dependencies: ["Kernels", "Networks", "Tensors"], swiftSettings: house),
    .target(
      name: "Projection", dependencies: ["Images", "Kernels", "Networks", "Tensors"], swiftSettings: house),
    .target(
      name: "Training", dependencies: ["Images", "Kernels", "Networks", "Tensors"], swiftSettings: house),
    // Level 4
    .target(
      name: "Studies",
      dependencies: ["Activations", "CLinear", "Images", "Kernels", "Networks", "Projection", "Tensors"],
      swiftSettings: house),
    // Level 5
    .target(name: "Figures", dependencies: ["Images", "Studies", "Tensors"], swiftSettings: house),
    .target(
      name: "RunStore",
      dependencies: ["Images", "Studies", "Tensors", .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: house),
    // Level 6: folders that differ in case alone are one on some systems, so two targets name theirs.
    .target(
      name: "Switchback",
      dependencies: [
        "Activations", "Datasets", "Figures", "Images", "Kernels", "Networks", "Projection", "RunStore",
        "Studies", "Tensors", "Training",
      ], path: "Sources/Umbrella", swiftSettings: house),
    // Level 7
    .executableTarget(
      name: "SwitchbackCommand",
      dependencies: [
        "Activations", "Datasets", "Figures", "Images", "Kernels", "Networks", "Projection", "RunStore",
        "Studies", "Tensors", "Training", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ], path: "Sources/switchback", swiftSettings: house),
    // Tests
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: house),
    .target(
      name: "NetworkFixtures", dependencies: ["Kernels", "Networks", "Tensors"],
      path: "Tests/NetworkFixtures",
      swiftSettings: house),
    .testTarget(
      name: "ActivationsTests",
      dependencies: ["Activations", "NetworkFixtures", "Networks", "Tensors", "TestSupport"],
      swiftSettings: house),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Activations", "Images", "Kernels", "NetworkFixtures", "Networks", "ONNXMessages", "Projection",
        "RunStore", "Studies", "Tensors", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: house),
    .testTarget(
      name: "DatasetsTests", dependencies: ["Datasets", "Images", "Tensors", "TestSupport"],
      swiftSettings: house),
    .testTarget(
      name: "FiguresTests",
      dependencies: [
        "Figures", "Images", "NetworkFixtures", "Networks", "Studies", "Tensors", "TestSupport",
      ],
      swiftSettings: house),
    .testTarget(
      name: "GoldenTests",
      dependencies: [
        "Activations", "Datasets", "Images", "Kernels", "Networks", "Projection", "Studies", "Tensors",
        "TestSupport",
      ], swiftSettings: house),
    .testTarget(
      name: "ImagesTests", dependencies: ["Images", "Tensors", "TestSupport"], swiftSettings: house),
    .testTarget(
      name: "KernelsTests", dependencies: ["Kernels", "TestSupport", "Tensors"], swiftSettings: house),
    .testTarget(
      name: "NetworksTests",
      dependencies: [
        "Images", "Kernels", "NetworkFixtures", "Networks", "ONNXMessages", "Tensors", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: house),
    .testTarget(
      name: "ProjectionTests",
      dependencies: ["Kernels", "NetworkFixtures", "Networks", "Projection", "Tensors"], swiftSettings: house),
    .testTarget(
      name: "StudiesTests",
      dependencies: [
        "Activations", "Datasets", "Images", "Kernels", "NetworkFixtures", "Networks", "Projection",
        "Studies", "Tensors", "TestSupport",
      ],
      swiftSettings: house),
    .testTarget(
      name: "RunStoreTests", dependencies: ["Images", "RunStore", "Studies", "TestSupport"],
      swiftSettings: house),
    .testTarget(
      name: "TrainingTests",
      dependencies: ["Images", "Kernels", "NetworkFixtures", "Networks", "Tensors", "Training"],
      resources: [.copy("Goldens")], swiftSettings: house),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "TestSupport"], swiftSettings: house),
  ],
  swiftLanguageModes: [.v6]
)
