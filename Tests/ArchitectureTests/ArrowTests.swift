import Testing

@Suite("The arrows between rooms")
struct ArrowTests {
    static let manifest = Manifest(text: Repository.contents("Package.swift") ?? "")

    @Test("a manifest is read target by target")
    func manifestReader() {
        let manifest = Manifest(
            text: """
                targets: [
                    .systemLibrary(name: "CA", pkgConfig: "a", providers: [.apt(["liba-dev"])]),
                    .target(name: "A", dependencies: ["CA", .target(name: "B")], path: "x"),
                    .executableTarget(
                        name: "b",
                        dependencies: [
                            "A"
                        ]),
                    .testTarget(name: "ATests"),
                ]
                """)
        #expect(
            manifest.targets == [
                .init(kind: "systemLibrary", name: "CA", dependencies: []),
                .init(kind: "target", name: "A", dependencies: ["CA", "B"]),
                .init(kind: "executableTarget", name: "b", dependencies: ["A"]),
                .init(kind: "testTarget", name: "ATests", dependencies: []),
            ])
    }

    @Test("the table points only upwards, stores do not know one another, pure rooms know only pure ones")
    func table() {
        let mayImport = { (name: String) in Room.byName[name]?.mayImport ?? [] }
        #expect(mayImport("MartletCore") == [])
        #expect(mayImport("MartletQuery") == ["CDuckDB", "MartletCore"])
        #expect(mayImport("MartletFeatures") == ["MartletCore", "MartletDefinitions"])
        #expect(mayImport("MartletTables").isSuperset(of: ["MartletObjects", "MartletQuery"]))
        #expect(!mayImport("MartletTables").contains("CDuckDB"))
        #expect(!mayImport("MartletTables").contains("MartletOnline"))
        #expect(!mayImport("MartletPlatform").contains("MartletServer"))
        #expect(Room.cModules.count == Room.all.flatMap(\.owns).count, "each C module has one owner")
    }

    @Test("Package.swift declares only arrows that the table allows")
    func manifestArrows() {
        var findings: [Finding] = []
        #expect(Self.manifest.targets.count > 20, "Package.swift was not understood")
        for target in Self.manifest.targets {
            switch target.kind {
            case "testTarget":
                continue  // a test may look at any room; its imports are checked below
            case _ where target.name.hasSuffix("TestSupport"):
                continue  // shared by tests only: no room may depend on it
            case "systemLibrary":
                if !Room.cModules.contains(target.name) {
                    findings.append(.init("Package.swift", "\(target.name) has no owner in the table"))
                }
            default:
                if Room.cModules.contains(target.name) { continue }
                guard let room = Room.byName[target.name] else {
                    findings.append(.init("Package.swift", "\(target.name) is not in the table of rooms"))
                    continue
                }
                for dependency in target.dependencies where !room.mayImport.contains(dependency) {
                    findings.append(.init("Package.swift", "\(target.name) may not depend on \(dependency)"))
                }
            }
        }
        expectNone(findings)
    }

    @Test("Package.swift lists the rooms in the order of the table")
    func manifestOrder() {
        let declared = Self.manifest.targets.map(\.name).filter { Room.byName[$0] != nil }
        #expect(declared == Room.all.map(\.name).filter { declared.contains($0) })
    }

    @Test("every import of a file is a declared dependency of its target")
    func imports() {
        let declared = Dictionary(uniqueKeysWithValues: Self.manifest.targets.map { ($0.name, Set($0.dependencies)) })
        var findings: [Finding] = []
        for file in Repository.swiftFiles {
            guard let target = file.target ?? (file.path.hasPrefix("bench/") ? "MartletBench" : nil) else { continue }
            for entry in file.imports {
                if Room.toolchainModules.contains(entry.module) { continue }
                if entry.module == "Testing" && file.path.hasPrefix("Tests/") { continue }
                guard let dependencies = declared[target] else {
                    findings.append(.init(file.path, "\(target) is not in Package.swift"))
                    break
                }
                if !dependencies.contains(entry.module) {
                    findings.append(
                        .init(
                            file.path, line: entry.line, "\(target) imports \(entry.module), which it does not declare")
                    )
                }
            }
        }
        expectNone(findings)
    }

    @Test("every declared dependency of a room is imported by it")
    func unusedDependencies() {
        var used: [String: Set<String>] = [:]
        for file in Repository.swiftFiles where file.path.hasPrefix("Sources/") {
            guard let target = file.target else { continue }
            used[target, default: []].formUnion(file.imports.map(\.module))
        }
        var findings: [Finding] = []
        for target in Self.manifest.targets where target.kind == "target" || target.kind == "executableTarget" {
            guard let imports = used[target.name] else { continue }
            for dependency in target.dependencies where !imports.contains(dependency) {
                findings.append(.init("Package.swift", "\(target.name) declares \(dependency) and never imports it"))
            }
        }
        expectNone(findings)
    }

    @Test("a C module is imported by its one owner, as internal, and reaches nobody else")
    func cModules() {
        var findings: [Finding] = []
        for file in Repository.swiftFiles {
            for entry in file.imports where Room.cModules.contains(entry.module) {
                // What starts brokers for tests uses the doubles and producers that the libraries bring.
                let isOwner =
                    file.target == "ServerTestSupport"
                    || Room.all.contains { $0.name == file.target && $0.owns.contains(entry.module) }
                if !isOwner {
                    findings.append(.init(file.path, line: entry.line, "\(entry.module) belongs to another room"))
                } else if entry.modifiers != "internal" {
                    findings.append(.init(file.path, line: entry.line, "write `internal import \(entry.module)`"))
                }
            }
        }
        expectNone(findings)
    }

    @Test("no room is empty")
    func emptyRooms() {
        let files = Dictionary(grouping: Repository.swiftFiles.filter { $0.path.hasPrefix("Sources/") }, by: \.target)
        var findings: [Finding] = []
        for (target, files) in files {
            let code = files.flatMap(\.code).filter { line in
                line.contains { !$0.isWhitespace } && !line.contains("import ")
            }
            if code.isEmpty { findings.append(.init("Sources/\(target ?? "")", "holds no code")) }
        }
        expectNone(findings.sorted { $0.path < $1.path })
    }
}
