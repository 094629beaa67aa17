internal import MartletCore
internal import MartletFeatures
internal import MartletOnline

extension OnlineHandler {
    /// Reads and computes what a call asks for. Blocks where the store does.
    ///
    /// Without a deadline all views are read at once, so that they are of one snapshot where the store has such. With
    /// one, a store that may wait for a network is asked for each view by itself, and who does not answer in time is
    /// left out.
    /// - Throws: `storeUnavailable` where no view answers.
    func vectors(_ call: OnlineCall) throws -> OnlineVectors {
        var table = RecordTable()
        table.allowedStaleness = call.plan.maxStale
        if let milliseconds = call.deadlineMilliseconds, store.isRemote {
            let end = call.startNanoseconds &+ UInt64(milliseconds) &* 1_000_000
            let now = time.monotonicNanoseconds()
            let found = RecordsByView(call, store).read(withinNanoseconds: end > now ? end - now : 0)
            try requireAny(found, milliseconds)
            for part in found {
                table.beginLookup()
                guard case .success(let records) = part else { continue }
                if records.isStale { table.isStale = true }
                records.append(to: &table)
            }
            let absent = found.map { part -> RecordsByView.Absent? in
                if case .failure(let absent) = part { absent } else { nil }
            }
            // The table points into what was found.
            return try withExtendedLifetime(found) { try vectors(call, table, absent: absent) }
        }
        var made: OnlineVectors?
        try store.read(call.plan.serving.lookups, keys: call.keys, into: &table) { table in
            made = try vectors(call, table, absent: [])
        }
        guard let made else { preconditionFailure("the store ran no body") }
        return made
    }

    /// - Parameter absent: by part, why it is not in the table; empty where all are.
    private func vectors(
        _ call: OnlineCall, _ table: borrowing RecordTable, absent: [RecordsByView.Absent?]
    ) throws -> OnlineVectors {
        let plan = call.plan.serving
        // After the records: none of them knows of anything later.
        let instant = time.now()
        var answer = ViewAnswer()
        var views: [Result<OnlineVectors.View, OnlineVectors.AbsentView>] = []
        for (index, part) in plan.parts.enumerated() {
            if !absent.isEmpty, let absent = absent[index] {
                views.append(.failure(.init(status: absent.status)))
                continue
            }
            if absent.isEmpty, isOver(call) {
                views.append(.failure(.init(status: .deadlineExceeded)))
                continue
            }
            let rows = call.keyRows[part.keyGroup]
            try answer.fill(
                part.view, features: part.features, lookup: index, keyCount: call.keys[part.keyGroup].uniqueCount,
                from: table, at: instant)
            var marks: [RecordMark] = []
            for key in 0..<call.keys[part.keyGroup].uniqueCount {
                marks.append(RecordMark(table.record(lookup: index, key: key)))
            }
            views.append(
                .success(
                    OnlineVectors.View(
                        values: try answer.columns(part.view, part.features, rows), marks: rows.map { marks[$0] })))
        }
        if !views.isEmpty, views.allSatisfy({ if case .failure = $0 { true } else { false } }) {
            throw tooLate(call.deadlineMilliseconds ?? 0)
        }
        let (derived, absences) = try derivedColumns(call, views)
        return OnlineVectors(
            call: call, instant: instant, views: views, derived: derived, derivedAbsences: absences,
            isStale: table.isStale)
    }

    private func isOver(_ call: OnlineCall) -> Bool {
        guard let milliseconds = call.deadlineMilliseconds else { return false }
        return time.monotonicNanoseconds() &- call.startNanoseconds >= UInt64(milliseconds) &* 1_000_000
    }

    private func derivedColumns(
        _ call: OnlineCall, _ views: [Result<OnlineVectors.View, OnlineVectors.AbsentView>]
    ) throws -> ([Column], [VectorStatus?]) {
        let plan = call.plan.serving
        if !plan.derivation.isDerived { return ([], []) }
        func absence(_ stored: Int) -> VectorStatus? {
            if case .failure(let absent) = views[plan.stored[stored].part] { absent.status } else { nil }
        }
        let columns = try plan.derivation.evaluate(
            stored: { index in
                let needed = plan.stored[index]
                guard case .success(let view) = views[needed.part] else {
                    return .nulls(needed.type, count: call.rowCount)
                }
                return view.values.columns[needed.column]
            }, request: call.requestValues, count: call.rowCount)
        let isLate = plan.derivation.needs { absence($0) == .deadlineExceeded }
        let isUnavailable = plan.derivation.needs { absence($0) == .storeUnavailable }
        return (columns, zip(isLate, isUnavailable).map { $0 ? .deadlineExceeded : $1 ? .storeUnavailable : nil })
    }

    /// - Throws: what damaged records say; `storeUnavailable` where no view answered.
    private func requireAny(
        _ found: [Result<CopiedRecords, RecordsByView.Absent>], _ milliseconds: Int
    ) throws {
        var unavailable: MartletError?
        var hasAnswer = found.isEmpty
        for part in found {
            switch part {
            case .success: hasAnswer = true
            case .failure(let absent):
                guard let error = absent.error else { continue }
                guard let known = error as? MartletError, known.code == .storeUnavailable else { throw error }
                unavailable = unavailable ?? known
            }
        }
        if !hasAnswer { throw unavailable ?? tooLate(milliseconds) }
    }

    private func tooLate(_ milliseconds: Int) -> MartletError {
        MartletError(
            .storeUnavailable, "no view of the online store answered within \(milliseconds) ms",
            fix: "check the store, or raise deadline_ms")
    }
}
