package import MartletCore
internal import MartletDefinitions
internal import MartletOnline
internal import MartletQuery
internal import MartletTables

/// How the records of a replay differ from those that are served, as both are read at one moment.
package struct ReplayComparison: Sendable {
    /// A value that differs, or an entity that one of the two does not have.
    package struct Difference: Sendable {
        package let entity: String
        package let feature: String
        package let live: Value
        package let replayed: Value
        package let cause: String
    }

    package let view: String
    package let build: String
    package let time: Timestamp
    /// Entities.
    package var equal = 0
    package var different = 0
    /// Only what is served has them.
    package var missing = 0
    /// Only the replay has them.
    package var added = 0
    /// The first of them.
    package var differences: [Difference] = []
}

extension Workspace {
    /// Reads every entity that an event ever named from both.
    /// - Parameter examples: how many differences are explained, by what the tables of now say.
    /// - Throws: `notFound` where there is no finished replay of this name.
    package func compareReplay(
        _ name: String, _ build: String, examples: Int = 10, progress: any ProgressReporter = SilentProgress()
    ) throws -> ReplayComparison {
        let definitions = try appliedDefinitions()
        let view = try replayable(name, definitions)
        let live = try onlineView(view, definitions)
        let replay = try finishedReplay(build, of: view, definitions)
        // Neither store answers for a moment before what it holds.
        let time = max(replay.upTo, try online.cursor(of: live.identity)?.upTo ?? replay.upTo)
        var result = ReplayComparison(view: name, build: build, time: time)
        let keys = try keysEverNamed(view, definitions)
        let count = keys.first?.count ?? 0
        for first in stride(from: 0, to: count, by: 8_192) {
            progress.report("compare \(name)", done: first, total: count)
            let rows = (first..<min(count, first + 8_192)).map { Int32($0) }
            let part = keys.map { $0.gathering(fitting: rows) }
            let (old, new) = (
                try online.read(live, keys: part, at: time), try online.read(replay.view, keys: part, at: time)
            )
            let differing = zip(old.columns, new.columns).map { Set($0.rowsThatDiffer(from: $1)) }
            for row in rows.indices {
                func isStored(_ columns: OnlineColumns) -> Bool { columns.eventTimes[row] != Timestamp.epoch }
                switch (isStored(old), isStored(new)) {
                case (false, false): continue
                case (true, false): result.missing += 1
                case (false, true): result.added += 1
                case (true, true):
                    let isEqual = live.features.indices.allSatisfy {
                        !differing[$0].contains(Int32(row)) && old.statuses[$0][row] == new.statuses[$0][row]
                    }
                    if isEqual { result.equal += 1 } else { result.different += 1 }
                    if isEqual { continue }
                }
                guard result.differences.count < examples else { continue }
                let feature = live.features.indices.first { differing[$0].contains(Int32(row)) } ?? 0
                result.differences.append(
                    try difference(
                        view, live.features[feature].name, live.keys.map(\.name), part.map { $0[row] },
                        old.columns[feature][row], new.columns[feature][row], time))
            }
        }
        return result
    }

    private func difference(
        _ view: FeatureViewDefinition, _ feature: String, _ names: [String], _ key: [Value], _ live: Value,
        _ replayed: Value, _ time: Timestamp
    ) throws -> ReplayComparison.Difference {
        let entity = Dictionary(uniqueKeysWithValues: zip(names, key.map(\.description)))
        let now = try explain("\(view.about.name):\(feature)", entity: entity, at: time, asKnown: true).value
        let cause =
            switch (now == live, now == replayed) {
            case (true, true): "the records were made from other events, which this value does not show"
            case (true, false): "the tables say what is served: the replay saw other events or other checks"
            case (false, true): "the tables say what the replay has: what is served is older than they are"
            case (false, false): "the tables say \(now.description)"
            }
        return ReplayComparison.Difference(
            entity: zip(names, key).map { "\($0)=\($1.description)" }.joined(separator: ","), feature: feature,
            live: live, replayed: replayed, cause: cause)
    }

    /// The keys of every event that came, whatever became of it.
    private func keysEverNamed(_ view: FeatureViewDefinition, _ definitions: AppliedDefinitions) throws -> [Column] {
        let connection = try engine.connect()
        _ = try attachSources(of: view, definitions, to: connection)
        let sources = definitions.sources.map(\.about.name)
        let needed = view.querySources(among: sources) + (view.source.map { [$0] } ?? [])
        for name in Set(needed).sorted() {
            let bronze = try table(.bronze(name))
            try connection.execute(
                "CREATE OR REPLACE TEMP VIEW \(quotedIdentifier(name)) AS \(bronze.scanSQL(bronze.snapshot()))")
        }
        let query = try viewQuery(view, definitions, connection)
        let list = query.keys.indices.map { "c\($0)" }.joined(separator: ", ")
        let areThere = query.keys.indices.map { "c\($0) IS NOT NULL" }.joined(separator: " AND ")
        return Array(
            try connection.query(
                "SELECT DISTINCT \(list) FROM (\(query.sql)) WHERE \(areThere) ORDER BY \(list)"
            ).columns)
    }
}
