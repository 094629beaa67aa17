internal import MartletCore
internal import MartletLog
internal import MartletPlatform

extension Command {
    static let deadLetters = Command(
        "deadletters", "see what did not fit its source, and decide about it",
        operands: "list | show N | replay N… | drop N…",
        discussion: """
            What is no event of its source is kept as it came, with the reason. `replay` reads it by the
            definitions that are applied now, so that a mended definition lets it in; `drop` lets it be. A server
            tries again by itself what may pass later, and what waits for a source whose definition changes; what
            failed too often is escalated: a person has to look.
            """,
        options: [
            Option("source", "NAME", "of list: only letters of this source"),
            Option("after", "N", "of list: only letters with a greater number"),
            Option("escalated", nil, "of list: only letters that were given up"),
            Option("limit", "N", "of list: at most so many (default: 100)"),
            Option("all", nil, "of replay and drop: every letter that list shows, instead of numbers"),
        ],
        examples: [
            ("martlet deadletters list --source payments", "what of the payments did not fit, and why"),
            ("martlet deadletters show 12", "one as it came"), ("martlet deadletters replay 12 13", "try two again"),
        ]
    ) { invocation in
        let workspace = try invocation.openWorkspace().workspace
        func listed() throws -> [DeadLetter] {
            try workspace.deadLetters(
                source: invocation.string("source"), state: invocation.isSet("escalated") ? .escalated : nil,
                after: Int64(try invocation.integer("after", in: 0...Int(Int32.max)) ?? -1),
                limit: try invocation.integer("limit", in: 1...1_000_000) ?? 100)
        }
        func numbers() throws -> [Int64] {
            if invocation.isSet("all") { return try listed().map(\.number) }
            let texts = invocation.operands.dropFirst()
            guard !texts.isEmpty else {
                throw MartletError(.usage, "no dead letter is named", fix: "give numbers, or --all")
            }
            return try texts.map { text in
                guard let number = Int64(text) else {
                    throw MartletError(.usage, "\(text) is not the number of a letter")
                }
                return number
            }
        }
        switch invocation.operands.first {
        case "list", nil: show(try listed(), invocation.console)
        case "show":
            for number in try numbers() { show(try workspace.deadLetter(number), invocation.console) }
        case "replay":
            let replayed = try numbers()
            let report = try OwningServer.orHere(workspace) {
                try workspace.replayDeadLetters(replayed)
            } there: { server in
                try server.replay(replayed)
            }
            invocation.console.result(
                text: "\(grouped(report.replayed)) came in, \(grouped(report.failed)) do not fit still"
            ) { json in
                json.object {
                    $0.member("replayed", report.replayed)
                    $0.member("failed", report.failed)
                }
            }
            return report.failed == 0 ? 0 : 1
        case "drop":
            let dropped = try numbers()
            try OwningServer.orHere(workspace) {
                try workspace.dropDeadLetters(dropped)
            } there: { server in
                try server.drop(dropped)
            }
            invocation.console.result(text: "\(grouped(dropped.count)) dropped") { json in
                json.object { $0.member("dropped", dropped.count) }
            }
        case let word?:
            throw MartletError(.usage, "deadletters has no \(word)", fix: "list, show, replay or drop")
        }
        return 0
    }
}

private func show(_ letters: [DeadLetter], _ console: Console) {
    let rows = letters.map {
        [$0.number.description, $0.source, "\($0.state)", $0.attempts.description, $0.lastTime.description, $0.reason]
    }
    console.result(text: table(["number", "source", "state", "attempts", "last", "reason"], rows)) { json in
        json.array { json in for letter in letters { letter.write(to: &json) } }
    }
}

private func show(_ letter: DeadLetter, _ console: Console) {
    let original = String(decoding: letter.original, as: UTF8.self)
    let text = """
        number    \(letter.number)
        source    \(letter.source)
        from      \(letter.position?.stream ?? "push")
        state     \(letter.state)
        reason    \(letter.reason)
        attempts  \(letter.attempts), from \(letter.firstTime) to \(letter.lastTime)
        original  \(original)
        """
    console.result(text: text) { letter.write(to: &$0, original: original) }
}

extension DeadLetter {
    fileprivate func write(to json: inout JSONWriter, original: String? = nil) {
        json.object { json in
            json.member("number", number)
            json.member("source", source)
            json.member("from", position?.stream ?? "push")
            json.member("state", "\(state)")
            json.member("reason", reason)
            json.member("attempts", attempts)
            json.member("first_time", firstTime)
            json.member("last_time", lastTime)
            if let original { json.member("original", original) }
        }
    }
}
