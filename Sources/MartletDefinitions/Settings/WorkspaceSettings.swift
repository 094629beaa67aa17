package import MartletCore

/// `martlet.yaml`: who the repository belongs to, where each part keeps its data, and what may be used.
package struct WorkspaceSettings: Sendable, Hashable {
    package var workspace: WorkspaceID
    package var description = ""
    /// Definitions as applied, runs, data sets.
    package var registry = BackendURL(scheme: "sqlite", location: ".martlet/registry.db")
    package var tables = BackendURL(scheme: "file", location: ".martlet/tables")
    /// What comes in, before it is landed.
    package var log = BackendURL(scheme: "file", location: ".martlet/log")
    package var online = BackendURL(scheme: "lmdb", location: ".martlet/online")
    package var engine = BackendURL(scheme: "duckdb", location: "")
    package var tracking = BackendURL(scheme: "builtin", location: "")
    package var server = ServerSettings()
    package var limits = ResourceLimits()

    package init(workspace: WorkspaceID) { self.workspace = workspace }

    package var tenant: TenantID { workspace.tenant }
}

/// Where the HTTP door stands.
package struct ServerSettings: Sendable, Hashable {
    /// An IP address of this machine; 127.0.0.1 is reachable from this machine only.
    package var address = "127.0.0.1"
    package var port = 6566
    /// Whether requests may change the workspace: push events, build training sets, apply definitions. nil means only
    /// where the address is one that this machine alone can reach.
    package var acceptsWrites: Bool?
    /// Whether values older than their ttl are served as they are, as Feast's servers do, not as `OUTSIDE_MAX_AGE`.
    package var servesExpired = false

    package init() {}

    /// Whether requests may change the workspace.
    package var isWritable: Bool {
        acceptsWrites ?? (address == "localhost" || address == "::1" || address.hasPrefix("127."))
    }
}

/// What a workspace may use. Each has the key in `limits` of `martlet.yaml` that its documentation begins with.
package struct ResourceLimits: Sendable, Hashable {
    /// `memory`: what the query engine and the joins may hold, in bytes.
    package var memoryBytes = 2 << 30
    /// `threads`: of each parallel piece of work; 0 means one a processor.
    package var threads = 0
    /// `body`: an HTTP request's body in bytes.
    package var bodyBytes = 8 << 20
    /// `transfer`: the rows that one HTTP request brings or fetches, in bytes.
    package var transferBytes = 256 << 20
    /// `keys_per_request`: entities asked for at once.
    package var keysPerRequest = 10_000
    /// `features_per_request`: features asked for at once.
    package var featuresPerRequest = 2_000
    /// `connections`: HTTP connections open at once.
    package var connections = 1_024
    /// `waiting_requests`: HTTP requests that wait for work in the background at once.
    package var waitingRequests = 64
    /// `long_requests`: HTTP requests for loads, training sets and uploads at once.
    package var longRequests = 16
    /// `body_memory`: the bodies of all HTTP requests that are being received, in bytes.
    package var bodyMemoryBytes = 1 << 30
    /// `file`: a file that is ingested, in bytes.
    package var fileBytes = 64 << 30
    /// `label_rows`: rows of a label file.
    package var labelRows = 500_000_000
    /// `online_size`: to which the online store may grow, in bytes of address space and at most of disk.
    package var onlineBytes = 64 << 30
    /// `hot_tier`: memory for records of the online store that are asked for often, in bytes. 0, where it is not set,
    /// means 64 MiB over LMDB, where memory changes no answer, and none over other stores; below 64 KiB none is kept.
    package var hotTierBytes = 0
    /// `hot_tier_staleness`: how long a record in memory is served without asking the store, which others write too.
    package var hotTierStaleness = TimeSpan.seconds(1)
    /// `hot_tier_outage`: how old records in memory may be that are served while the store is unavailable.
    package var hotTierOutage = TimeSpan.zero
    /// Memory for the embeddings that a server searches.
    package var vectorBytes = 1 << 30
    /// `future_skew`: how far ahead of the clock an event time may lie.
    package var futureSkew = TimeSpan.hours(1)
    /// `log_size`: to which the log may grow before what is landed leaves it, in bytes.
    package var logBytes = 32 << 30
    /// `log_age`: how long events that are landed stay in the log.
    package var logAge = TimeSpan.days(7)
    /// `dead_letter_age`: how long what did not fit is kept.
    package var deadLetterAge = TimeSpan.days(90)
    /// `compact_after`: how long all events of a source with `compact_by` stay in the log; then the newest of each key.
    package var compactAfter = TimeSpan.days(1)
    /// `land_every`: how often a server lands in the tables what the log holds.
    package var landEvery = TimeSpan.seconds(5)
    /// `land_rows`: how many events a server lands before that time is over.
    package var landRows = 200_000
    /// `served_rows`: sampled vectors that wait to be logged.
    package var servedRows = 100_000
    /// `served_every`: how often sampled vectors are written to `served.SERVICE`.
    package var servedEvery = TimeSpan.seconds(10)
    /// `checkpoint_every`: how often views that follow the log are stored.
    package var checkpointEvery = TimeSpan.seconds(10)
    /// `resumable_for`: how long what an interrupted command had finished is kept, so that it can go on from there.
    package var resumableFor = TimeSpan.days(7)

    package init() {}
}
