// swift-tools-version: 6.3
import PackageDescription

// The rooms of the house, floor by floor (docs/architecture.md). A target may import only what stands above it in this
// list; SwiftPM refuses the rest, and Tests/ArchitectureTests refuses what SwiftPM would let pass.

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"])
    ],
    targets: [
        // C libraries: a module map and a shim each, imported by exactly one Swift target.
        .target(name: "CDuckDB", linkerSettings: [.linkedLibrary("dl")]),
        .systemLibrary(name: "CLMDB"),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CMicroHTTP", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CXGBoost"),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),

        // Ground
        .target(name: "MartletCore"),

        // Stores: one wrap each
        .target(name: "MartletKeyValue", dependencies: ["CLMDB", "MartletCore"]),
        .target(name: "MartletDatabase", dependencies: ["CSQLite", "MartletCore"]),
        .target(name: "MartletObjects", dependencies: ["COpenSSL", "MartletCore"]),
        .target(name: "MartletQuery", dependencies: ["CDuckDB", "MartletCore"]),
        .target(name: "MartletHTTP", dependencies: ["CMicroHTTP", "CSimdJSON", "MartletCore"]),

        // Domain
        .target(name: "MartletDefinitions", dependencies: ["CYAML", "MartletCore"]),
        .target(name: "MartletFeatures", dependencies: ["MartletCore", "MartletDefinitions"]),
        .target(name: "MartletLog", dependencies: ["MartletCore"]),
        .target(
            name: "MartletConnectors",
            dependencies: ["MartletCore", "MartletDefinitions", "MartletHTTP", "MartletLog"]),
        .target(name: "MartletTables", dependencies: ["MartletCore", "MartletObjects", "MartletQuery"]),
        .target(
            name: "MartletOnline",
            dependencies: ["MartletCore", "MartletFeatures", "MartletKeyValue"]),
        .target(name: "MartletRegistry", dependencies: ["MartletCore", "MartletDatabase", "MartletDefinitions"]),
        .target(name: "MartletQuality", dependencies: ["MartletCore", "MartletDefinitions", "MartletQuery"]),
        .target(name: "MartletModels", dependencies: ["CXGBoost", "MartletCore"]),
        .target(name: "MartletSynth", dependencies: ["MartletCore"]),

        // House
        .target(
            name: "MartletPlatform",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletKeyValue",
                "MartletModels", "MartletObjects", "MartletOnline", "MartletQuality", "MartletQuery", "MartletRegistry",
                "MartletSynth", "MartletTables",
            ]),

        // Doors
        .target(
            name: "MartletServer",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletHTTP", "MartletOnline",
                "MartletPlatform", "MartletRegistry",
            ]),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletModels", "MartletOnline", "MartletPlatform",
                "MartletQuality",
                "MartletRegistry", "MartletServer", "MartletSynth",
            ]),

        // Tests: one folder a target
        .testTarget(name: "MartletCoreTests", dependencies: ["MartletCore", "MartletTestSupport"]),
        .testTarget(
            name: "MartletKeyValueTests",
            dependencies: [
                "MartletCore", "MartletKeyValue", "MartletTestSupport",
            ]),
        .testTarget(
            name: "MartletDatabaseTests",
            dependencies: ["MartletCore", "MartletDatabase", "MartletTestSupport"]),
        .testTarget(
            name: "MartletObjectsTests",
            dependencies: ["MartletCore", "MartletObjects", "MartletTestSupport"]),
        .testTarget(name: "MartletQueryTests", dependencies: ["MartletCore", "MartletQuery", "MartletTestSupport"]),
        .target(name: "MartletTestSupport", dependencies: ["MartletCore"], path: "Tests/MartletTestSupport"),
        .target(name: "HTTPTestSupport", path: "Tests/HTTPTestSupport"),
        .testTarget(name: "MartletHTTPTests", dependencies: ["HTTPTestSupport", "MartletCore", "MartletHTTP"]),
        .testTarget(
            name: "MartletDefinitionsTests",
            dependencies: ["MartletCore", "MartletDefinitions", "MartletTestSupport"]),
        .testTarget(
            name: "MartletFeaturesTests", dependencies: ["MartletCore", "MartletDefinitions", "MartletFeatures"]),
        .testTarget(
            name: "MartletTablesTests",
            dependencies: ["MartletCore", "MartletObjects", "MartletQuery", "MartletTables", "MartletTestSupport"]),
        .testTarget(
            name: "MartletOnlineTests",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletKeyValue", "MartletOnline",
                "MartletTestSupport",
            ]),
        .testTarget(
            name: "MartletRegistryTests",
            dependencies: [
                "MartletCore", "MartletDatabase", "MartletDefinitions", "MartletRegistry", "MartletTestSupport",
            ]),
        .testTarget(
            name: "MartletQualityTests",
            dependencies: ["MartletCore", "MartletDefinitions", "MartletQuality", "MartletQuery"]),
        .testTarget(
            name: "MartletModelsTests",
            dependencies: [
                "MartletCore", "MartletModels", "MartletTestSupport",
            ]),
        .testTarget(name: "MartletSynthTests", dependencies: ["MartletCore", "MartletSynth"]),
        .testTarget(
            name: "MartletPlatformTests",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletModels", "MartletOnline", "MartletPlatform",
                "MartletQuality", "MartletQuery", "MartletRegistry", "MartletSynth", "MartletTestSupport",
            ]),
        .testTarget(
            name: "MartletServerTests",
            dependencies: [
                "HTTPTestSupport", "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletHTTP",
                "MartletKeyValue", "MartletOnline", "MartletPlatform", "MartletServer", "MartletTestSupport",
            ]),
        .testTarget(
            name: "MartletConnectorsTests",
            dependencies: ["MartletConnectors", "MartletCore", "MartletDefinitions"]),
        .testTarget(name: "CommandLineTests", dependencies: ["MartletCore", "MartletTestSupport", "martlet"]),
        .testTarget(name: "ArchitectureTests"),
    ],
    cxxLanguageStandard: .cxx17
)

// The benchmarks' own executable, so that a plain build stays light: bench/run sets this.
if Context.environment["MARTLET_BENCH"] == "1" {
    package.products.append(.executable(name: "martlet-bench", targets: ["MartletBench"]))
    package.targets.append(
        .executableTarget(
            name: "MartletBench",
            dependencies: ["MartletCore", "MartletDefinitions", "MartletFeatures", "MartletQuery"],
            path: "bench/MartletBench"))
}

// One settings loop, identical for every Swift target.
let cTargets: Set<String> = ["CDuckDB", "CSimdJSON"]
for target in package.targets where target.type != .system && !cTargets.contains(target.name) {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableExperimentalFeature("Lifetimes"),
        .treatAllWarnings(as: .error),
    ]
}
