import MartletCore
import Testing

@testable import MartletTables

@Suite("Replaying a log")
struct LogReplayTests {
    private let metadata = TableMetadata(
        id: "id", name: nil, description: nil, schemaString: SchemaText.write(Schema([Field("a", .int64)])),
        partitionColumns: [], configuration: [:], createdTime: nil)

    private func file(_ path: String) -> DeltaAction {
        .add(DataFile(path: path, partitionValues: [:], sizeBytes: 1, modificationTime: 0))
    }
    private func removal(_ path: String) -> DeltaAction { .remove(RemovedFile(path: path, isDataChange: true)) }

    private func replay(_ commits: [[DeltaAction]]) throws -> Snapshot {
        var state = LogState.Partial()
        for commit in commits { state.apply(commit) }
        return try Snapshot(version: Int64(commits.count - 1), state: state, location: "t")
    }

    @Test("keeps files that were added and not removed, in the order of adding")
    func files() throws {
        let snapshot = try replay([
            [.protocol(.ours), .metadata(metadata), file("a"), file("b")],
            [removal("a"), file("c")],
            [file("a"), removal("c"), removal("none")],
        ])
        #expect(snapshot.files.map(\.path) == ["b", "a"])
        #expect(snapshot.log.removedFiles.map(\.path) == ["c", "none"])
    }

    @Test("agrees with a plain set over random commits")
    func random() throws {
        let seed = UInt64.random(in: 0...9_999)
        var random = SeededRandom(seed: seed)
        var expected: [String] = []
        var commits: [[DeltaAction]] = [[.protocol(.ours), .metadata(metadata)]]
        for number in 0..<2_000 {
            var actions: [DeltaAction] = []
            if random.next() % 2 == 0 || expected.isEmpty {
                actions.append(file("f\(number)"))
                expected.append("f\(number)")
            } else {
                let victim = expected.remove(at: Int(random.next() % UInt64(expected.count)))
                actions.append(removal(victim))
            }
            if random.next() % 50 == 0 {
                actions += expected.map(removal)
                expected = []
            }
            commits.append(actions)
        }
        #expect(try replay(commits).files.map(\.path) == expected, "seed \(seed)")
    }

    @Test("lets the newest protocol, metadata and transaction win")
    func newest() throws {
        var wider = metadata
        wider.schemaString = SchemaText.write(Schema([Field("a", .int64), Field("b", .string)]))
        let snapshot = try replay([
            [.protocol(.ours), .metadata(metadata), .transaction(.init(appID: "x", version: 1))],
            [.transaction(.init(appID: "x", version: 7)), .transaction(.init(appID: "y", version: 2))],
            [.metadata(wider)],
        ])
        #expect(snapshot.schema.names == ["a", "b"])
        #expect(snapshot.transactionVersion(of: "x") == 7)
        #expect(snapshot.transactionVersion(of: "y") == 2)
        #expect(snapshot.transactionVersion(of: "z") == nil)
    }

    @Test("needs a protocol and a metadata action")
    func incomplete() throws {
        let noMetadata = error { _ = try replay([[.protocol(.ours)]]) }
        #expect(noMetadata?.code == .corruptData)
        #expect(noMetadata?.message.contains("metaData") == true)
        let noProtocol = error { _ = try replay([[.metadata(metadata)]]) }
        #expect(noProtocol?.code == .corruptData)
        #expect(noProtocol?.message.contains("protocol") == true)
    }

    @Test(
        "refuses features it lacks by their name",
        arguments: [
            (
                TableProtocol(minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ["deletionVectors"]),
                "deletionVectors"
            ),
            (TableProtocol(minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ["brandNew"]), "brandNew"),
            (TableProtocol(minReaderVersion: 4, minWriterVersion: 7), "reader version 4"),
        ])
    func features(tableProtocol: TableProtocol, name: String) {
        let refused = error { _ = try replay([[.protocol(tableProtocol), .metadata(metadata)]]) }
        #expect(refused?.code == .invalidInput)
        #expect(refused?.message.contains(name) == true)
    }

