internal import MartletCore

/// The keys of `martlet.yaml`.
package enum SettingsLanguage {
    package static let shape = ObjectShape(
        "martlet.yaml", "The settings of a feature repository.",
        [
            MemberShape("tenant", .name, "Whom the workspace belongs to; `default` without it."),
            MemberShape("workspace", .name, isRequired: true, "The name of the workspace."),
            MemberShape("description", .text, "What it is, for a person."),
            backend("registry", "Definitions as applied, runs and data sets."),
            backend("tables", "The Delta tables."),
            backend("log", "What comes in, before it is landed."),
            backend(
                "online",
                "The online store: `redis://host:port/db`, `redis+cluster://host:port,…`, `dynamodb://region/table` "
                    + "use servers (docs/backends.md)."),
            backend(
                "engine", "What computes training sets: `spark`, `spark:local[4]` and `spark://host:7077` use Spark."),
            backend("tracking", "Where runs of models are recorded."),
            MemberShape("server", .object(server), "Where the HTTP door stands."),
            MemberShape("limits", .object(limits), "What the workspace may use."),
        ])

    static let server = ObjectShape(
        "server", "Where the HTTP door stands.",
        [
            MemberShape("address", .text, "An IP address of this machine; \(ServerSettings().address) without it."),
            MemberShape(
                "port", .integer(0...65_535), "The port, 0 for any free one; \(ServerSettings().port) without it."),
            MemberShape(
                "writes", .boolean,
                "Whether requests may change the workspace; without it only where this machine alone can reach it."),
            MemberShape(
                "serves_expired", .boolean,
                "Whether values older than their ttl are served as they are, as Feast does; `false` without it."),
        ])

    static let limits = ObjectShape("limits", "What the workspace may use.", limitKeys.map(\.member))

    /// Each part with the kinds of backend that it can have.
    static let schemes: [(part: String, schemes: [String])] = [
        ("registry", ["sqlite"]), ("tables", ["file"]), ("log", ["file"]),
        ("online", ["lmdb", "redis", "redis+cluster", "dynamodb"]),
        ("engine", ["duckdb", "spark"]),
        ("tracking", ["builtin"]),
    ]

    private static func backend(_ part: String, _ documentation: String) -> MemberShape {
        let names = schemes.first { $0.part == part }?.schemes ?? []
        let defaults = WorkspaceSettings.defaultBackends[part].map(String.init(describing:)) ?? ""
        return MemberShape(
            part,
            .form(
                pattern: "^(\(names.map(escaped).joined(separator: "|")))(:.*)?$",
                example: "a URL such as \(defaults)"),
            "\(documentation) `\(defaults)` without it.")
    }
}

/// A scheme within a regular expression: of what it may hold, only the plus means anything there.
private func escaped(_ scheme: String) -> String { scheme.map { $0 == "+" ? "\\+" : String($0) }.joined() }

/// A limit: its key, its place in the settings and its shape.
struct LimitKey {
    let member: MemberShape
    let set: @Sendable (inout ResourceLimits, Checked) -> Void

    static func bytes(
        _ name: String, _ path: any WritableKeyPath<ResourceLimits, Int> & Sendable, _ documentation: String,
        otherwise: String? = nil
    ) -> LimitKey {
        let value = ResourceLimits()[keyPath: path]
        let text = otherwise ?? (value % (1 << 30) == 0 ? "\(value >> 30)GiB" : "\(value >> 20)MiB")
        return LimitKey(member: MemberShape(name, .byteCount, "\(documentation); \(text) without it.")) {
            limits, value in
            if let count = value.integer { limits[keyPath: path] = Int(count) }
        }
    }

    static func count(
        _ name: String, _ path: any WritableKeyPath<ResourceLimits, Int> & Sendable, _ range: ClosedRange<Int64>,
        _ documentation: String
    ) -> LimitKey {
        let text = "\(documentation); \(ResourceLimits()[keyPath: path]) without it."
        return LimitKey(member: MemberShape(name, .integer(range), text)) { limits, value in
            if let count = value.integer { limits[keyPath: path] = Int(count) }
        }
    }

    static func time(
        _ name: String, _ path: any WritableKeyPath<ResourceLimits, TimeSpan> & Sendable, _ documentation: String
    ) -> LimitKey {
        let text = "\(documentation); \(ResourceLimits()[keyPath: path]) without it."
        return LimitKey(member: MemberShape(name, .timeSpan, text)) { limits, value in
            if let span = value.timeSpan { limits[keyPath: path] = span }
        }
    }
}

extension SettingsLanguage {
    static let limitKeys: [LimitKey] = [
        .bytes("memory", \.memoryBytes, "What the query engine and the joins may hold"),
        .count("threads", \.threads, 0...1_024, "Threads of a parallel piece of work, 0 for one a processor"),
        .bytes("body", \.bodyBytes, "The body of an HTTP request"),
        .bytes("transfer", \.transferBytes, "The rows that one HTTP request brings or fetches"),
        .count("keys_per_request", \.keysPerRequest, 1...1_000_000, "Entities asked for at once"),
        .count("features_per_request", \.featuresPerRequest, 1...100_000, "Features asked for at once"),
        .count("connections", \.connections, 1...100_000, "HTTP connections open at once"),
        .count(
            "waiting_requests", \.waitingRequests, 1...100_000,
            "HTTP requests that wait for work in the background at once"),
        .count(
            "long_requests", \.longRequests, 1...10_000,
            "HTTP requests for loads, training sets and uploads at once"),
        .bytes("body_memory", \.bodyMemoryBytes, "The bodies of all HTTP requests that are being received"),
        .bytes("file", \.fileBytes, "A file that is ingested"),
        .count("label_rows", \.labelRows, 1...10_000_000_000, "Rows of a label file"),
        .bytes("online_size", \.onlineBytes, "To which the online store may grow"),
        .bytes(
            "hot_tier", \.hotTierBytes, "Memory for records of the online store that are asked for often",
            otherwise: "64MiB over LMDB and none over other stores"),
        .time(
            "hot_tier_staleness", \.hotTierStaleness,
            "How long a record in memory is served without asking the online store"),
        .time(
            "hot_tier_outage", \.hotTierOutage,
            "How old a record in memory may be that is served while the online store is unavailable"),
        .bytes("vectors", \.vectorBytes, "Memory for the embeddings that a server searches"),
        .time("future_skew", \.futureSkew, "How far ahead of the clock an event time may lie"),
        .bytes("log_size", \.logBytes, "To which the log may grow before what is landed leaves it"),
        .time("log_age", \.logAge, "How long events that are landed stay in the log"),
        .time("dead_letter_age", \.deadLetterAge, "How long what did not fit is kept"),
        .time(
            "compact_after", \.compactAfter,
            "How long all events of a source with compact_by stay in the log; then the newest of each key"),
        .time("land_every", \.landEvery, "How often what the log holds is landed in the tables"),
        .count("land_rows", \.landRows, 1...100_000_000, "How many events are landed before that time is over"),
        .count(
            "served_rows", \.servedRows, 1...100_000_000,
            "Sampled vectors that wait to be logged; more are dropped and counted"),
        .time("served_every", \.servedEvery, "How often sampled vectors are written to served.SERVICE"),
        .time("checkpoint_every", \.checkpointEvery, "How often views that follow the log are stored"),
        .time("resumable_for", \.resumableFor, "How long what an interrupted command had finished is kept"),
    ]
}
