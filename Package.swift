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
        .systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CXGBoost"),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CCompression", providers: [.apt(["zlib1g-dev", "libbrotli-dev"])]),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CPrefetch"),
        .systemLibrary(name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),

        // Ground
        .target(name: "MartletCore"),

        // Stores: one wrap each
        .target(name: "MartletKeyValue", dependencies: ["CLMDB", "MartletCore"]),
        .target(name: "MartletDatabase", dependencies: ["CPostgres", "CSQLite", "MartletCore"]),
        .target(name: "MartletObjects", dependencies: ["COpenSSL", "MartletCore"]),
        .target(name: "MartletQuery", dependencies: ["CDuckDB", "MartletCore"]),
        .target(
            name: "MartletHTTP", dependencies: ["CCompression", "CCurl", "CMicroHTTP", "CSimdJSON", "MartletCore"]),

        // Domain
        .target(name: "MartletDefinitions", dependencies: ["CYAML", "MartletCore"]),
        .target(name: "MartletFeatures", dependencies: ["MartletCore", "MartletDefinitions"]),
        .target(name: "MartletLog", dependencies: ["CISAL", "MartletCore"]),
        .target(
            name: "MartletConnectors",
            dependencies: [
                "CKafka", "CRabbitMQ", "MartletCore", "MartletDatabase", "MartletDefinitions", "MartletHTTP",
                "MartletLog",
            ]),
        .target(name: "MartletTables", dependencies: ["MartletCore", "MartletObjects", "MartletQuery"]),
        .target(
            name: "MartletOnline",
            dependencies: [
                "CHiredis", "CPrefetch", "MartletCore", "MartletFeatures", "MartletHTTP", "MartletKeyValue",
                "MartletObjects",
            ]),
        .target(
            name: "MartletStreams",
            dependencies: ["MartletCore", "MartletFeatures", "MartletOnline"]),
        .target(name: "MartletRegistry", dependencies: ["MartletCore", "MartletDatabase", "MartletDefinitions"]),
        .target(name: "MartletQuality", dependencies: ["MartletCore", "MartletDefinitions", "MartletQuery"]),
        .target(name: "MartletModels", dependencies: ["CXGBoost", "MartletCore"]),
        .target(name: "MartletSynth", dependencies: ["MartletCore"]),

        // House
        .target(
            name: "MartletPlatform",
            dependencies: [
                "MartletConnectors", "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletKeyValue",
                "MartletLog",
                "MartletModels", "MartletObjects", "MartletOnline", "MartletQuality", "MartletQuery", "MartletRegistry",
                "MartletStreams", "MartletSynth", "MartletTables",
            ]),

        // Doors
        .target(
            name: "MartletServer",
            dependencies: [
                "MartletStreams", "MartletLog", "MartletConnectors", "MartletCore", "MartletDefinitions",
                "MartletFeatures", "MartletHTTP", "MartletOnline",
                "MartletPlatform", "MartletRegistry",
            ]),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletHTTP", "MartletLog", "MartletModels", "MartletOnline",
                "MartletPlatform",
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
        .target(
            name: "ServerTestSupport",
            dependencies: ["CKafka", "CRabbitMQ", "MartletCore", "MartletTestSupport"],
            path: "Tests/ServerTestSupport"),
        .testTarget(
            name: "MartletHTTPTests",
            dependencies: [
                "HTTPTestSupport", "MartletCore", "MartletHTTP", "MartletTestSupport", "ServerTestSupport",
            ]),
        .testTarget(
            name: "MartletDefinitionsTests",
            dependencies: ["MartletCore", "MartletDefinitions", "MartletTestSupport"]),
        .testTarget(
            name: "MartletFeaturesTests", dependencies: ["MartletCore", "MartletDefinitions", "MartletFeatures"]),
        .testTarget(name: "MartletLogTests", dependencies: ["MartletCore", "MartletLog", "MartletTestSupport"]),
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
            name: "Conformance",
            dependencies: [
                "MartletCore", "MartletHTTP", "MartletKeyValue", "MartletOnline", "MartletTestSupport",
                "ServerTestSupport",
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
                "MartletConnectors", "MartletCore", "MartletDefinitions", "MartletLog", "MartletModels",
                "MartletOnline", "MartletPlatform",
                "MartletQuality", "MartletQuery", "MartletRegistry", "MartletSynth", "MartletTestSupport",
                "ServerTestSupport",
            ]),
        .testTarget(
            name: "MartletServerTests",
            dependencies: [
                "HTTPTestSupport", "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletHTTP",
                "MartletKeyValue", "MartletLog", "MartletOnline", "MartletPlatform", "MartletServer",
                "MartletTestSupport", "ServerTestSupport",
            ]),
        .testTarget(
            name: "MartletConnectorsTests",
            dependencies: [
                "MartletConnectors", "MartletCore", "MartletDatabase", "MartletDefinitions", "MartletLog",
                "MartletTestSupport", "ServerTestSupport",
            ]),
        .testTarget(
            name: "MartletStreamsTests",
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletKeyValue", "MartletOnline",
                "MartletStreams", "MartletTestSupport",
            ]),
        .testTarget(
            name: "CommandLineTests",
            dependencies: ["HTTPTestSupport", "MartletCore", "MartletTestSupport", "martlet"]),
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
            dependencies: [
                "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletKeyValue",
                "MartletLog",
                "MartletOnline",
                "MartletQuery", "MartletStreams",
            ],
            path: "bench/MartletBench"))
}

// The fuzzer's own executable: scripts/fuzz sets this.
if Context.environment["MARTLET_FUZZ"] == "1" {
    package.products.append(.executable(name: "martlet-fuzz", targets: ["Fuzz"]))
    package.targets.append(
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "MartletConnectors", "MartletCore", "MartletDefinitions", "MartletFeatures", "MartletHTTP",
                "MartletLog", "MartletOnline", "MartletServer",
            ],
            path: "Tests/Fuzz", exclude: ["Finds"]))
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
