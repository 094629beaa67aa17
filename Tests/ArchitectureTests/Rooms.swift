/// The rooms of the house (docs/architecture.md), in the order in which one may look down on another: a room may import
/// only what stands above it in this table. The table is the law; Package.swift and every import are tested against it.
struct Room: Sendable {
    enum Floor: String { case c, ground, stores, domain, house, doors }

    let name: String
    let floor: Floor
    /// The C modules that this room alone imports.
    let owns: [String]
    /// Whether the room does no I/O: then it may look only at the ground and at other pure rooms.
    let isPure: Bool

    init(_ floor: Floor, _ name: String, owns: [String] = [], isPure: Bool = false) {
        self.floor = floor
        self.name = name
        self.owns = owns
        self.isPure = isPure
    }

    static let all: [Room] = [
        Room(.ground, "MartletCore", isPure: true),

        Room(.stores, "MartletKeyValue", owns: ["CLMDB"]),
        Room(.stores, "MartletDatabase", owns: ["CSQLite", "CPostgres"]),
        Room(.stores, "MartletObjects", owns: ["COpenSSL"]),
        Room(.stores, "MartletQuery", owns: ["CDuckDB"]),
        Room(.stores, "MartletHTTP", owns: ["CMicroHTTP", "CWslay", "CCurl", "CSimdJSON", "CCompression"]),

        Room(.domain, "MartletDefinitions", owns: ["CYAML"], isPure: true),
        Room(.domain, "MartletFeatures", isPure: true),
        Room(.domain, "MartletLog", owns: ["CISAL"]),
        Room(.domain, "MartletConnectors", owns: ["CKafka", "CRabbitMQ"]),
        Room(.domain, "MartletTables"),
        Room(.domain, "MartletOnline", owns: ["CHiredis", "CPrefetch"]),
        Room(.domain, "MartletStreams"),
        Room(.domain, "MartletRegistry"),
        Room(.domain, "MartletQuality"),
        Room(.domain, "MartletAccess"),
        Room(.domain, "MartletPipelines"),
        Room(.domain, "MartletModels", owns: ["CXGBoost"]),
        Room(.domain, "MartletSynth"),

        Room(.house, "MartletPlatform"),

        Room(.doors, "MartletServer"),
        Room(.doors, "martlet"),
        Room(.doors, "MartletBench"),
        Room(.doors, "Fuzz"),
    ]

    static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// What a room may import of ours: its own C modules, and what stands above it.
    var mayImport: Set<String> {
        let above = Room.all.prefix { $0.name != name }
        let visible = above.filter { other in
            // Stores are one wrap each and do not know one another.
            if floor == .stores && other.floor == .stores { return false }
            return !isPure || other.isPure
        }
        return Set(visible.map(\.name)).union(owns)
    }

    static let cModules = Set(all.flatMap(\.owns))

    /// Modules of the toolchain that any file may import. Foundation is not among them: it costs 20 MB and its start.
    static let toolchainModules: Set<String> = [
        "CxxStdlib", "Dispatch", "FoundationEssentials", "Glibc", "Synchronization", "Swift", "_Builtin_intrinsics",
    ]
}
