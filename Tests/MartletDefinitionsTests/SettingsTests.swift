import MartletCore
import MartletDefinitions
import Testing

@Suite("Settings")
struct SettingsTests {
    private func read(_ text: String) throws(DefinitionFaults) -> WorkspaceSettings {
        try WorkspaceSettings(parsing: Array(text.utf8), file: "martlet.yaml")
    }

    @Test("only the workspace must be named; the rest has defaults")
    func defaults() throws {
        let settings = try read("workspace: demo\n")
        #expect(settings == WorkspaceSettings(workspace: settings.workspace))
        #expect(settings.workspace.description == "default/demo" && settings.tenant.name == "default")
        #expect(settings.registry.description == "sqlite:.martlet/registry.db")
        #expect(settings.tables.description == "file:.martlet/tables")
        #expect(settings.online.description == "lmdb:.martlet/online")
        #expect(settings.engine.description == "duckdb" && settings.tracking.description == "builtin")
        #expect(settings.server.address == "127.0.0.1" && settings.server.port == 6566)
        #expect(settings.limits.memoryBytes == 2_147_483_648 && settings.limits.threads == 0)
    }

    @Test("every setting is read")
    func all() throws {
        let settings = try read(
            """
            tenant: bank
            workspace: fraud
            description: The fraud team's features
            registry: sqlite:/var/lib/martlet/r.db
            tables: "file:data/tables"
            online: lmdb:cache
            engine: duckdb
            tracking: builtin
            server: {address: 0.0.0.0, port: 0}
            limits:
              memory: 512MiB
              threads: 3
              body: 1MB
              keys_per_request: 1
              features_per_request: 2
              connections: 4
              file: 6TiB
              label_rows: 8
              online_size: 1073741824
              future_skew: 9m
              resumable_for: 2d
            """)
        #expect(settings.workspace.description == "bank/fraud")
        #expect(settings.description == "The fraud team's features")
        #expect(settings.registry.path(in: "repo") == "/var/lib/martlet/r.db")
        #expect(settings.tables.path(in: "repo") == "repo/data/tables")
        #expect(settings.online.path(in: ".") == "cache")
        #expect(settings.engine == BackendURL(scheme: "duckdb", location: ""))
        #expect(settings.server.address == "0.0.0.0" && settings.server.port == 0)
        var limits = ResourceLimits()
        limits.memoryBytes = 536_870_912
        limits.threads = 3
        limits.bodyBytes = 1_000_000
        limits.keysPerRequest = 1
        limits.featuresPerRequest = 2
        limits.connections = 4
        limits.fileBytes = 6 << 40
        limits.labelRows = 8
        limits.onlineBytes = 1 << 30
        limits.futureSkew = .minutes(9)
        limits.resumableFor = .days(2)
        #expect(settings.limits == limits)
    }

    @Test(
        "Spark is named by the bare word or with its master",
        arguments: [
            ("spark", ""), ("spark:local[2]", "local[2]"), ("spark:yarn", "yarn"),
            ("spark://host:7077", "//host:7077"), ("\"spark:\"", ""),
        ])
    func spark(text: String, location: String) throws {
        let settings = try read("workspace: demo\nengine: \(text)                # a comment\n")
        #expect(settings.engine == BackendURL(scheme: "spark", location: location))
    }

    @Test(
        "wrong settings are faults with their place and fix",
        arguments: [
            ("workspace: demo\nlimit: {}\n", "2:1", "unknown key `limit` in martlet.yaml", "did you mean `limits`?"),
            (
                "workspace: demo\nlimits: {memry: 1GiB}\n", "2:10", "unknown key `memry` in limits",
                "did you mean `memory`?"
            ),
            (
                "workspace: demo\nlimits: {memory: lots}\n", "2:18",
                "`limits.memory` must be a size such as 512MiB or 2GiB", nil
            ),
            (
                "workspace: demo\nlimits: {memory: -1}\n", "2:18",
                "`limits.memory` must be a size such as 512MiB or 2GiB", nil
            ),
            (
                "workspace: demo\nlimits: {threads: 9999}\n", "2:19", "must be a whole number from 0 to 1024, not 9999",
                nil
            ),
            ("workspace: demo\nlimits: {future_skew: 0s}\n", "2:23", "`future_skew` is zero", nil),
            ("workspace: demo\nserver: {port: 70000}\n", "2:16", "from 0 to 65535, not 70000", nil),
            ("workspace: Demo\n", "1:12", "`workspace` is `Demo`, which is not a name", nil),
            ("workspace: demo\ntenant: a/b\n", "2:9", "`tenant` is `a/b`, which is not a name", nil),
            (
                "workspace: demo\nregistry: sqlit:x\n", "2:11", "`registry` cannot be kept by `sqlit:`",
                "did you mean `sqlite`?"
            ),
            (
                "workspace: demo\nregistry: sqlite\n", "2:11", "`registry` names no path",
                "such as sqlite:.martlet/registry.db"
            ),
            ("workspace: demo\nengine: duckdb:x\n", "2:9", "`engine` takes no path", nil),
            (
                "workspace: demo\nengine: spark:\n", "2:14", "not valid YAML",
                "quote a value that contains `: ` or ends with `:`"
            ),
            (
                "workspace: demo\nengine: duckdb:\n", "2:15", "not valid YAML",
                "quote a value that contains `: ` or ends with `:`"
            ),
            ("tenant: demo\n", "1:1", "martlet.yaml has no `workspace`", nil),
            ("- a\n", "1:1", "the settings are one mapping", nil),
            ("", "1:1", "the settings are one mapping", nil),
            ("workspace: a\n---\nworkspace: b\n", "1:1", "the settings are one mapping", nil),
        ] as [(String, String, String, String?)])
    func faults(text: String, place: String, message: String, fix: String?) {
        do {
            _ = try read(text)
            Issue.record("no fault")
        } catch {
            #expect(error.faults.count == 1, "\(error)")
            #expect(error.summary.code == .invalidSettings)
            #expect(error.summary.place?.description == "martlet.yaml:\(place)", "\(error)")
            #expect(error.summary.message.contains(message), "\(error)")
            if let fix { #expect(error.summary.fix?.hasPrefix(fix) == true, "\(error)") }
        }
    }
}
