// swift-tools-version: 6.2
import PackageDescription

let house: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(), .treatAllWarnings(as: .error),
]

let package = Package(
  name: "Switchback",
  products: [],
  dependencies: [],
  targets: [
    // Level 0
    .target(name: "Tensors", swiftSettings: house),
    // Tests
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: house),
  ],
  swiftLanguageModes: [.v6]
)
