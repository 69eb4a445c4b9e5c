// swift-tools-version: 6.2
import PackageDescription

// A libFuzzer program around every reader; Scripts/fuzz builds and runs it. FuzzedReader.swift is the tests' own.
let package = Package(
  name: "fuzz",
  dependencies: [.package(name: "switchback", path: "..")],
  targets: [
    .systemLibrary(name: "CLibFuzzer"),
    .executableTarget(
      name: "Fuzz", dependencies: ["CLibFuzzer", .product(name: "Switchback", package: "switchback")]),
  ]
)
