internal import MartletCore
internal import MartletDefinitions
internal import MartletPlatform

/// Rows in by the use cases that files take: ingested into the source's tables, then loaded from there.
struct WorkspaceIntake: EventIntake {
    let workspace: Workspace

    func accept(_ rows: PushedRows, of source: String, isServed: Bool) throws {
        let definitions = try workspace.appliedDefinitions()
        let declared = try definitions.source(source)
        let principal = requestPrincipal(workspace)
        let report = try workspace.ingest(
            source, rows: rows.withZones(declared).jsonLines, as: .jsonLines, principal: principal)
        if let failure = report.refinement?.criticalFailure { throw failure }
        guard report.misfits == 0 else {
            throw MartletError(
                .invalidInput, "\(report.misfits) of \(rows.count) rows do not fit the source \(source)",
                fix: "they are among the dead letters with their reasons")
        }
        guard isServed else { return }
        let views = definitions.views.filter { $0.isOnline && !$0.isDerived && !$0.followsLog && $0.source == source }
        guard !views.isEmpty else { return }
        _ = try workspace.materialize(views.map(\.about.name), principal: principal)
    }
}

extension PushedRows {
    /// Times as a source reads them: Feast's clients send UTC without saying so, or epoch seconds.
    fileprivate func withZones(_ source: SourceDefinition) -> PushedRows {
        var rows = self
        for (index, column) in columns.enumerated() {
            let declared = source.columns.first { ($0.from ?? $0.name) == column.name }
            guard declared?.type == .timestamp, declared?.format == nil else { continue }
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
    case .integer(let seconds):
        let (microseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? value : .string(Timestamp(microseconds: microseconds).description)
    default: return value
    }
}
