import MartletConnectors
import MartletCore
import Testing

/// Builds messages as the manual lays them out, beside the decoder that reads them.
struct WireBytes {
    var bytes: [UInt8] = []

    init(_ kind: Character) { bytes.append(kind.asciiValue ?? 0) }

    func byte(_ value: UInt8) -> WireBytes { adding([value]) }
    func mark(_ value: Character) -> WireBytes { adding([value.asciiValue ?? 0]) }
    func integer<T: FixedWidthInteger>(_ value: T) -> WireBytes {
        adding(withUnsafeBytes(of: value.bigEndian) { Array($0) })
    }
    func text(_ value: String) -> WireBytes { adding(Array(value.utf8) + [0]) }
    func tuple(_ cells: [String?]) -> WireBytes {
        var made = integer(UInt16(cells.count))
        for cell in cells {
            switch cell {
            case nil: made = made.mark("n")
            case "<unchanged>": made = made.mark("u")
            case let text?: made = made.mark("t").integer(UInt32(text.utf8.count)).adding(Array(text.utf8))
            }
        }
        return made
    }
    func adding(_ more: [UInt8]) -> WireBytes {
        var made = self
        made.bytes += more
        return made
    }

    static func relation(_ columns: [(String, Bool)], identity: Character = "d", name: String = "rows") -> WireBytes {
        var made = WireBytes("R").integer(UInt32(7)).text("public").text(name).mark(identity)
            .integer(UInt16(columns.count))
        for (name, isKey) in columns {
            made = made.byte(isKey ? 1 : 0).text(name).integer(UInt32(25)).integer(UInt32.max)
        }
        return made
    }
    static func begin(_ commit: UInt64) -> WireBytes {
        WireBytes("B").integer(commit).integer(Int64(1_000_000)).integer(UInt32(9))
    }
    static func commit(_ commit: UInt64, end: UInt64) -> WireBytes {
        WireBytes("C").byte(0).integer(commit).integer(end).integer(Int64(1_000_000))
    }
}

extension ReplicationDecoder {
    mutating func decode(_ wire: WireBytes) throws(MartletError) -> ReplicationMessage {
        try decode(bytes: wire.bytes)
    }

    mutating func decode(bytes: [UInt8]) throws(MartletError) -> ReplicationMessage {
        var result: Result<ReplicationMessage, MartletError>?
        bytes.withUnsafeBytes { raw in
            do throws(MartletError) { result = .success(try decode(raw)) } catch { result = .failure(error) }
        }
        return try result?.get() ?? .streamStop
    }
}

@Suite("Messages of pgoutput")
struct ReplicationDecoderTests {
    static let time = Timestamp(microseconds: 946_684_800_000_000 + 1_000_000)
    static let at = LogSequenceNumber(0x16_B374_D848)

    static let cases: [(WireBytes, ReplicationMessage)] = [
        (.begin(at.value), .begin(commit: at, time: time, transaction: 9)),
        (.commit(at.value, end: 5), .commit(commit: at, end: LogSequenceNumber(5), time: time)),
        (WireBytes("O").integer(at.value).text("other"), .origin(commit: at, name: "other")),
        (
            .relation([("id", true), ("note", false)]),
            .relation(
                .init(
                    identifier: 7, schema: "public", name: "rows", identity: UInt8(ascii: "d"),
                    columns: [
                        .init(isKey: true, name: "id", type: 25, modifier: -1),
                        .init(isKey: false, name: "note", type: 25, modifier: -1),
                    ]))
        ),
        (
            WireBytes("Y").integer(UInt32(99)).text("public").text("mood"),
            .type(identifier: 99, schema: "public", name: "mood")
        ),
        (
            WireBytes("I").integer(UInt32(7)).mark("N").tuple(["1", nil, "<unchanged>"]),
            .insert(
                relation: 7, new: .init(cells: [.text(0..<1), .null, .unchanged], bytes: [UInt8(ascii: "1")]))
        ),
        (
            WireBytes("U").integer(UInt32(7)).mark("K").tuple(["1"]).mark("N").tuple(["22"]),
            .update(
                relation: 7, old: .init(cells: [.text(0..<1)], bytes: Array("1".utf8)), oldIsWhole: false,
                new: .init(cells: [.text(0..<2)], bytes: Array("22".utf8)))
        ),
        (
            WireBytes("U").integer(UInt32(7)).mark("N").tuple([""]),
            .update(relation: 7, old: nil, oldIsWhole: false, new: .init(cells: [.text(0..<0)], bytes: []))
        ),
        (
            WireBytes("D").integer(UInt32(7)).mark("O").tuple(["1"]),
            .delete(relation: 7, old: .init(cells: [.text(0..<1)], bytes: Array("1".utf8)), oldIsWhole: true)
        ),
        (
            WireBytes("T").integer(UInt32(2)).byte(3).integer(UInt32(7)).integer(UInt32(8)),
            .truncate(relations: [7, 8], cascades: true, restartsIdentity: true)
        ),
        (
            WireBytes("M").byte(1).integer(at.value).text("martlet").integer(UInt32(2)).adding([1, 2]),
            .logical(isTransactional: true, at: at, prefix: "martlet", content: [1, 2])
        ),
        (WireBytes("S").integer(UInt32(9)).byte(1), .streamStart(transaction: 9, isFirst: true)),
        (
            WireBytes("c").integer(UInt32(9)).byte(0).integer(at.value).integer(UInt64(5)).integer(Int64(1_000_000)),
            .streamCommit(transaction: 9, commit: at, end: LogSequenceNumber(5), time: time)
        ),
        (
            WireBytes("A").integer(UInt32(9)).integer(UInt32(10)),
            .streamAbort(transaction: 9, subtransaction: 10)
        ),
    ]

    @Test("each kind is read whole, and refused when cut anywhere or followed by a byte", arguments: cases.indices)
    func kinds(_ index: Int) throws {
        let (wire, wanted) = Self.cases[index]
        var decoder = ReplicationDecoder()
        #expect(try decoder.decode(wire) == wanted)
        for count in 0..<wire.bytes.count {
            var decoder = ReplicationDecoder()
            #expect(throws: MartletError.self, "cut after \(count)") {
                try decoder.decode(bytes: Array(wire.bytes[..<count]))
            }
        }
        #expect(throws: MartletError.self) {
            var decoder = ReplicationDecoder()
            return try decoder.decode(bytes: wire.bytes + [0])
        }
    }

    @Test("within a streamed block changes start with their transaction, after it they do not")
    func streamedBlock() throws {
        var decoder = ReplicationDecoder()
        _ = try decoder.decode(WireBytes("S").integer(UInt32(9)).byte(1))
        let streamed = WireBytes("I").integer(UInt32(9)).integer(UInt32(7)).mark("N").tuple(["1"])
        let wanted = ReplicationMessage.insert(
            relation: 7, new: .init(cells: [.text(0..<1)], bytes: Array("1".utf8)))
        #expect(try decoder.decode(streamed) == wanted)
        #expect(try decoder.decode(WireBytes("E")) == .streamStop)
        #expect(try decoder.decode(WireBytes("I").integer(UInt32(7)).mark("N").tuple(["1"])) == wanted)
    }

    @Test("bytes changed at random are read or refused, never more than that", arguments: [UInt64(1), 20_261_128])
    func mutations(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = Self.cases[Int(random.next() % UInt64(Self.cases.count))].0.bytes
            for _ in 0...Int(random.next() % 3) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            var decoder = ReplicationDecoder()
            do { _ = try decoder.decode(bytes: bytes) } catch { refused += 1 }
        }
        #expect(refused > 1_000, "seed \(seed)")
    }
}
