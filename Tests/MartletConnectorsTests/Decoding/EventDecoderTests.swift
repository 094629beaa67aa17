import MartletConnectors
import MartletCore
import MartletDefinitions
import MartletLog
import Testing

private let now = Timestamp(year: 2026, month: 4, day: 1)

private func source(_ columns: [SourceColumn] = [], id: [String] = ["id"]) -> SourceDefinition {
    SourceDefinition(
        about: About(name: "clicks"),
        columns: [
            SourceColumn(name: "id", type: .int64, isNullable: false),
            SourceColumn(name: "user", type: .string, isNullable: false),
            SourceColumn(name: "amount", type: .float64), SourceColumn(name: "at", type: .timestamp, isNullable: false),
            SourceColumn(name: "seen", type: .timestamp),
        ] + columns, eventTime: "at", arrivalTime: "seen", id: id)
}

private func decode(_ lines: String, _ definition: SourceDefinition = source()) -> DecodedEvents {
    let decoder = EventDecoder(definition, futureSkew: .hours(1))
    return Array(lines.utf8).withUnsafeBytes { decoder.decode(lines: $0, isPadded: false, now: now) }
}

@Suite("Decoding of JSON events")
struct EventDecoderTests {
    @Test("reads every line as the declared types, whatever order and form its members have")
    func lines() {
        let events = decode(
            """
            {"id": 1, "user": "ann", "amount": 1.5, "at": "2026-03-01T00:00:00Z", "seen": null, "extra": [1]}
            {"at": "2026-03-01T02:00:00+02:00", "user": 7, "id": " +2 ", "amount": "2.5e1"}

            {"id": 3, "user": "it's \\"ü\\"", "at": "2026-03-01", "seen": "2026-03-01T00:00:09.000001Z"}
            """)
        #expect(events.misfits.isEmpty)
        #expect(events.columns[0] == Column(.int64([1, 2, 3])))
        #expect(events.columns[1] == Column(.string(ByteStrings(["ann", "7", "it's \"ü\""]))))
        #expect((0..<3).map { events.columns[2][$0] } == [.float64(1.5), .float64(25), .null])
        let midnight = Timestamp(year: 2026, month: 3, day: 1).microseconds
        #expect(events.eventTimes == [midnight, midnight, midnight])
        #expect(events.arrivalTimes == [now.microseconds, now.microseconds, midnight + 9_000_001])
        #expect(events.messages == [0, 1, 2])
    }

