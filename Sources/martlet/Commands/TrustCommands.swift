internal import MartletCore
internal import MartletOnline
internal import MartletPlatform

extension Command {
    static let verify = Command(
        "verify", "prove that what is served equals what is trained on", operands: "[VIEW…]",
        discussion: """
            Reads sampled entities from the online store, at the moment of the load and at later ones, computes
            the same values offline from the tables that were loaded, and compares them bit for bit. Ends with
            status 1 on any difference.

            With --served it computes the vectors again that a service has served and logged, as of the moments at
            which they were served, and tells where each difference comes from: data that came late, a load older than
            what was known, another definition since, an on-demand computation. Ends with status 1 only where a
            difference is unexplained.

            With --stream it does so for views that follow the log, against all events of the log up to the same
            mark: on a stopped workspace as a server would start with it, beside a running server as that has
            stored its views.
            """,
        options: [
            Option("entities", "N", "entities of each view (default: 1000)"),
            Option("times", "N", "moments for each view (default: 10)"),
            Option("seed", "N", "seed of the sample (default: 1)"),
            Option("served", "SERVICE", "verify what this service has served and logged"),
            Option("since", "TIME", "with --served: only what was served from then on"),
            Option("limit", "N", "with --served: at most so many vectors, the newest (default: 10000)"),
            Option("stream", nil, "compare the views that follow the log"),
            Option("service", "NAME", "with --stream: those of a service alone"),
            Option("view", "NAME", "with --stream: this view alone; repeat the option for more"),
            Option("samples", "N", "with --stream: pairs of an entity and a moment, of each view (default: 10000)"),
        ],
        examples: [
            ("martlet verify", "compare every online view"),
            ("martlet verify card_activity --entities 100000", "all cards"),
            ("martlet verify --served fraud_score --since 2026-03-01T00:00:00Z", "what production was told"),
            ("martlet verify --stream --seed 7", "compare what follows the log, with another sample"),
        ]
    ) { invocation in
        if invocation.isSet("stream") { return try verifyStreams(invocation) }
        for name in ["service", "view", "samples"] where invocation.string(name) != nil {
            throw MartletError(.usage, "--\(name) belongs to --stream")
        }
        let workspace = try invocation.openWorkspace().workspace
        if let service = invocation.string("served") {
            let report = try workspace.verifyServed(
                service, since: invocation.timestamp("since"),
                limit: invocation.integer("limit", in: 1...10_000_000) ?? 10_000,
                progress: invocation.console.progress)
            invocation.console.result(text: report.text) { report.write(to: &$0) }
            return report.isExplained ? 0 : MartletError.Code.valuesDiffer.exitStatus
        }
        let report = try workspace.verify(
            invocation.operands.isEmpty ? nil : invocation.operands,
            entities: invocation.integer("entities") ?? 1_000, times: invocation.integer("times") ?? 10,
            seed: UInt64(invocation.integer("seed", in: 0...Int.max) ?? 1), progress: invocation.console.progress)
        invocation.console.result(text: report.text) { report.write(to: &$0) }
        return report.isEqual ? 0 : MartletError.Code.valuesDiffer.exitStatus
    }

    static let explain = Command(
        "explain", "take a value back to the events that made it", operands: "VIEW:FEATURE",
        options: [
            Option("entity", "KEY=VALUE", "the entity; repeat the option for composite keys"),
            Option("request", "NAME=VALUE", "for a derived feature, a value given with the request; repeat the option"),
            Option("at", "TIME", "the value at this moment (default: now)"),
            Option("as-known", nil, "count only events that had arrived by then"),
            Option("snapshot", "ID", "of an answer of /v1/online: the value as it was served, and from what"),
            Option("events", "N", "show at most so many events (default: 10)"),
        ],
        examples: [
            ("martlet explain customer_spending:amount_sum_1d --entity customer_id=42", "why is it what it is?"),
            (
                "martlet explain card_last:last_country --entity card_id=7 --at 2026-03-01T00:00:00Z",
                "and what was it then?"
            ),
        ]
    ) { invocation in
        let feature = try invocation.operands("VIEW:FEATURE")[0]
        let workspace = try invocation.openWorkspace().workspace
        let entity = try parseValues(invocation.strings("entity"), option: "entity").mapValues { $0[0] }
        let request = try parseValues(invocation.strings("request"), option: "request").mapValues { $0[0] }
        let explanation = try workspace.explain(
            feature, entity: entity, at: invocation.timestamp("at"), asKnown: invocation.isSet("as-known"),
            snapshot: invocation.string("snapshot").map { try ServedSnapshot(text: $0) }, request: request)
        let limit = try invocation.integer("events", in: 0...Int.max) ?? 10
        invocation.console.result(text: explanation.text(limit: limit)) { explanation.write(to: &$0) }
        return 0
    }
}

