internal import MartletCore
internal import MartletFeatures
internal import MartletOnline

/// What a call is answered with, before it is written in one form or another.
struct OnlineVectors: Sendable {
    /// What one view has, row by row; it outlives the read.
    struct View: Sendable {
        let values: OnlineColumns
        /// By row.
        let marks: [RecordMark]
    }

    let call: OnlineCall
    /// The moment as of which all values are.
    let instant: Timestamp
    /// By part of the plan.
    let views: [Result<View, AbsentView>]
    /// By derived output of the plan.
    let derived: [Column]
    /// By derived output: why it could not be computed; nil where it was.
    let derivedAbsences: [VectorStatus?]
    /// Whether the store was unavailable and records from memory stand in for it.
    let isStale: Bool

    struct AbsentView: Error {
        let status: VectorStatus
    }

    var isPartial: Bool {
        views.contains { if case .failure = $0 { true } else { false } }
    }

    /// The values of an output, row by row; nil where it did not come.
    func column(_ output: Int) -> Column? {
        switch call.plan.serving.derivation.outputs[output] {
        case .stored(let place):
            let stored = call.plan.serving.stored[place]
            return (try? views[stored.part].get()).map { $0.values.columns[stored.column] }
        case .derived(let place): return derivedAbsences[place] == nil ? derived[place] : nil
        }
    }

    func status(_ output: Int, _ row: Int) -> VectorStatus {
        switch call.plan.serving.derivation.outputs[output] {
        case .stored(let place):
            let stored = call.plan.serving.stored[place]
            switch views[stored.part] {
            case .success(let view): return VectorStatus(view.values.statuses[stored.column][row])
            case .failure(let absent): return absent.status
            }
        case .derived(let place):
            return derivedAbsences[place] ?? (derived[place].isNull(row) ? .nullValue : .present)
        }
    }

    /// When the value's event happened; nil for what is derived and for entities that nothing is stored of.
    func eventTime(_ output: Int, _ row: Int) -> Timestamp? {
        guard case .stored(let place) = call.plan.serving.derivation.outputs[output],
            case .success(let view) = views[call.plan.serving.stored[place].part], view.marks[row].kind != .nothing
        else { return nil }
        return view.values.eventTimes[row]
    }

    /// What these rows were computed from.
    func snapshot(_ rows: Range<Int>) -> ServedSnapshot {
        var found: [ServedSnapshot.View] = []
        for (part, view) in zip(call.plan.serving.parts, views) {
            guard case .success(let view) = view, let first = rows.first else { continue }
            var named = ServedSnapshot.View(
                name: part.view.name, version: part.view.identity.version, mark: view.marks[first])
            for row in rows where view.marks[row] != view.marks[first] {
                named.isExact = false
                if view.marks[row].isLater(than: named.mark) { named.mark = view.marks[row] }
            }
            found.append(named)
        }
        return ServedSnapshot(revision: call.plan.revision, instant: instant, views: found)
    }
}
