import MartletCore
import MartletOnline
import Testing

@Suite("A stored row")
struct LatestRowTests {
    private let types: [DataType] =
        DataType.scalars + DataType.Element.allCases.map { .list($0) } + DataType.Element.allCases.map { .map($0) }

    private func randomColumn(_ type: DataType, _ count: Int, _ random: inout SeededRandom) -> Column {
        var builder = ColumnBuilder(type)
        for _ in 0..<count {
            if random.next() % 4 == 0 { builder.appendNull() } else { builder.append(randomValue(type, &random)) }
        }
        return builder.finish()
    }

    private func randomValue(_ type: DataType, _ random: inout SeededRandom) -> Value {
        let bits = random.next()
        return switch type {
        case .bool: .bool(bits & 1 == 1)
        case .int32: .int32(Int32(truncatingIfNeeded: bits))
        case .int64: .int64(Int64(bitPattern: bits))
        case .float32: .float32(Float(random.uniform()))
        case .float64: .float64(random.uniform() * 1e9)
        case .string: .string(["", "x", "é😀", String(repeating: "long", count: 40)][Int(bits % 4)])
        case .bytes: .bytes((0..<Int(bits % 9)).map { UInt8($0) })
        case .timestamp: .timestamp(Timestamp(microseconds: Int64(bits >> 12)))
        case .list(let element): .list((0..<Int(bits % 5)).map { _ in randomValue(element.type, &random) })
        case .map(let element):
            .map(
                Dictionary(
                    (0..<Int(bits % 5)).map { ("k\(31 &* $0)é", randomValue(element.type, &random)) }
                ) { $1 })
        }
    }

    @Test("holds every value of every type, in any number of features", arguments: [UInt64(1), 2])
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for featureCount in [1, 8, 63, 64, 65, 130] {
            let fields = (0..<featureCount).map { types[$0 % types.count] }
            let columns = fields.map { randomColumn($0, 20, &random) }
            let values = LatestValues(
                keys: [], features: columns, eventTimes: (0..<20).map { Int64($0) * 1_000 },
                createdTimes: (0..<20).map { Int64($0) }, positions: (0..<20).map { Int64(-$0) })
            let rows = (0..<20).map { Int32($0) }.shuffled(using: &random)
            let chunk = RecordChunk(values, rows: rows[...])
            #expect(chunk.count == 20)
            for (index, row) in rows.enumerated() {
                try chunk.withRecord(index) { record in
                    let header = try RecordHeader(reading: record, kind: .latest)
                    #expect(header.eventTime == Int64(row) * 1_000 && header.createdTime == Int64(row))
                    #expect(header.position == -Int64(row))
                    let stored = try LatestRow(record, featureCount: featureCount)
                    for (feature, type) in fields.enumerated() {
                        let expected = columns[feature][Int(row)]
                        #expect(stored.isPresent(feature) == !expected.isNull, "seed \(seed)")
                        if stored.isPresent(feature) {
                            #expect(try stored.value(feature, type) == expected, "seed \(seed)")
                        }
                    }
                }
            }
        }
    }

    @Test("with any one byte changed, or cut short, is refused")
    func damage() throws {
        let values = LatestValues(
            keys: [], features: [Column(.string(ByteStrings(["text"]))), Column(.int64([7]))], eventTimes: [5])
        let record = RecordChunk(values, rows: [0]).withRecord(0) { Array($0) }
        func isRefused(_ bytes: [UInt8]) -> Bool {
            bytes.withUnsafeBytes { bytes in
                code { _ = try LatestRow(bytes, featureCount: 2) } == .corruptData
            }
        }
        #expect(!isRefused(record))
        for index in record.indices {
            for bit in 0..<8 {
                var damaged = record
                damaged[index] ^= 1 << UInt8(bit)
                #expect(isRefused(damaged), "byte \(index), bit \(bit)")
            }
            #expect(isRefused(Array(record[..<index])), "cut at \(index)")
        }
    }

    @Test("whose list is none of the expected elements is refused, and never read beyond its end")
    func foreignElements() throws {
        let values = LatestValues(
            keys: [], features: [Column(.string(ByteStrings(["abcde"])))], eventTimes: [5])
        try RecordChunk(values, rows: [0]).withRecord(0) { record in
            let row = try LatestRow(record, featureCount: 1)
            for element in DataType.Element.allCases where element != .bool {
                #expect(code { _ = try row.list(0, of: element) } == .corruptData, "\(element)")
                #expect(code { _ = try row.map(0, to: element) } == .corruptData, "\(element)")
            }
        }
    }

    @Test("of another number of features is refused")
    func otherFeatures() {
        let values = LatestValues(keys: [], features: [Column(.int64([7]))], eventTimes: [5])
        RecordChunk(values, rows: [0]).withRecord(0) { record in
            #expect(code { _ = try LatestRow(record, featureCount: 2) } == .corruptData)
        }
    }
}