    @Test(
        "tells why a message is no event, and keeps it as it came",
        arguments: [
            (#"{"id": "x", "user": "a", "at": "2026-03-01"}"#, "id: not a int64"),
            (#"{"id": 1.0, "user": "a", "at": "2026-03-01"}"#, "id: not a int64"),
            (#"{"id": 18446744073709551615, "user": "a", "at": "2026-03-01"}"#, "id: not a int64"),
            (#"{"id": 1, "at": "2026-03-01"}"#, "user: missing"),
            (#"{"id": 1, "user": "a", "amount": {"x": 1}, "at": "2026-03-01"}"#, "amount: not a float64"),
            (#"{"id": 1, "user": "a", "amount": "0x10", "at": "2026-03-01"}"#, "amount: not a float64"),
            (#"{"id": 1, "user": "a", "at": "2026-03-01T00:00:00"}"#, "at: not a timestamp; at: no event time"),
            (#"{"id": 1, "user": "a"}"#, "at: missing; at: no event time"),
            (#"{"id": 1, "user": "a", "at": "2026-05-01"}"#, "at: in the future"),
            (#"{"id": 1, "id": 2, "user": "a", "at": "2026-03-01"}"#, "id: given twice"),
            ("[1]", "not a JSON object"), ("{\"id\": 1", "not valid JSON"), ("\u{7F}", "not valid JSON"),
        ])
    func misfits(line: String, reason: String) {
        let events = decode("{\"id\": 9, \"user\": \"z\", \"at\": \"2026-03-01\"}\n" + line)
        #expect(events.columns[0] == Column(.int64([9])))
        #expect(events.misfits.count == 1)
        #expect(events.misfits.first?.message == 1)
        #expect(events.misfits.first?.reason.hasPrefix(reason) == true, "\(events.misfits)")
        #expect(events.misfits.first?.original == Array(line.utf8))
    }

    @Test("takes arrays and single values, and gives back of an array the element that does not fit")
    func arrays() throws {
        let decoder = EventDecoder(source(), futureSkew: .hours(1))
        let text = #"[{"id": 1, "user": "a", "at": "2026-03-01"}, {"id":"é\n","user":[true,null,1.5]}]"#
        let events = try Array(text.utf8).withUnsafeBytes { try decoder.decode(json: $0, isPadded: false, now: now) }
        #expect(events.count == 1)
        #expect(events.misfits.first?.original == Array(#"{"id":"é\n","user":[true,null,1.5]}"#.utf8))
        let one = try Array(#"{"id": 1, "user": "a", "at": "2026-03-01"}"#.utf8).withUnsafeBytes {
            try decoder.decode(json: $0, isPadded: false, now: now)
        }
        #expect(one.count == 1)
        #expect(throws: MartletError.self) {
            try Array("[1".utf8).withUnsafeBytes { try decoder.decode(json: $0, isPadded: false, now: now) }
        }
    }

    @Test("renames, fills in constants, reads one member into two columns, and takes naive times where they are in UTC")
    func columns() {
        let definition = source([
            SourceColumn(name: "kind", type: .string, constant: .string("web")),
            SourceColumn(name: "label", type: .string, from: "user"),
            SourceColumn(name: "local", type: .timestamp, zone: "UTC"), SourceColumn(name: "raw", type: .bytes),
            SourceColumn(name: "small", type: .int32), SourceColumn(name: "flag", type: .bool),
            SourceColumn(name: "narrow", type: .float32),
        ])
        let events = decode(
            #"{"id": 1, "user": "a", "at": "2026-03-01", "local": "2026-03-01 12:00:00", "raw": "a\\x00\\xFf", "#
                + #""small": -5, "flag": "No", "narrow": 0.1}"#, definition)
        #expect(events.misfits.isEmpty)
        let row = events.columns.suffix(7).map { $0[0] }
        let noon = Timestamp(year: 2026, month: 3, day: 1, hour: 12)
        #expect(
            row == [
                .string("web"), .string("a"), .timestamp(noon), .bytes([97, 0, 255]), .int32(-5), .bool(false),
                .float32(0.1),
            ])
    }

    @Test("a delete needs its id alone, an update all that an insert needs, and both a source with an id")
    func operations() {
        let lines = """
            {"_op": "delete", "id": 1}
            {"_op": "update", "id": 1, "user": "a", "at": "2026-03-01"}
            {"_op": "update", "id": 1, "at": "2026-03-01"}
            {"_op": "delete", "user": "a"}
            {"_op": "upsert", "id": 1, "user": "a", "at": "2026-03-01"}
            """
        let events = decode(lines)
        #expect(events.operations == [.delete, .update])
        #expect(events.eventTimes.first == now.microseconds)
        #expect(events.columns[1][0] == .null)
        #expect(
            events.misfits.map(\.reason) == [
                "user: missing", "id: missing", "_op: not insert, or update or delete in a source with an id",
            ])
        #expect(decode(lines, source(id: [])).misfits.count == 5)
    }

    @Test("reads a source with zones or patterns of its own as text")
    func texts() {
        let definition = source([
            SourceColumn(name: "local", type: .timestamp, format: "%d.%m.%Y", zone: "Europe/Berlin")
        ])
        let decoder = EventDecoder(definition, futureSkew: .hours(1))
        #expect(decoder.readsTexts)
        let events = decode(#"{"id": 1, "local": "01.03.2026"}"#, definition)
        #expect(events.misfits.isEmpty)
        #expect(events.columns.map { $0[0] } == [.string("1"), .null, .null, .null, .null, .string("01.03.2026")])
    }

    @Test("equal ids have equal bytes, and only these; an id with a null is none")
    func identities() {
        let definition = source([SourceColumn(name: "part", type: .string)], id: ["user", "part"])
        let columns = [
            Column(.int64([1, 2, 3, 4])), Column(.string(ByteStrings(["ab", "a", "ab", "ab"]))),
            Column.nulls(.float64, count: 4), Column.nulls(.timestamp, count: 4), Column.nulls(.timestamp, count: 4),
            Column(.string(ByteStrings(["c", "bc", "c", ""])), validity: Bitmap([true, true, true, false])),
        ]
        let ids = definition.eventIDs(columns, operations: Array(repeating: .insert, count: 4))
        #expect(ids.slice(0) == ids.slice(2))
        #expect(ids.slice(0) != ids.slice(1))
        #expect(ids.slice(3).isEmpty)
        #expect(source(id: []).eventIDs(columns, operations: Array(repeating: .insert, count: 4)).bytes.isEmpty)
        let others: [EventOperation] = [.update, .insert, .delete, .insert]
        #expect(definition.eventIDs(columns, operations: others).slice(1) == ids.slice(1))
        #expect(definition.eventIDs(columns, operations: others).slice(0).isEmpty)
    }
}

@Suite("Decoding of lists and maps")
struct NestedDecodingTests {
    private func decoded(_ type: DataType, _ json: String) -> (value: Value?, reason: String?) {
        let events = decode(
            #"{"id": 1, "user": "a", "at": "2026-03-01", "x": \#(json)}"#,
            source([SourceColumn(name: "x", type: type)]))
        return (events.misfits.isEmpty ? events.columns[5][0] : nil, events.misfits.first?.reason)
    }

    @Test(
        "reads each element as a value of its type alone",
        arguments: [
            (DataType.list(.int64), #"[1, " +2 ", -3]"#, Value.list([.int64(1), .int64(2), .int64(-3)])),
            (.list(.int32), "[]", .list([])),
            (.list(.float32), #"[1, "2.5e1", "-inf"]"#, .list([.float32(1), .float32(25), .float32(-.infinity)])),
            (.list(.float64), "[0.1]", .list([.float64(0.1)])),
            (.list(.bool), #"[true, 0, "yes"]"#, .list([.bool(true), .bool(false), .bool(true)])),
            (.list(.string), #"["ü", 7, [1], ""]"#, .list([.string("ü"), .string("7"), .string("[1]"), .string("")])),
            (.list(.bytes), #"["a\\x00", ""]"#, .list([.bytes([97, 0]), .bytes([])])),
            (
                .list(.timestamp), #"["1970-01-01T00:00:01Z"]"#,
                .list([.timestamp(Timestamp(microseconds: 1_000_000))])
            ),
            (.map(.int64), #"{"b": 1, "a": "2"}"#, .map(["a": .int64(2), "b": .int64(1)])),
            (.map(.string), #"{"b": "x", "": 1}"#, .map(["": .string("1"), "b": .string("x")])),
            (.map(.float64), "{}", .map([:])),
            // As files have them: JSON in a text.
            (.list(.int64), #""[1, 2]""#, .list([.int64(1), .int64(2)])),
            (.map(.int64), #""{\"a\": 1}""#, .map(["a": .int64(1)])),
            (.list(.int64), "null", .null),
        ])
    func reads(type: DataType, json: String, expected: Value) {
        #expect(decoded(type, json).value == expected)
    }

    @Test(
        "makes one element that does not fit, or is null, a misfit of the whole",
        arguments: [
            (DataType.list(.int64), "[1, null]"), (.list(.int64), "[1.5]"), (.list(.int32), "[2147483648]"),
            (.list(.float32), "[1e39]"), (.list(.int64), "1"), (.list(.int64), #"{"a": 1}"#), (.list(.int64), #""[1""#),
            (.list(.int64), #""\"[1]\"""#), (.map(.int64), "[1]"), (.map(.int64), #"{"a": 1, "a": 2}"#),
            (.map(.int64), #"{"a": null}"#), (.list(.timestamp), #"["2026-03-01T00:00:00"]"#),
        ])
    func misfits(type: DataType, json: String) {
        #expect(decoded(type, json).reason == "x: not a \(type)")
    }

    @Test("keeps rows apart, with and without values")
    func rows() {
        let events = decode(
            """
            {"id": 1, "user": "a", "at": "2026-03-01", "x": ["a", "bc"]}
            {"id": 2, "user": "a", "at": "2026-03-01"}
            {"id": 3, "user": "a", "at": "2026-03-01", "x": ["d"]}
            {"id": 4, "user": "a", "at": "2026-03-01", "x": []}
            """, source([SourceColumn(name: "x", type: .list(.string))]))
        #expect(events.misfits.isEmpty)
        #expect(
            (0..<4).map { events.columns[5][$0] } == [
                .list([.string("a"), .string("bc")]), .null, .list([.string("d")]), .list([]),
            ])
    }
}
