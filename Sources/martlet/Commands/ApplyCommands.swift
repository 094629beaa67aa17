internal import MartletCore
internal import MartletDefinitions
internal import MartletPlatform
internal import MartletRegistry

extension Command {
    static let plan = Command(
        "plan", "show what apply would change, and what that touches",
        discussion: "Compares the YAML files of the repository with what is applied. Changes nothing.",
        examples: [("martlet plan", "see the difference before it happens")]
    ) { invocation in
        try invocation.noOperands()
        let plan = try invocation.openWorkspace().workspace.plan()
        invocation.console.result(text: plan.text) { writePlan(plan, &$0) }
        return 0
    }

    static let apply = Command(
        "apply", "make the definitions of the repository current, all or none",
        options: [
            Option("base", "N", "refuse unless revision N is current: apply exactly what a plan showed"),
            Option("key", "KEY", "idempotency key: a repeated apply with the key changes nothing"),
        ],
        examples: [
            ("martlet apply", "apply the repository in this folder"),
            ("martlet apply --base 3", "apply only if nobody changed anything since the plan at revision 3"),
        ]
    ) { invocation in
        try invocation.noOperands()
        let (workspace, principal) = try invocation.openWorkspace()
        let plan = try workspace.plan()
        let result = try workspace.apply(
            plan, base: invocation.integer("base", in: 0...Int.max).map(Int64.init),
            idempotencyKey: invocation.string("key"), principal: principal)
        invocation.console.result(text: plan.text + "revision \(result.set.revision)") { json in
            json.object {
                $0.member("revision", result.set.revision)
                $0.member("is_new", result.isNew)
                $0.key("plan")
                writePlan(plan, &$0)
            }
        }
        return 0
    }

    static let rollback = Command(
        "rollback", "take up the definitions of an earlier revision again", operands: "REVISION",
        discussion: "Makes a new revision with the old definitions; history is kept.",
        examples: [("martlet rollback 2", "go back to what held at revision 2")]
    ) { invocation in
        let text = try invocation.operands("REVISION")[0]
        guard let revision = Int64(text) else { throw MartletError(.usage, "\(text) is not a revision") }
        let (workspace, principal) = try invocation.openWorkspace()
        let plan = try workspace.registry.planRollback(to: revision)
        let result = try workspace.rollback(to: revision, principal: principal)
        invocation.console.result(text: plan.text + "revision \(result.set.revision)") { json in
            json.object {
                $0.member("revision", result.set.revision)
                $0.member("rolled_back_to", revision)
            }
        }
        return 0
    }

    static let history = Command(
        "history", "list the revisions, or the versions of one definition", operands: "[KIND NAME]",
        examples: [
            ("martlet history", "who applied what, and when"),
            ("martlet history features customer_spending", "every version that one view had"),
        ]
    ) { invocation in
        let workspace = try invocation.openWorkspace().workspace
        if invocation.operands.isEmpty {
            showRevisions(try workspace.registry.revisions(), invocation.console)
            return 0
        }
        let operands = try invocation.operands("KIND", "NAME")
        guard let kind = Definition.Kind(rawValue: operands[0]) else {
            let kinds = Definition.Kind.allCases.map(\.rawValue)
            throw MartletError(.usage, "\(operands[0]) is no kind", fix: "one of \(kinds.joined(separator: ", "))")
        }
        showVersions(try workspace.registry.history(kind, operands[1]), invocation.console)
        return 0
    }
}

private func showRevisions(_ revisions: [Revision], _ console: Console) {
    let rows = revisions.map {
        [
            $0.number.description, $0.appliedAt.description, $0.principal,
            $0.rolledBackTo.map { "rollback to \($0)" } ?? "apply",
        ]
    }
    console.result(text: table(["revision", "at", "by", "what"], rows)) { json in
        json.array { json in
            for revision in revisions {
                json.object {
                    $0.member("revision", revision.number)
                    $0.member("at", revision.appliedAt)
                    $0.member("by", revision.principal)
                    if let old = revision.rolledBackTo { $0.member("rolled_back_to", old) }
                }
            }
        }
    }
}

private func showVersions(_ versions: [DefinitionVersion], _ console: Console) {
    let rows = versions.map {
        [$0.version.description, $0.revision.description, $0.appliedAt.description, $0.principal]
    }
    console.result(text: table(["version", "revision", "at", "by"], rows)) { json in
        json.array { json in
            for version in versions {
                json.object {
                    $0.member("version", version.version)
                    $0.member("revision", version.revision)
                    $0.member("at", version.appliedAt)
                    $0.key("definition")
                    $0.raw(version.definition.canonicalText.utf8)
                }
            }
        }
    }
}

private func writePlan(_ plan: ApplyPlan, _ json: inout JSONWriter) {
    json.object { json in
        json.member("base_revision", plan.baseRevision)
        json.key("changes")
        json.array { json in
            for change in plan.diff.changes {
                json.object { json in
                    json.member("kind", change.key.kind.rawValue)
                    json.member("name", change.key.name)
                    switch change.action {
                    case .added: json.member("action", "add")
                    case .removed: json.member("action", "remove")
                    case .changed(let fields):
                        json.member("action", "change")
                        json.member("fields", fields.map(\.text))
                    }
                    json.member("downstream", change.downstream.map(\.description))
                }
            }
        }
    }
}
