internal import Glibc
internal import MartletCore
internal import MartletPlatform
internal import MartletQuality

extension Command {
    static let ingest = Command(
        "ingest", "land files in a source's tables", operands: "SOURCE [FILE…]",
        discussion: """
            Reads CSV, JSON lines or Parquet, converts every value to its declared type and appends the rows to
            the log; lands them in bronze.SOURCE, runs the checks and appends what is good to silver.SOURCE. Rows
            with the id of an earlier one add nothing; those that do not fit are dead letters (martlet
            deadletters), those that fail a check are kept in quarantine.SOURCE, both with the reason. The same
            files are ingested once, however often the command is repeated. Without files it takes up what an
            earlier run left pending. While a server runs on the workspace, it is asked to do it.
            """,
        options: [Option("key", "KEY", "idempotency key (default: the digest of the files)")],
        examples: [
            ("martlet ingest payments payments.parquet", "land a file"),
            ("martlet ingest payments", "go on after a critical check was mended"),
        ]
    ) { invocation in
        guard let source = invocation.operands.first else { throw MartletError(.usage, "SOURCE is missing") }
        let (workspace, principal) = try invocation.openWorkspace()
        let files = Array(invocation.operands.dropFirst())
        let key = invocation.string("key")
        let report = try OwningServer.orHere(workspace) {
            try workspace.ingest(
                source, files: files, idempotencyKey: key, principal: principal, progress: invocation.console.progress)
        } there: { server in
            try server.ingest(source, files: files, key: key, principal: principal)
        }
        invocation.console.result(text: report.text) { report.write(to: &$0) }
        if let failure = report.refinement?.criticalFailure { throw failure }
        return 0
    }

    static let materialize = Command(
        "materialize", "load views into the online store", operands: "[VIEW…]",
        discussion: """
            Serving goes on meanwhile. Only entities with rows that the last load did not count are computed again.
            A load that ^C or a crash ended goes on where it stopped when repeated with its --up-to, as long as no
            rows were ingested and limits.memory is the same; else it writes anew what it has to load.
            """,
        options: [
            Option("up-to", "TIME", "load what was known at this time (default: now)"),
            Option("full", nil, "compute every entity, whatever was loaded before"),
            Option("plan", nil, "show what would be loaded and what it would cost, and load nothing"),
        ],
        examples: [
            ("martlet materialize", "load every online view"),
            ("martlet materialize --plan", "what a load would read, write and take"),
            ("martlet materialize card_activity --up-to 2026-05-01T00:00:00Z", "load one view as of a moment"),
        ]
    ) { invocation in
        let (workspace, principal) = try invocation.openWorkspace()
        let views = invocation.operands.isEmpty ? nil : invocation.operands
        let upTo = try invocation.timestamp("up-to")
        let isFull = invocation.isSet("full")
        if invocation.isSet("plan") {
            show(try workspace.materializationPlans(views, upTo: upTo, isFull: isFull), invocation.console)
            return 0
        }
        // Who is served meanwhile goes first: the threads of the load start with what this one has.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
        return try cancelledBySignals { cancellation in
            let reports = try workspace.materialize(
                views, upTo: upTo, isFull: isFull, principal: principal, progress: invocation.console.progress,
                cancellation: cancellation)
            show(reports, invocation.console)
            return 0
        }
    }

    static let tables = Command(
        "tables", "list the tables, or the versions of one", operands: "[TABLE]",
        examples: [
            ("martlet tables", "every table with its rows and version"),
            ("martlet tables silver.payments", "how one table came to be"),
        ]
    ) { invocation in
        let workspace = try invocation.openWorkspace().workspace
        if let name = invocation.operands.first {
            showHistory(try workspace.tableHistory(name), invocation.console)
        } else {
            showTables(try workspace.tableSummaries(), invocation.console)
        }
        return 0
    }
}

extension MaterializationPlan.Mode {
    fileprivate var text: String {
        switch self {
        case .full: "full"
        case .changed(let since): "changed since \(since)"
        }
    }
}

