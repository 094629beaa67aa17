import MartletConnectors
import MartletCore
import Testing

@Suite("From replication messages to changes")
struct ReplicationMachineTests {
    static let table = RawTable(
        schema: "public", name: "rows",
        columns: [
            .init(name: "id", type: 25, isKey: true), .init(name: "note", type: 25, isKey: false),
        ], version: 1)

    static func start(_ end: UInt64 = 100, partial: (UInt64, Int)? = nil) -> CapturePosition {
        CapturePosition(
            system: "7", phase: .streaming, end: LogSequenceNumber(end),
            partialCommit: partial.map { LogSequenceNumber($0.0) }, partialChanges: partial?.1 ?? 0)
    }

    /// A machine fed with bytes, and what it made of them.
    struct Run {
        var machine: ReplicationMachine
        var decoder = ReplicationDecoder()
        var messages: [RawMessage] = []

        init(_ position: CapturePosition) {
            machine = ReplicationMachine(table: ReplicationMachineTests.table, slot: "s", position: position)
        }

        mutating func feed(_ wires: WireBytes...) throws {
            for wire in wires {
                switch try machine.receive(try decoder.decode(wire)) {
                case .nothing: break
                case .change(let one): messages.append(one)
                case .changes(let one, let two): messages += [one, two]
                }
            }
        }

        /// Each message as `op after | before`.
        var lines: [String] {
            messages.map { message in
                guard case .row(let after, let before) = message.payload else { return "?" }
                return "\(message.operation) \(text(after)) | \(text(before))"
            }
        }

        private func text(_ row: RawRow?) -> String {
            guard let row else { return "-" }
            return (0..<row.count).map { index in
                switch row[index] {
                case .null: "null"
                case .unchanged: "same"
                case .text(let bytes): String(decoding: bytes, as: UTF8.self)
                }
            }.joined(separator: ",")
        }
    }

    static let columns = [("id", true), ("note", false)]
    static func insert(_ cells: String?...) -> WireBytes {
        WireBytes("I").integer(UInt32(7)).mark("N").tuple(cells)
    }

    @Test("the position moves with each change and to the end of a commit")
    func positions() throws {
        var run = Run(Self.start())
        try run.feed(.relation(Self.columns), .begin(200), Self.insert("1", "a"), Self.insert("2", nil))
        #expect(run.machine.position == Self.start(100, partial: (200, 2)))
        #expect(run.machine.isInTransaction)
        #expect(run.machine.confirmable.value == 100)
        try run.feed(.commit(200, end: 210))
        #expect(run.machine.position == Self.start(210))
        #expect(run.machine.confirmable.value == 210)
        #expect(run.lines == ["insert 1,a | -", "insert 2,null | -"])
        #expect(run.messages.map { String(decoding: $0.id, as: UTF8.self) } == ["7/s/0/C8/1", "7/s/0/C8/2"])
        #expect(run.messages[0].sentAt == Timestamp(microseconds: 946_684_800_000_000 + 1_000_000))
    }

    @Test("a transaction that is stored is left out, one stored in part goes on behind the part")
    func repeats() throws {
        var run = Run(Self.start(210, partial: (300, 1)))
        try run.feed(
            .relation(Self.columns), .begin(200), Self.insert("1", "a"), .commit(200, end: 210), .begin(300),
            Self.insert("2", "b"), Self.insert("3", "c"), .commit(300, end: 310))
        #expect(run.lines == ["insert 3,c | -"])
        #expect(run.machine.position == Self.start(310))
        #expect(run.machine.repeated == 1)
    }

    @Test("changes of other tables are none, but their commits move the position")
    func otherTables() throws {
        var run = Run(Self.start())
        try run.feed(
            .relation(Self.columns, name: "others"), .begin(200), Self.insert("1", "a"), .commit(200, end: 210))
        #expect(run.lines.isEmpty)
        #expect(run.machine.position == Self.start(210))
    }