extension VerificationReport {
    var text: String {
        let rows = views.map {
            [
                $0.name, $0.upTo.description, grouped($0.entities), $0.times.description, grouped($0.values),
                grouped($0.mismatches),
            ]
        }
        var text = table(["view", "loaded up to", "entities", "moments", "values", "differences"], rows) + "\n"
        for mismatch in mismatches {
            text +=
                "  \(mismatch.feature) of \(mismatch.entity) at \(mismatch.time): served \(mismatch.online), "
                + "computed \(mismatch.offline); \(mismatch.cause)\n"
        }
        return text + (isEqual ? "equal" : "DIFFERENT")
            + ": \(grouped(values)) values compared bit for bit in \(fixed(seconds, 2)) s (seed \(seed))"
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("equal", isEqual)
            json.member("values", values)
            json.member("seed", Int64(bitPattern: seed))
            json.member("seconds", seconds)
            json.key("views")
            json.array { json in
                for view in views {
                    json.object {
                        $0.member("view", view.name)
                        $0.member("up_to", view.upTo)
                        $0.member("values", view.values)
                        $0.member("differences", view.mismatches)
                    }
                }
            }
            json.key("differences")
            json.array { json in
                for mismatch in mismatches {
                    json.object {
                        $0.member("feature", mismatch.feature)
                        $0.member("entity", mismatch.entity)
                        $0.member("at", mismatch.time)
                        $0.member("online", mismatch.online)
                        $0.member("offline", mismatch.offline)
                        $0.member("cause", mismatch.cause)
                    }
                }
            }
        }
    }
}

extension Explanation {
    func text(limit: Int) -> String {
        var lines = [
            "\(feature) of \(entity) at \(time) = \(value)",
            "  rule        \(rule)",
            "  definition  features \(feature.split(separator: ":")[0]) version \(viewVersion)",
            "  tables      "
                + tableVersions.sorted { $0.key < $1.key }.map { "\($0.key) version \($0.value)" }.joined(
                    separator: ", "),
        ]
        if let basis { lines.append("  served from \(basis)") }
        if !inputs.isEmpty {
            lines += [
                "  inputs", table(["    name", "value"], inputs.map { ["    " + $0.name, $0.value.description] }),
            ]
        }
        // What is derived reads no events itself; its inputs do.
        if inputs.isEmpty {
            lines.append(
                "  events      \(grouped(events.count)) counted, \(grouped(skipped)) skipped, "
                    + "\(grouped(notYetKnown)) not yet known")
        }
        let shown = events.prefix(limit).map {
            [
                "    " + $0.eventTime.description, $0.arrivalTime.description, $0.position.description,
                $0.value.description,
            ]
        }
        if !shown.isEmpty { lines.append(table(["    event time", "arrived", "position", "value"], shown)) }
        if events.count > limit { lines.append("    and \(grouped(events.count - limit)) more") }
        return lines.joined(separator: "\n")
    }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("feature", feature)
            json.member("entity", entity)
            json.member("at", time)
            json.member("value", value)
            json.member("rule", rule)
            if let basis { json.member("served_from", basis) }
            if !inputs.isEmpty {
                json.key("inputs")
                json.object { json in for input in inputs { json.member(input.name, input.value) } }
            }
            json.member("definition_version", viewVersion)
            json.key("tables")
            json.object { json in
                for (name, version) in tableVersions.sorted(by: { $0.key < $1.key }) { json.member(name, version) }
            }
            json.key("events")
            json.array { json in
                for event in events {
                    json.object {
                        $0.member("event_time", event.eventTime)
                        $0.member("arrival_time", event.arrivalTime)
                        $0.member("position", event.position)
                        $0.member("value", event.value)
                    }
                }
            }
        }
    }
}
