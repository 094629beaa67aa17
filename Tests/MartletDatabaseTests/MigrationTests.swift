import MartletCore
import MartletDatabase
import MartletTestSupport
import Testing

@Suite("Migrations")
struct MigrationTests {
    private let folder = TemporaryFolder()
    private let now = Timestamp(year: 2026, month: 5, day: 1)

    private static let migrations = [
        Migration(number: 1, name: "first", up: "CREATE TABLE a (x BIGINT);", down: "DROP TABLE a;"),
        Migration(
            number: 2, name: "second", up: "CREATE TABLE b (x BIGINT); INSERT INTO b VALUES (1);", down: "DROP TABLE b;"
        ),
        Migration(
            number: 3, name: "third", up: "ALTER TABLE a ADD COLUMN y TEXT;", down: "ALTER TABLE a DROP COLUMN y;"),
    ]

    private func database() throws -> SQLiteDatabase { try SQLiteDatabase(path: "\(folder.path)/m.db") }

    private func migrator(
        _ database: SQLiteDatabase, _ migrations: [Migration] = migrations, component: String = "test"
    ) -> Migrator {
        Migrator(database: database, component: component, migrations: migrations)
    }

    private func tables(_ database: SQLiteDatabase) throws -> Set<String> {
        try database.read { try $0.tableNames() }
    }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MartletError)?.code
        }
    }

    @Test("they go up in order, once, and down again")
    func upAndDown() throws {
        let database = try database()
        let migrator = migrator(database)
        #expect(try migrator.current() == 0)
        #expect(try migrator.plan().steps.map(\.description) == ["up 1 first", "up 2 second", "up 3 third"])
        #expect(try migrator.apply(to: 2, now: now).steps.map(\.description) == ["up 1 first", "up 2 second"])
        #expect(try migrator.apply(now: now).steps.map(\.description) == ["up 3 third"])
        #expect(try migrator.apply(now: now).isEmpty)
        #expect(try migrator.current() == 3)
        #expect(try tables(database) == ["a", "b", "schema_migrations"])
        let down = try migrator.rollback(to: 1, now: now)
        #expect(down.steps.map(\.description) == ["down 3 third", "down 2 second"])
        #expect(down.steps.map(\.sql) == ["ALTER TABLE a DROP COLUMN y;", "DROP TABLE b;"])
        #expect(try tables(database) == ["a", "schema_migrations"])
        #expect(try migrator.apply(now: now).steps.count == 2)
        #expect(try migrator.rollback(to: 0, now: now).steps.count == 3)
        #expect(try tables(database) == ["schema_migrations"])
        #expect(code { try migrator.rollback(to: 1, now: now) } == .usage)
        #expect(code { _ = try migrator.plan(to: 4) } == .usage)
    }

    @Test("a dry run does what it says it would, and undoes it")
    func dryRun() throws {
        let database = try database()
        let migrator = migrator(database)
        let plan = try migrator.apply(now: now, isDryRun: true)
        #expect(plan.steps.count == 3 && plan.from == 0 && plan.to == 3)
        #expect(try tables(database) == [])
        #expect(try migrator.current() == 0)
        try migrator.apply(now: now)
        #expect(try migrator.rollback(to: 0, now: now, isDryRun: true).steps.count == 3)
        #expect(try migrator.current() == 3)
    }

    @Test("a script that fails is found by the dry run, and leaves nothing of those before it")
    func failure() throws {
        let database = try database()
        let broken =
            Self.migrations.dropLast() + [Migration(number: 3, name: "broken", up: "CREATE TABLE a (x);", down: "")]
        let migrator = migrator(database, Array(broken))
        for isDryRun in [true, false] {
            do {
                try migrator.apply(now: now, isDryRun: isDryRun)
                Issue.record("a broken script went through")
            } catch let error as MartletError {
                #expect(error.message == "the migration of test, up 3 broken, failed")
            }
            #expect(try tables(database) == [])
        }
    }

    @Test("a database of a newer program, or of other scripts, is refused")
    func newer() throws {
        let database = try database()
        try migrator(database).apply(now: now)
        let older = migrator(database, Array(Self.migrations.dropLast()))
        #expect(code { _ = try older.plan() } == .conflict)
        #expect(code { try older.apply(now: now) } == .conflict)
        let changed = Migration(number: 2, name: "second", up: "CREATE TABLE b (z BIGINT);", down: "DROP TABLE b;")
        #expect(
            code { _ = try migrator(database, [Self.migrations[0], changed, Self.migrations[2]]).plan() } == .conflict)
    }

    @Test("components share a database, each with its own numbers")
    func components() throws {
        let database = try database()
        try migrator(database).apply(now: now)
        let other = migrator(
            database, [Migration(number: 1, name: "c", up: "CREATE TABLE c (x BIGINT)", down: "DROP TABLE c")],
            component: "other")
        #expect(try other.apply(now: now).steps.count == 1)
        #expect(try other.current() == 1 && migrator(database).current() == 3)
    }
}