    static let oldRows: [(identity: Character, wire: WireBytes, wanted: [String])] = [
        (
            "d", WireBytes("U").integer(UInt32(7)).mark("N").tuple(["1", "<unchanged>"]),
            ["update 1,same | -"]
        ),
        (
            "d", WireBytes("U").integer(UInt32(7)).mark("K").tuple(["1", nil]).mark("N").tuple(["2", "<unchanged>"]),
            ["delete - | 1,same", "insert 2,same | 1,same"]
        ),
        (
            "f",
            WireBytes("U").integer(UInt32(7)).mark("O").tuple(["1", "long"]).mark("N").tuple(["1", "<unchanged>"]),
            ["update 1,long | 1,long"]
        ),
        (
            "f",
            WireBytes("U").integer(UInt32(7)).mark("O").tuple(["1", "long"]).mark("N").tuple(["2", "<unchanged>"]),
            ["delete - | 1,long", "insert 2,long | 1,long"]
        ),
        ("d", WireBytes("D").integer(UInt32(7)).mark("K").tuple(["1", nil]), ["delete - | 1,same"]),
        ("f", WireBytes("D").integer(UInt32(7)).mark("O").tuple(["1", nil]), ["delete - | 1,null"]),
        ("d", WireBytes("T").integer(UInt32(2)).byte(0).integer(UInt32(8)).integer(UInt32(7)), ["truncate - | -"]),
    ]

    @Test("updates, deletes and truncates, with the old row whole, its key, or nothing", arguments: oldRows.indices)
    func updates(_ index: Int) throws {
        let (identity, wire, wanted) = Self.oldRows[index]
        // With the whole row as identity every column is marked as key.
        let columns = Self.columns.map { ($0.0, identity == "f" || $0.1) }
        var run = Run(Self.start())
        try run.feed(.relation(columns, identity: identity), .begin(200), wire)
        #expect(run.lines == wanted)
    }

    @Test("another description of the table counts its version up, the same one does not")
    func versions() throws {
        var run = Run(Self.start())
        try run.feed(.relation(Self.columns), .begin(200), Self.insert("1", "a"))
        try run.feed(.relation(Self.columns), Self.insert("2", "a"))
        try run.feed(.relation(Self.columns + [("more", false)]), Self.insert("3", "a", "b"))
        let versions = run.messages.map { message in
            if case .row(let after?, _) = message.payload { after.table.version } else { 0 }
        }
        #expect(versions == [1, 1, 2])
        #expect(throws: MartletError.self, "a row of the old shape") { try run.feed(Self.insert("4", "a")) }
    }

    @Test("what an idle server has sent is confirmed, but not within a transaction")
    func idle() throws {
        var run = Run(Self.start())
        run.machine.keepalive(end: LogSequenceNumber(500))
        #expect(run.machine.confirmable.value == 500)
        #expect(run.machine.position == Self.start())
        try run.feed(.relation(Self.columns), .begin(600))
        run.machine.keepalive(end: LogSequenceNumber(700))
        #expect(run.machine.confirmable.value == 100)
    }

    @Test("messages out of order are refused")
    func order() {
        #expect(throws: MartletError.self) {
            var run = Run(Self.start())
            try run.feed(.relation(Self.columns), Self.insert("1", "a"))
        }
        #expect(throws: MartletError.self) {
            var run = Run(Self.start())
            try run.feed(.begin(200), .begin(300))
        }
        #expect(throws: MartletError.self) {
            var run = Run(Self.start())
            try run.feed(.commit(200, end: 210))
        }
    }

    @Test("a position is read as it was written; other bytes are refused")
    func storedPositions() throws {
        for position in [Self.start(), Self.start(0x16_B374_D848, partial: (0xFF_0000_0001, 12))] {
            #expect(try CapturePosition(bytes: position.bytes) == position)
        }
        for text in [
            "", "1 7 streaming", "2 7 streaming 0/1", "1 7 else 0/1", "1 7 streaming x", "1 7 streaming 0/1 0/2",
        ] {
            #expect(throws: MartletError.self, "\(text)") { try CapturePosition(bytes: Array(text.utf8)) }
        }
    }
}
