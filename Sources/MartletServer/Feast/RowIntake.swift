internal import MartletCore
internal import MartletDefinitions
internal import MartletPlatform

/// Rows in by the door that all events take.
struct RowIntake: Sendable {
    let workspace: Workspace
    let live: LiveEvents
    let longWork: LongWork

    /// Takes the rows of a source; when it returns they are durable, and there where they are asked for.
    /// - Parameters:
    ///   - isServed: whether the views over the source must show the rows.
    ///   - isLanded: whether the tables must have them.
    /// - Throws: `unknownName` for a source that is not applied, `invalidInput` where rows do not fit it, `checkFailed`
    ///   where a critical check holds them back.
    func accept(_ rows: PushedRows, of source: String, isServed: Bool, isLanded: Bool) async throws {
        let definitions = try workspace.appliedDefinitions()
        let lines = try rows.withZones(definitions.source(source)).jsonLines
        let pending = try lines.withUnsafeBytes { lines in
            try live.openDoor().push(lines, isPadded: false, as: .jsonLines, to: source, key: nil)
        }
        let report = try await pending.finish()
        guard report.misfits.isEmpty else {
            throw MartletError(
                .invalidInput, "\(report.misfits.count) of \(rows.count) rows do not fit the source \(source)",
                fix: "they are among the dead letters with their reasons")
        }
        let views = definitions.views.filter { $0.isOnline && !$0.isDerived && $0.source == source }
        let loaded = views.filter { !$0.followsLog }.map(\.about.name)
        if isLanded || (isServed && !loaded.isEmpty) {
            try longWork.run { _ in
                try live.land(upTo: report.endOffset, of: source)
                if isServed && !loaded.isEmpty {
                    _ = try workspace.materialize(loaded, principal: requestPrincipal(workspace))
                }
            }
        }
        if isServed && loaded.count < views.count { try await live.counted(upTo: report.endOffset) }
    }
}

extension PushedRows {
    /// Times as a source reads them: Feast's clients send UTC without saying so, or epoch seconds.
    fileprivate func withZones(_ source: SourceDefinition) -> PushedRows {
        var rows = self
        for (index, column) in columns.enumerated() {
            let declared = source.columns.first { ($0.from ?? $0.name) == column.name }
            let isTime = declared?.type == .timestamp || declared?.type == .list(.timestamp)
            guard isTime, declared?.format == nil else { continue }
            rows.columns[index].values = column.values.map(withZone)
        }
        return rows
    }
}

private func withZone(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(var text):
        // What is no time stays as it is: the source says why.
        let time = text.withUTF8 { Timestamp(rfc3339: UnsafeRawBufferPointer($0), zoneIsOptional: true) }
        return time.map { .string($0.description) } ?? value
    case .array(let values): return .array(values.map(withZone))
    case .integer(let seconds):
        let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? value : .string(Timestamp(microseconds: microseconds).description)
    default: return value
    }
}
