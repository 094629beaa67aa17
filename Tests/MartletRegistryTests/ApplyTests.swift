import MartletCore
import MartletDatabase
import MartletDefinitions
import MartletRegistry
import MartletTestSupport
import Testing

@Suite("Plan, apply and roll back")
struct ApplyTests {
    private let fixture: RegistryFixture
    private var registry: Registry { fixture.registry }

    init() throws { fixture = try RegistryFixture() }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MartletError)?.code
        }
    }

    @Test("a new workspace is empty, at revision 0")
    func empty() throws {
        let set = try registry.current()
        #expect(set.revision == 0 && set.members.isEmpty)
        #expect(try registry.definitions(at: 0) == set)
        #expect(try registry.revisions().isEmpty)
        #expect(try registry.history(.entity, "customer").isEmpty)
        #expect(code { _ = try registry.definitions(at: 1) } == .notFound)
    }

    @Test("what is applied is what holds, with versions from 1 on")
    func first() throws {
        let plan = try registry.plan(Samples.first.reversed())
        #expect(plan.baseRevision == 0)
        #expect(plan.text.hasSuffix("4 to add, 0 to change, 0 to remove\n"))
        #expect(try registry.current().revision == 0, "a plan changes nothing")
        let result = try registry.apply(plan, principal: fixture.principal, now: fixture.now)
        #expect(result.isNew && result.set.revision == 1)
        #expect(result.set.definitions == Samples.first)
        #expect(
            result.set.versions == [
                "entity customer": 1, "source payments": 1, "features spending": 1, "service score": 1,
            ])
        #expect(try registry.current() == result.set)
        let member = try #require(result.set[.features, "spending"])
        #expect(member.revision == 1 && member.appliedAt == fixture.now && member.principal == "ada")
    }

    @Test("a change makes new versions of what changed, and of nothing else")
    func change() throws {
        try fixture.apply(Samples.first)
        let plan = try registry.plan(Samples.second)
        #expect(
            plan.text == """
                ~ source payments: + columns.extra_0 {nullable: true, type: string}
                    touches features more, features spending, service score
                + features more
                ~ features spending: + ttl 7d
                    touches service score
                ~ service score: features [spending] -> [spending, more]

                1 to add, 3 to change, 0 to remove

                """)
        #expect(plan.downstream(of: DefinitionKey(.features, "spending")).map(\.name) == ["score"])
        let result = try registry.apply(plan, principal: fixture.principal, now: fixture.now + .hours(1))
        #expect(
            result.set.versions == [
                "entity customer": 1, "source payments": 2, "features spending": 2, "features more": 1,
                "service score": 2,
            ])
        #expect(result.set[.entity, "customer"]?.appliedAt == fixture.now)
        #expect(try registry.definitions(at: 1).definitions == Samples.first)
        let history = try registry.history(.source, "payments")
        #expect(history.map(\.version) == [1, 2] && history.map(\.revision) == [1, 2])
        #expect(history.map(\.definition) == [Samples.first[1], Samples.second[1]])
        #expect(try registry.definition(.source, "payments", version: 1).definition == Samples.first[1])
        #expect(code { _ = try registry.definition(.source, "payments", version: 3) } == .notFound)
    }

    @Test("an empty plan makes no revision")
    func noChange() throws {
        try fixture.apply(Samples.first)
        let result = try fixture.apply(Samples.first.reversed())
        #expect(!result.isNew && result.set.revision == 1)
        #expect(try registry.revisions().count == 1)
    }

    @Test("a removed definition keeps its history, and comes back with its version")
    func removal() throws {
        try fixture.apply(Samples.second)
        let without = Samples.second.filter { $0.name != "more" && $0.name != "score" }
        #expect(try fixture.apply(without).set.members.count == 3)
        #expect(try registry.history(.features, "more").count == 1)
        let back = try fixture.apply(Samples.second)
        #expect(back.set.revision == 3 && back.set[.features, "more"]?.version == 1)
        #expect(try registry.history(.features, "more").count == 1)
    }

    @Test("a stale plan is refused, even one that would change nothing, and changes nothing")
    func stale() throws {
        let old = try registry.plan(Samples.first)
        try fixture.apply([Samples.entity("merchant")])
        #expect(code { _ = try registry.apply(old, principal: fixture.principal, now: fixture.now) } == .stalePlan)
        let empty = try registry.plan([Samples.entity("merchant")])
        #expect(empty.isEmpty)
        try fixture.apply(Samples.first)
        #expect(code { _ = try registry.apply(empty, principal: fixture.principal, now: fixture.now) } == .stalePlan)
        #expect(try registry.current().definitions == Samples.first)
        #expect(try registry.revisions().count == 2)
    }

    @Test("a rollback is a new revision with the old versions")
    func rollback() throws {
        try fixture.apply(Samples.first)
        try fixture.apply(Samples.second)
        let plan = try registry.planRollback(to: 1)
        #expect(plan.text.hasSuffix("0 to add, 3 to change, 1 to remove\n"))
        let result = try registry.rollback(to: 1, principal: fixture.principal, now: fixture.now + .days(1))
        #expect(result.isNew && result.set.revision == 3)
        #expect(result.set.definitions == Samples.first)
        #expect(result.set.versions == (try registry.definitions(at: 1).versions))
        #expect(
            try registry.revisions().map { [$0.number, $0.parent, $0.rolledBackTo ?? -1] } == [
                [3, 2, 1], [2, 1, -1], [1, 0, -1],
            ])
        #expect(try registry.revisions(limit: 1).map(\.appliedAt) == [fixture.now + .days(1)])
        #expect(try !registry.rollback(to: 1, principal: fixture.principal, now: fixture.now).isNew)
        #expect(try registry.rollback(to: 0, principal: fixture.principal, now: fixture.now).set.members.isEmpty)
        #expect(code { _ = try registry.rollback(to: 9, principal: fixture.principal, now: fixture.now) } == .notFound)
        #expect(code { _ = try registry.rollback(to: -1, principal: fixture.principal, now: fixture.now) } == .notFound)
    }

    @Test("whichever statement of an apply fails, nothing of it stays and the same plan goes through afterwards")
    func halfWritten() throws {
        try fixture.apply(Samples.first)
        let before = try registry.current()
        let plan = try registry.plan(Samples.second)
        var failures = 0
        while true {
            fixture.failStatement(failures + 1)
            defer { fixture.failStatement(nil) }
            do {
                _ = try registry.apply(plan, principal: fixture.principal, now: fixture.now)
                break
            } catch is RegistryFixture.Stop {
                failures += 1
                fixture.failStatement(nil)
                #expect(try registry.current() == before)
                #expect(try registry.revisions().count == 1)
                #expect(try registry.history(.features, "more").isEmpty)
                #expect(try registry.history(.source, "payments").count == 1)
            }
        }
        #expect(failures > 15, "each statement had its turn, \(failures) did")
        #expect(try registry.current().definitions == Samples.second.sorted { $0.key < $1.key })
    }

    @Test("a repeated request gives what the first one made")
    func idempotency() throws {
        let plan = try registry.plan(Samples.first)
        let first = try registry.apply(plan, principal: fixture.principal, now: fixture.now, idempotencyKey: "k1")
        try fixture.apply(Samples.second)
        let again = try registry.apply(plan, principal: fixture.principal, now: fixture.now, idempotencyKey: "k1")
        #expect(first.isNew && !again.isNew && again.set == first.set)
        #expect(try registry.current().revision == 2)
        let other = try registry.plan(Samples.first)
        #expect(
            code {
                _ = try registry.apply(
                    registry.plan([]), principal: fixture.principal, now: fixture.now, idempotencyKey: "k1")
            } == .conflict)
        #expect(try !registry.apply(other, principal: fixture.principal, now: fixture.now, idempotencyKey: "k1").isNew)
    }

    @Test("a repeated request that changed nothing the first time changes nothing after others did")
    func idleIdempotency() throws {
        try fixture.apply(Samples.first)
        #expect(try fixture.apply(Samples.first, key: "idle").set.revision == 1)
        try fixture.apply(Samples.second)
        let again = try fixture.apply(Samples.first, key: "idle")
        #expect(!again.isNew && again.set.revision == 1)
        #expect(try registry.revision(ofKey: "idle") == 1)
        #expect(try registry.current().revision == 2)
        #expect(code { try fixture.apply([], key: "idle") } == .conflict)
    }

    @Test("tenants and workspaces see nothing of one another")
    func walls() throws {
        try fixture.apply(Samples.first, key: "k")
        for (tenant, workspace) in [("bank", "other"), ("rival", "fraud")] {
            let (registry, principal) = fixture.other(tenant: tenant, workspace: workspace)
            #expect(try registry.current().revision == 0)
            #expect(try registry.history(.entity, "customer").isEmpty)
            let result = try registry.apply(
                registry.plan([Samples.entity("customer", type: .string)]), principal: principal, now: fixture.now,
                idempotencyKey: "k")
            #expect(result.isNew && result.set.revision == 1 && result.set[.entity, "customer"]?.version == 1)
        }
        #expect(try registry.current().definitions == Samples.first)
        let (_, stranger) = fixture.other(tenant: "rival", workspace: "fraud")
        let plan = try registry.plan([])
        #expect(code { _ = try registry.apply(plan, principal: stranger, now: fixture.now) } == .notFound)
        #expect(code { _ = try registry.rollback(to: 0, principal: stranger, now: fixture.now) } == .notFound)
    }

    @Test("the schema goes down and up again, and a dry run leaves it alone")
    func schema() throws {
        let migrator = RegistrySchema.migrator(for: fixture.database)
        #expect(try migrator.plan().isEmpty)
        #expect(try migrator.rollback(to: 0, now: fixture.now, isDryRun: true).steps.count == 4)
        #expect(try migrator.current() == 4)
        // A set recorded before its values had a hash keeps that of its file, both ways.
        try migrator.rollback(to: 2, now: fixture.now)
        try fixture.database.write {
            try $0.execute(
                """
                INSERT INTO training_sets VALUES
                ('acme', 'fraud', 1, 'score', 1, '{}', '{}', 'labels.csv', '{}', 'set.parquet', 3, 'file', 0, 'ada')
                """)
        }
        try migrator.apply(now: fixture.now)
        let hashes = try fixture.database.read { connection in
            try connection.rows("SELECT hash, output_hash, column_summaries FROM training_sets", [])
                .map { [try $0.text(0), try $0.text(1), try $0.text(2)] }
        }
        #expect(hashes == [["", "file", "[]"]])
        try migrator.rollback(to: 2, now: fixture.now)
        #expect(try fixture.database.read { try $0.row("SELECT hash FROM training_sets", [])?.text(0) } == "file")
        try migrator.rollback(to: 0, now: fixture.now)
        #expect(try fixture.database.read { try $0.tableNames() } == ["schema_migrations"])
        try migrator.apply(now: fixture.now)
        #expect(try fixture.apply(Samples.first).set.revision == 1)
    }

    @Test("every table's key begins with the tenant and the workspace")
    func keys() throws {
        let names = try fixture.database.read { try $0.tableNames() }.subtracting(["schema_migrations"])
        #expect(names.count == 9)
        for name in names {
            let key = try fixture.database.read { connection in
                try connection.rows("SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk", [.text(name)])
                    .map { try $0.text(0) }
            }
            #expect(key.prefix(2) == ["tenant", "workspace"], "\(name)")
        }
    }

    @Test("a registry that was closed opens again as it was, and a damaged definition is told as such")
    func reopen() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/a/b/registry.db"
        do {
            let registry = try Registry.open(path: path, workspace: registry.workspace, now: fixture.now)
            _ = try registry.apply(registry.plan(Samples.first), principal: fixture.principal, now: fixture.now)
        }
        let registry = try Registry.open(path: path, workspace: registry.workspace, now: fixture.now)
        #expect(try registry.current().definitions == Samples.first)
        try SQLiteDatabase(path: path).write {
            try $0.execute("UPDATE definition_versions SET definition = substr(definition, 1, 20) WHERE name = 'score'")
        }
        #expect(code { _ = try registry.current() } == .corruptData)
    }
}
