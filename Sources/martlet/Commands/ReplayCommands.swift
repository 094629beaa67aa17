internal import MartletCore
internal import MartletPlatform
internal import MartletRegistry

extension Command {
    static let replay = Command(
        "replay", "make a view's records anew from the log, beside those that are served",
        operands: "VIEW | compare VIEW NAME | flip VIEW NAME | rollback VIEW",
        discussion: """
            Replays the events that arrived in a window into records of their own, under a name; what is served stays
            as it is, also where this stops in its midst. compare reads both for every entity and ends with 1 where
            they differ. flip serves the replay from then on, rollback what was served before: a running server takes
            either up within a second.
            """,
        options: [
            Option("into", "NAME", "the name of the new records"),
            Option("from", "TIME", "events that arrived at or after this time (default: all)"),
            Option("to", "TIME", "events that arrived by this time, and what was known then (default: now)"),
        ],
        examples: [
            ("martlet replay card_activity --into mended", "everything, by the checks that are applied now"),
            ("martlet replay compare card_activity mended", "what would change"),
            ("martlet replay flip card_activity mended", "serve it"),
        ]
    ) { invocation in
        let operands = invocation.operands
        switch (operands.first ?? "", operands.count) {
        case ("compare", 3): return try compareReplay(invocation, operands[1], operands[2])
        case ("flip", 3):
            let (workspace, principal) = try invocation.openWorkspace()
            show(try workspace.flip(operands[1], to: operands[2], principal: principal), invocation.console)
            return 0
        case ("rollback", 2):
            let (workspace, principal) = try invocation.openWorkspace()
            show(try workspace.rollbackFlip(operands[1], principal: principal), invocation.console)
            return 0
        case (let view, 1) where !["compare", "flip", "rollback"].contains(view):
            guard let build = invocation.string("into") else {
                throw MartletError(.usage, "--into is missing", fix: "name the new records: --into NAME")
            }
            let (workspace, principal) = try invocation.openWorkspace()
            let (from, to) = (try invocation.timestamp("from"), try invocation.timestamp("to"))
            return try cancelledBySignals { cancellation in
                let report = try workspace.replay(
                    view, from: from, to: to, into: build, principal: principal,
                    progress: invocation.console.progress, cancellation: cancellation)
                show(report, invocation.console)
                return 0
            }
        default:
            throw MartletError(
                .usage, "martlet replay takes a view, or compare, flip or rollback",
                fix: "see martlet replay --help")
        }
    }
}

private func show(_ report: RecordReplayReport, _ console: Console) {
    console.result(
        text: "replayed \(grouped(report.rowsRead)) rows of \(grouped(report.entities)) entities from \(report.window) "
            + "into \(report.view) \(report.build) in \(fixed(report.seconds, 2)) s"
    ) { json in
        json.object {
            $0.member("view", report.view)
            $0.member("name", report.build)
            $0.member("rows", report.rowsRead)
            $0.member("entities", report.entities)
            $0.member("seconds", report.seconds)
        }
    }
}

private func show(_ flip: RecordFlip, _ console: Console) {
    func words(_ build: String) -> String { build.isEmpty ? "what loads make" : build }
    console.result(
        text: "\(flip.view) v\(flip.version) is served from \(words(flip.build)), before from \(words(flip.previous))"
    ) { json in
        json.object {
            $0.member("view", flip.view)
            $0.member("version", flip.version)
            $0.member("name", flip.build)
            $0.member("previous", flip.previous)
        }
    }
}

private func compareReplay(_ invocation: Invocation, _ view: String, _ build: String) throws -> Int32 {
    let workspace = try invocation.openWorkspace().workspace
    let found = try workspace.compareReplay(view, build, progress: invocation.console.progress)
    var text =
        "\(view) \(build) at \(found.time): \(grouped(found.equal)) entities equal, \(grouped(found.different)) "
        + "different, \(grouped(found.missing)) missing, \(grouped(found.added)) added"
    for one in found.differences {
        text +=
            "\n\(one.entity) \(one.feature): served \(one.live.description), replayed \(one.replayed.description); "
            + one.cause
    }
    invocation.console.result(text: text) { json in
        json.object { json in
            json.member("view", view)
            json.member("name", build)
            json.member("at", found.time)
            json.member("equal", found.equal)
            json.member("different", found.different)
            json.member("missing", found.missing)
            json.member("added", found.added)
            json.key("differences")
            json.array { json in
                for one in found.differences {
                    json.object {
                        $0.member("entity", one.entity)
                        $0.member("feature", one.feature)
                        $0.member("live", one.live.description)
                        $0.member("replayed", one.replayed.description)
                        $0.member("cause", one.cause)
                    }
                }
            }
        }
    }
    return found.different + found.missing + found.added == 0 ? 0 : 1
}
