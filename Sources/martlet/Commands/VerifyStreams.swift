internal import MartletCore
internal import MartletPlatform

/// `martlet verify --stream`.
func verifyStreams(_ invocation: Invocation) throws -> Int32 {
    for name in ["entities", "times"] where invocation.string(name) != nil {
        throw MartletError(.usage, "--\(name) does not go with --stream", fix: "say how many with --samples")
    }
    let views = invocation.operands + invocation.strings("view")
    let workspace = try invocation.openWorkspace().workspace
    let report = try workspace.verifyStreams(
        views.isEmpty ? nil : views, service: invocation.string("service"),
        samples: invocation.integer("samples") ?? 10_000,
        seed: UInt64(invocation.integer("seed", in: 0...Int.max) ?? 1), progress: invocation.console.progress)
    invocation.console.result(text: report.text) { report.write(to: &$0) }
    return report.isEqual ? 0 : MartletError.Code.valuesDiffer.exitStatus
}

extension StreamVerificationReport {
    var text: String {
        let rows = views.map {
            [
                $0.name, $0.mark.description, grouped($0.entities), $0.moments.description, grouped($0.events),
                grouped($0.values), grouped($0.differences),
            ]
        }
        var text =
            (isLive ? "as a running process has stored it" : "as a server that starts now has it") + "\n"
            + table(["view", "offset", "entities", "moments", "events", "values", "differences"], rows) + "\n"
        for difference in differences {
            text +=
                "  \(difference.feature) of \(difference.entity) at \(difference.time): served \(difference.online), "
                + "computed \(difference.offline); \(difference.cause)\n"
        }
        return text + (isEqual ? "equal" : "DIFFERENT")
            + ": \(grouped(values)) values compared bit for bit in \(fixed(seconds, 2)) s (seed \(seed))"
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("equal", isEqual)
            json.member("live", isLive)
            json.member("values", values)
            json.member("seed", Int64(bitPattern: seed))
            json.member("seconds", seconds)
            json.key("views")
            json.array { json in
                for view in views {
                    json.object {
                        $0.member("view", view.name)
                        $0.member("offset", view.mark)
                        $0.member("entities", view.entities)
                        $0.member("moments", view.moments)
                        $0.member("events", view.events)
                        $0.member("values", view.values)
                        $0.member("differences", view.differences)
                    }
                }
            }
            json.key("differences")
            json.array { json in
                for difference in differences {
                    json.object {
                        $0.member("feature", difference.feature)
                        $0.member("entity", difference.entity)
                        $0.member("at", difference.time)
                        $0.member("online", difference.online)
                        $0.member("offline", difference.offline)
                        $0.member("cause", difference.cause)
                    }
                }
            }
        }
    }
}