    @Test(
        "says which features of a table it cannot write",
        arguments: [
            (TableProtocol(minReaderVersion: 1, minWriterVersion: 3), "checkConstraints" as String?),
            (
                TableProtocol(minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["appendOnly", "rowTracking"]),
                "rowTracking"
            ),
            (TableProtocol(minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ["appendOnly"]), nil),
            (TableProtocol(minReaderVersion: 1, minWriterVersion: 2), nil),
            (TableProtocol(minReaderVersion: 1, minWriterVersion: 8), "writer version 8"),
        ])
    func writerFeatures(tableProtocol: TableProtocol, name: String?) throws {
        let snapshot = try replay([[.protocol(tableProtocol), .metadata(metadata)]])
        let refused = error { try snapshot.log.tableProtocol.checkWritable(snapshot.log.metadata, table: "t") }
        #expect((refused == nil) == (name == nil))
        if let name { #expect(refused?.message.contains(name) == true) }
    }

    @Test("refuses to write a table with an invariant")
    func invariant() {
        var guarded = metadata
        guarded.schemaString =
            #"{"type":"struct","fields":[{"name":"a","type":"long","nullable":true,"#
            + #""metadata":{"delta.invariants":"{}"}}]}"#
        let refused = error { try TableProtocol.ours.checkWritable(guarded, table: "t") }
        #expect(refused?.message.contains("column a") == true)
    }

    @Test("reads back every action it writes")
    func roundTrip() throws {
        var add = DataFile(
            path: "p=a%20b/x.parquet", partitionValues: ["p": "a b", "q": nil], sizeBytes: 12, modificationTime: 34,
            isDataChange: false, statistics: #"{"numRecords":1}"#)
        add.tags = #"{"k":"v"}"#
        let actions: [DeltaAction] = [
            .protocol(
                TableProtocol(
                    minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: ["appendOnly"])),
            .metadata(
                TableMetadata(
                    id: "i", name: "n", description: "d \"q\"", schemaString: metadata.schemaString,
                    partitionColumns: ["a"],
                    configuration: ["delta.appendOnly": "true"], createdTime: 5)),
            .add(add), .remove(RemovedFile(path: "x", deletionTimestamp: 3, isDataChange: true)),
            .remove(
                RemovedFile(
                    path: "y", deletionTimestamp: 3, isDataChange: true, partitionValues: ["p": nil], sizeBytes: 9)),
            .transaction(AppTransaction(appID: "app", version: 3, lastUpdated: 4)),
            .commitInfo(.object(["operation": .string("WRITE")])),
        ]
        #expect(try DeltaAction.readCommit(DeltaAction.writeCommit(actions), file: "f") == actions)
    }

    @Test("ignores actions and members it does not know")
    func unknown() throws {
        let actions = try DeltaAction.readCommit(
            Array(#"{"cdc":{"path":"x"}}"#.utf8) + [0x0A] + Array(#"{"domainMetadata":{"domain":"d"}}"#.utf8) + [0x0A]
                + Array(#"{"txn":{"appId":"a","version":1,"future":{}},"add":null}"#.utf8), file: "f")
        #expect(actions == [.unknown("cdc"), .unknown("domainMetadata"), .transaction(.init(appID: "a", version: 1))])
    }

    @Test(
        "names the line of a broken commit",
        arguments: [
            (#"{"txn":{"appId":"a","version":1}}"# + "\n{\"add\":", 2), ("nonsense", 1), ("{}", 1), ("[1]", 1),
            (#"{"add":{"path":"a"}}"#, 1), ("\n\n" + #"{"txn":{"appId":1}}"#, 3), ("", 1), ("\n \n", 1),
        ])
    func broken(text: String, line: Int) {
        let broken = error { _ = try DeltaAction.readCommit(Array(text.utf8), file: "the/file.json") }
        #expect(broken?.code == .corruptData)
        #expect(broken?.place == .init(file: "the/file.json", line: line))
    }

    @Test(
        "tells the files of a log apart",
        arguments: [
            ("00000000000000000012.json", LogFileName.commit(12)),
            ("00000000000000000012.checkpoint.parquet", .checkpoint(12, part: 1, parts: 1)),
            ("00000000000000000012.checkpoint.0000000002.0000000003.parquet", .checkpoint(12, part: 2, parts: 3)),
            ("00000000000000000012.crc", nil), ("12.json", nil), ("_last_checkpoint", nil),
            ("00000000000000000012.checkpoint.0000000004.0000000003.parquet", nil),
            ("00000000000000000012.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json", nil),
            ("-0000000000000000012.json", nil), ("00000000000000000001.00000000000000000002.compacted.json", nil),
        ] as [(String, LogFileName?)])
    func names(name: String, kind: LogFileName?) { #expect(LogFileName(name) == kind) }
}
