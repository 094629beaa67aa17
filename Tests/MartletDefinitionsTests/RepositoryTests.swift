import Glibc
import MartletCore
import MartletDefinitions
import MartletTestSupport
import Testing

@Suite("A feature repository")
struct RepositoryTests {
    private let folder = TemporaryFolder()

    private func faults() -> [MartletError] {
        do {
            _ = try FeatureRepository.load(directory: folder.path)
            return []
        } catch {
            return error.faults
        }
    }

    /// The faults as text, with paths from the folder.
    private func lines() -> [String] {
        faults().map { fault in
            let place = (fault.place?.description ?? "").replacingFirst(folder.path + "/", by: "") ?? "?"
            return "\(place): \(fault.message)"
        }
    }

    private func writeExample() {
        folder.write("workspace: demo\n", to: "martlet.yaml")
        folder.write(Examples.payments, to: "definitions/payments.yaml")
        folder.write(Examples.flows, to: "sql/flows.sql")
    }

    @Test("every YAML file below is read, hidden ones are not, and queries come from the files beside")
    func load() throws {
        writeExample()
        folder.write("entity: extra\nkey: extra_id\ntype: string\n", to: "deep/er/extra.yml")
        folder.write("not: a definition\n", to: ".hidden/x.yaml")
        folder.write("not: a definition\n", to: ".x.yaml")
        folder.write("not yaml: : :\n", to: "notes.txt")
        let repository = try FeatureRepository.load(directory: folder.path)
        #expect(repository.definitions.count == 11)
        #expect(repository.settings.workspace.description == "default/demo")
        let extra = try #require(repository.definition(.entity, "extra"))
        #expect(extra.about.place.description == "\(folder.path)/deep/er/extra.yml:1:1")
        guard case .features(let view) = try #require(repository.definition(.features, "branch_flows")) else { return }
        #expect(view.sql?.text == Examples.flows)
        #expect(repository.definition(.service, "none") == nil)
    }

    @Test("faults of settings, files and references come together")
    func together() {
        writeExample()
        folder.write("workspce: demo\n", to: "martlet.yaml")
        folder.write("entity: customer\nkey: id\ntype: int64\n", to: "z.yaml")
        folder.write("service: s\nfeatures: [unknown_view]\n", to: "a.yaml")
        #expect(
            lines() == [
                "martlet.yaml:1:1: martlet.yaml has no `workspace`",
                "martlet.yaml:1:1: unknown key `workspce` in martlet.yaml",
                "a.yaml:2:12: there is no feature view named `unknown_view`",
                "z.yaml:1:9: entity customer is defined twice, first at \(folder.path)/definitions/payments.yaml:1:1",
            ])
    }

    @Test("a folder without martlet.yaml, and no folder at all, is one fault")
    func nothing() {
        #expect(lines() == ["martlet.yaml: there is no martlet.yaml here"])
        #expect(faults().first?.fix == "run `martlet init`, or name the folder of a feature repository")
        do {
            _ = try FeatureRepository.load(directory: folder.path + "/none")
            Issue.record("a folder that is not there was loaded")
        } catch {
            #expect(error.faults.map(\.code) == [.notFound])
        }
    }

    @Test("an empty repository is one without definitions")
    func empty() throws {
        folder.write("workspace: demo\n", to: "martlet.yaml")
        folder.write("# nothing yet\n", to: "a.yaml")
        folder.write("", to: "b.yaml")
        #expect(try FeatureRepository.load(directory: folder.path).definitions.isEmpty)
    }

    @Test(
        "a query file must lie within the repository and be one query",
        arguments: [
            ("../flows.sql", nil, "the SQL file `../flows.sql` is not within the repository"),
            ("/etc/passwd", nil, "the SQL file `/etc/passwd` is not within the repository"),
            ("sql/floes.sql", nil, "there is no SQL file `sql/floes.sql`"),
            ("sql", nil, "not a file"),
            ("sql/b.sql", "DELETE FROM payments", "the file sql/b.sql is not a query"),
            ("sql/b.sql", "SELECT 1; SELECT 2", "the file sql/b.sql holds more than one statement"),
            ("sql/b.sql", "SELECT 'a FROM b", "the query in sql/b.sql is broken: a quote is not closed"),
            ("sql/b.sql", "SELECT (1", "the query in sql/b.sql is broken: a bracket is not closed"),
            ("sql/b.sql", "", "the file sql/b.sql is not a query"),
            ("sql/b.sql", "-- a ' and a ;\nWITH x AS (SELECT ';' /* ( */) SELECT * FROM x;\n", nil),
        ] as [(String, String?, String?)])
    func query(path: String, text: String?, message: String?) throws {
        writeExample()
        if let text { folder.write(text, to: path) }
        let changed = try #require(Examples.payments.replacingFirst("sql/flows.sql", by: path))
        folder.write(changed, to: "definitions/payments.yaml")
        #expect(faults().map(\.message) == (message.map { [$0] } ?? []))
        if path == "sql/floes.sql" { #expect(faults().first?.fix == "did you mean `sql/flows.sql`?") }
    }

    @Test("a second martlet.yaml below is refused")
    func nested() {
        writeExample()
        folder.write("workspace: other\n", to: "definitions/martlet.yaml")
        #expect(lines() == ["definitions/martlet.yaml: a repository has one martlet.yaml, at its root"])
    }

    @Test("limits on files and folders are kept")
    func limits() {
        writeExample()
        folder.write("entity: e\nkey: k\ntype: int64\n", to: "a/b/c.yaml")
        func code(_ change: (inout RepositoryLimits) -> Void) -> MartletError.Code? {
            var limits = RepositoryLimits()
            change(&limits)
            do {
                _ = try FeatureRepository.load(directory: folder.path, limits: limits)
                return nil
            } catch {
                return error.faults.first?.code
            }
        }
        #expect(code { $0.maximumFiles = 3 } == nil)
        #expect(code { $0.maximumFiles = 2 } == .limitExceeded)
        #expect(code { $0.maximumFolderDepth = 1 } == .limitExceeded)
        #expect(code { $0.maximumDefinitions = 10 } == .limitExceeded)
        #expect(code { $0.yaml.maximumSizeBytes = 100 } == .limitExceeded)
        #expect(code { $0.maximumSQLSizeBytes = 10 } == .limitExceeded)
    }

    @Test("a file that cannot be read is a fault with its path")
    func unreadable() {
        writeExample()
        symlink("/nowhere/at/all", "\(folder.path)/broken.yaml")
        #expect(lines() == ["broken.yaml: cannot read: No such file or directory"])
    }

    @Test("a link to a folder is not followed, so that a circle ends")
    func circle() {
        writeExample()
        symlink(folder.path, "\(folder.path)/circle")
        #expect(faults().isEmpty)
    }
}
