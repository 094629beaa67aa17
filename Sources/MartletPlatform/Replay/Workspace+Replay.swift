package import MartletCore
internal import MartletDefinitions
internal import MartletFeatures
internal import MartletOnline
internal import MartletQuery
package import MartletRegistry

/// What a replay wrote.
package struct RecordReplayReport: Sendable {
    package let view: String
    package let build: String
    package let window: ReplayWindow
    package let rowsRead: Int
    package let entities: Int
    package let seconds: Double
}

extension Workspace {
    /// Computes a view's records anew from the events that arrived in a window, as known at its end, and writes them
    /// beside those that are served, under a name. Nothing that is served changes: not when it ends, and not where it
    /// stops in its midst. Repeated under one name it begins anew.
    ///
    /// The events are those of bronze, everything that has landed; what made silver of them is done again as it is
    /// applied now, so that a mended check or a table that was tampered with shows.
    /// - Parameters:
    ///   - from: nil means from the first event.
    ///   - to: nil means now.
    ///   - build: the name: letters, digits, `-` and `_`.
    /// - Throws: `invalidInput` for a view of which nothing is stored or that follows the log, for a name that is none
    ///   or the one of what is served; `cancelled`.
    package func replay(
        _ name: String, from: Timestamp? = nil, to: Timestamp? = nil, into build: String, memoryBytes: Int? = nil,
        principal: Principal, progress: any ProgressReporter = SilentProgress(),
        cancellation: Cancellation = Cancellation()
    ) throws -> RecordReplayReport {
        let definitions = try appliedDefinitions()
        let view = try replayable(name, definitions)
        let window = ReplayWindow(from: from, to: try loadTime(to))
        let target = try onlineView(view, definitions, build: checked(build))
        guard try onlineView(view, definitions).identity != target.identity else {
            throw MartletError(
                .invalidInput, "\(build) is what is served of \(name)", fix: "replay into another name")
        }
        let connection = try engine.connect()
        return try connection.interrupted(by: cancellation) {
            let started = time.monotonicNanoseconds()
            progress.report("read the log for \(name)", done: 0, total: nil)
            try attachReplayedSources(of: view, definitions, window, to: connection)
            let query = try viewQuery(view, definitions, connection, includesRemoved: true)
            let versions = try view.source.flatMap { try liveRows(of: $0)?.versions } ?? [:]
            let mark = try removalMark(of: view, window.to, versions, connection)
            try online.drop(target.identity)
            var load = try OnlineLoad(
                LoadIdentity(view: target.identity, upTo: window.to, input: LoadInput.replay(of: window)), of: target,
                into: online, mark: mark, isRestarted: true, progress: progress, cancellation: cancellation)
            let count = Int(try connection.value("SELECT count(*) FROM (\(query.sql))").number ?? 0)
            let rowBytes = 8 * (query.keys.count + query.inputs.count + 3) * 3
            let parts = 1 + count * rowBytes * 2 / max(1, memoryBytes ?? settings.limits.memoryBytes)
            var read = (rows: 0, entities: 0)
            for part in 0..<parts {
                try cancellation.check()
                let rows = try query.load(
                    connection, knownAt: window.to, where: [query.isOfPart(part, of: parts)])
                if rows.count == 0 { continue }
                let computation = try ViewComputation(view, rows)
                try store(computation, window.to, to: &load)
                progress.report("replay \(name)", done: part + 1, total: parts)
                read.rows += rows.count
                read.entities += computation.index.count
            }
            _ = try load.finish()
            return RecordReplayReport(
                view: name, build: build, window: window, rowsRead: read.rows, entities: read.entities,
                seconds: seconds(since: started))
        }
    }

    /// Serves the records of a finished replay from now on, at once for all entities; servers take it up within a
    /// second. What was served stays beside it.
    /// - Throws: `notFound` where there is no finished replay of this name, `conflict` where it is served already.
    @discardableResult
    package func flip(_ name: String, to build: String, principal: Principal) throws -> RecordFlip {
        let definitions = try appliedDefinitions()
        let view = try replayable(name, definitions)
        let target = try finishedReplay(build, of: view, definitions)
        return try registry.flip(
            name, version: Int64(target.view.identity.version), at: time.now(), principal: principal
        ) { last in
            if last?.build == build {
                throw MartletError(.conflict, "\(build) is what is served of \(name)")
            }
            return build
        }
    }

    /// Serves again what was served before the last flip.
    /// - Throws: `notFound` where there was none.
    @discardableResult
    package func rollbackFlip(_ name: String, principal: Principal) throws -> RecordFlip {
        let definitions = try appliedDefinitions()
        let view = try replayable(name, definitions)
        let version = try onlineView(view, definitions).identity.version
        return try registry.flip(name, version: Int64(version), at: time.now(), principal: principal) { last in
            guard let last else {
                throw MartletError(.notFound, "the records of \(name) were never flipped in the applied version")
            }
            return last.previous
        }
    }

    func replayable(_ name: String, _ definitions: AppliedDefinitions) throws -> FeatureViewDefinition {
        guard let view = try viewsToLoad([name], definitions).first else {
            throw MartletError(.internalFault, "one view was asked for")
        }
        return view
    }

    /// - Returns: the view as the store knows the replay, and up to when its records are.
    func finishedReplay(
        _ build: String, of view: FeatureViewDefinition, _ definitions: AppliedDefinitions
    ) throws -> (view: OnlineView, upTo: Timestamp) {
        let target = try onlineView(view, definitions, build: checked(build))
        guard let cursor = try online.cursor(of: target.identity), cursor.isComplete else {
            throw MartletError(
                .notFound, "there is no finished replay \(build) of \(view.about.name) in the applied version",
                fix: "make it: martlet replay \(view.about.name) --into \(build)")
        }
        return (target, cursor.upTo)
    }

    private func checked(_ build: String) throws -> String {
        let isName =
            !build.isEmpty && build.utf8.count <= 64
            && build.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        guard isName else {
            throw MartletError(
                .invalidInput, "a replay cannot be called \(build)",
                fix: "use up to 64 letters, digits, - and _")
        }
        return build
    }
}
