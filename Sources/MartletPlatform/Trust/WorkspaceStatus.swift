package import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletOnline
internal import MartletStreams
internal import MartletTables

/// How far the events of a workspace have come on their way: what `martlet status` shows, whether a server runs or not.
package struct WorkspaceStatus: Sendable {
    package struct View: Sendable {
        package var name: String
        /// Events with smaller offsets are counted.
        package var offset: Int64
        /// nil where no server runs: counts are those of its life.
        package var applied, late, beyondReach, replayed, waiting, resident, dirty: Int?
        /// nil where the view was not stored yet.
        package var checkpointAgeSeconds: Double?
    }

    package var workspace: String
    package var isServed: Bool
    package var startOffset: Int64 = 0
    package var endOffset: Int64 = 0
    package var logBytes = 0
    /// Why nothing is acknowledged any more.
    package var logFailure: String?
    /// Of this server's life.
    package var storedEvents, duplicateEvents: Int?
    package var landedOffset: Int64 = 0
    package var landingFailure: String?
    /// Sources that a failed critical check holds back.
    package var stoppedSources: [String: String] = [:]
    package var views: [View] = []
    package var streamingFailure: String?
    package var freshness = FreshnessHistogram()
    package var deadLetters: [(source: String, state: String, count: Int)] = []
    /// Dead letters that happened too far ahead of the clock.
    package var futureEvents = 0
    package var connectors: [ConnectorStatus] = []

    init(workspace: String, isServed: Bool) {
        self.workspace = workspace
        self.isServed = isServed
    }

    /// Of a running server.
    package init(_ live: LiveStatus, workspace: String) {
        self.init(workspace: workspace, isServed: true)
        take(live)
        (storedEvents, duplicateEvents) = (live.log.storedEvents, live.log.duplicateEvents)
        landedOffset = live.landing.landedOffset
        landingFailure = live.landing.lastFailure
        stoppedSources = live.landing.stopped
        streamingFailure = live.streaming.isFollowing ? nil : live.streaming.lastFailure
        freshness = live.streaming.freshness
        connectors = live.connectors
        views = live.streaming.views.map { name, counts in
            View(
                name: name, offset: counts.endOffset, applied: counts.applied, late: counts.late,
                beyondReach: counts.beyondReach, replayed: counts.replayed, waiting: counts.waiting,
                resident: counts.resident, dirty: counts.dirty,
                checkpointAgeSeconds: counts.storedAt.map { Double(live.now.microseconds - $0) / 1e6 })
        }
    }

    mutating func take(_ live: LiveStatus) {
        (startOffset, endOffset, logBytes) = (live.startOffset, live.endOffset, live.logBytes)
        logFailure = live.logFailure.map { "\($0)" }
        futureEvents = live.futureEvents
        deadLetters = live.deadLetters.map { ($0.key.source, "\($0.key.state)", $0.value) }.sorted {
            ($0.source, $0.state) < ($1.source, $1.state)
        }
    }
}

extension Workspace {
    /// The status of a workspace whose log no other process has.
    /// - Throws: `conflict` where one has it: ask that.
    package func status() throws -> WorkspaceStatus {
        var status = WorkspaceStatus(workspace: "\(settings.workspace)", isServed: false)
        let log = try intake.log
        guard let found = LiveEvents(self, isRunning: false).status else {
            throw MartletError(.internalFault, "the log was there and is gone")
        }
        status.take(found)
        let (definitions, online, now) = (try appliedDefinitions(), try online, time.now())
        status.landedOffset = try firstNotLanded(in: log, definitions)
        for view in definitions.streamedViews {
            let served = try onlineView(view, definitions)
            guard let position = try StreamPosition(storedOf: served, in: online) else {
                status.views.append(WorkspaceStatus.View(name: view.about.name, offset: 0))
                continue
            }
            let age = try online.cursor(of: served.identity).map {
                Double(now.microseconds - $0.upTo.microseconds) / 1e6
            }
            status.views.append(
                WorkspaceStatus.View(
                    name: view.about.name, offset: position.endOffset, waiting: position.waiting.count,
                    checkpointAgeSeconds: age))
        }
        return status
    }

    /// Events with smaller offsets are in their bronze tables: what a server has landed, and what came by files after.
    private func firstNotLanded(in log: EventLog, _ definitions: AppliedDefinitions) throws -> Int64 {
        var landed: [String: Int64] = [:]
        for source in definitions.sources.map(\.about.name) {
            let bronze = try table(.bronze(source))
            guard try bronze.exists() else { continue }
            landed[source] = try bronze.snapshot().transactionVersion(of: Self.logTransaction)
        }
        var reader = log.reader(from: max(try landedOffset(), log.startOffset))
        while true {
            let batches = try reader.next(maximumBytes: 4 << 20)
            for batch in batches where landed[batch.events.source] ?? 0 < batch.endOffset {
                return batch.offsets.first ?? reader.offset
            }
            if batches.isEmpty { return reader.offset }
        }
    }
}
