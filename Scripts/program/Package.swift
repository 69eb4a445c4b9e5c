// swift-tools-version: 6.2
import PackageDescription

// The README's "In a program", as a package of somebody else would have it; Scripts/check-program fills Sources.
let package = Package(
  name: "program",
  dependencies: [.package(name: "switchback", path: "../..")],
  targets: [
    .executableTarget(
      name: "program", dependencies: [.product(name: "Switchback", package: "switchback")], path: "Sources")
  ]
)