private func show(_ plans: [MaterializationPlan], _ console: Console) {
    func number(_ count: Int?) -> String { count.map { grouped($0) } ?? "?" }
    let rows = plans.map { plan in
        [
            plan.view, "v\(plan.version)", plan.mode.text, grouped(plan.rowsToScan),
            "\(grouped(plan.bytesToScan / 1024)) KiB",
            number(plan.changedRows), number(plan.entities), grouped(plan.parts),
            plan.seconds.map { "\(fixed($0, 1)) s" } ?? "?",
        ]
    }
    var text = table(
        ["view", "version", "load", "rows to scan", "to read", "changed rows", "entities", "parts", "about"], rows)
    for plan in plans { if case .full(let reason) = plan.mode { text += "\n\(plan.view) in full: \(reason)" } }
    console.result(text: text) { json in
        json.array { json in
            for plan in plans {
                json.object {
                    $0.member("view", plan.view)
                    $0.member("version", plan.version)
                    $0.member("up_to", plan.upTo)
                    $0.member("load", plan.mode.text)
                    if case .full(let reason) = plan.mode { $0.member("reason", reason) }
                    $0.member("rows_to_scan", plan.rowsToScan)
                    $0.member("bytes_to_scan", plan.bytesToScan)
                    if let rows = plan.changedRows { $0.member("changed_rows", rows) }
                    if let entities = plan.entities { $0.member("entities", entities) }
                    $0.member("parts", plan.parts)
                    if let seconds = plan.seconds { $0.member("seconds", seconds) }
                }
            }
        }
    }
}

private func show(_ reports: [MaterializationReport], _ console: Console) {
    let rows = reports.map {
        [
            $0.plan.view, "v\($0.plan.version)", $0.plan.mode.text, grouped($0.rowsRead), grouped($0.entities),
            grouped($0.written), "\(fixed($0.seconds, 2)) s",
        ]
    }
    console.result(
        text: table(["view", "version", "load", "rows", "entities", "written", "time"], rows)
    ) { json in
        json.array { json in
            for report in reports {
                json.object {
                    $0.member("view", report.plan.view)
                    $0.member("version", report.plan.version)
                    $0.member("up_to", report.plan.upTo)
                    $0.member("load", report.plan.mode.text)
                    $0.member("rows", report.rowsRead)
                    $0.member("entities", report.entities)
                    $0.member("written", report.written)
                    $0.member("seconds", report.seconds)
                }
            }
        }
    }
}

private func showTables(_ summaries: [TableSummary], _ console: Console) {
    let rows = summaries.map {
        [
            $0.name, $0.version.description, $0.rowCount.map { grouped($0) } ?? "?", $0.fileCount.description,
            fixed(Double($0.sizeBytes) / 1e6, 1), $0.location,
        ]
    }
    console.result(text: table(["table", "version", "rows", "files", "MB", "location"], rows)) { json in
        json.array { json in
            for summary in summaries {
                json.object {
                    $0.member("table", summary.name)
                    $0.member("version", summary.version)
                    $0.key("rows")
                    if let count = summary.rowCount { $0.value(count) } else { $0.null() }
                    $0.member("bytes", summary.sizeBytes)
                    $0.member("location", summary.location)
                }
            }
        }
    }
}

private func showHistory(_ versions: [TableChange], _ console: Console) {
    let rows = versions.map {
        [$0.version.description, $0.time.description, $0.operation, "+\($0.addedFiles)", $0.rows]
    }
    console.result(text: table(["version", "at", "operation", "files", "rows"], rows)) { json in
        json.array { json in
            for version in versions {
                json.object {
                    $0.member("version", version.version)
                    $0.member("at", version.time)
                    $0.member("operation", version.operation)
                }
            }
        }
    }
}

extension IngestReport {
    var text: String {
        var lines: [String] = []
        if isRepeat { lines.append("these files were ingested before: nothing added") }
        if rowsRead > 0 {
            lines.append(
                "read    \(grouped(rowsRead)) rows, \(grouped(misfits)) of them do not fit (martlet deadletters list)")
        }
        if let version = bronzeVersion { lines.append("bronze  version \(version)") }
        if let refinement {
            lines.append(
                "silver  \(grouped(refinement.silverRows)) rows added, "
                    + "\(grouped(allDuplicates)) duplicates dropped, "
                    + "\(grouped(refinement.quarantined)) held back by checks")
            if let checks = refinement.checks { lines.append(checks.text) }
        } else {
            lines.append("silver  nothing pending")
        }
        lines.append("time    \(fixed(seconds, 2)) s")
        return lines.joined(separator: "\n")
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("source", source)
            json.member("batch", batch)
            json.member("repeat", isRepeat)
            json.member("rows", rowsRead)
            json.member("misfits", misfits)
            json.member("duplicates", allDuplicates)
            if let bronzeVersion { json.member("bronze_version", bronzeVersion) }
            if let refinement {
                json.key("silver")
                json.object {
                    $0.member("pending", refinement.pendingRows)
                    $0.member("rows", refinement.silverRows)
                    $0.member("quarantined", refinement.quarantined)
                    if let version = refinement.silverVersion { $0.member("version", version) }
                }
            }
            json.member("seconds", seconds)
        }
    }
}
