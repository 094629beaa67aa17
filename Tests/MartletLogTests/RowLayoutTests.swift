import MartletCore
import MartletTestSupport
import Testing

@testable import MartletLog

@Suite("Rows as payloads")
struct RowLayoutTests {
    static func columns(_ types: [DataType], rows: Int, seed: UInt64) -> [Column] {
        var random = SeededRandom(seed: seed)
        return types.enumerated().map { index, type in
            var builder = ColumnBuilder(type)
            for _ in 0..<rows {
                if index % 2 == 1, random.next() % 4 == 0 {
                    builder.appendNull()
                } else {
                    builder.append(type.sample(&random, scalar))
                }
            }
            return builder.finish()
        }
    }

    static func scalar(_ element: DataType.Element, _ random: inout SeededRandom) -> Value {
        let bits = random.next()
        switch element.type {
        case .bool: return .bool(bits & 1 == 1)
        case .int32: return .int32(Int32(truncatingIfNeeded: bits))
        case .int64: return .int64(Int64(bitPattern: bits))
        case .float32: return .float32(Float(Int32(truncatingIfNeeded: bits)))
        case .float64: return .float64(Double(Int64(bitPattern: bits)) * 0.5)
        case .string: return .string(String(repeating: "é", count: Int(bits % 9)))
        case .bytes: return .bytes([UInt8](repeating: UInt8(truncatingIfNeeded: bits), count: Int(bits >> 8 % 7)))
        default: return .timestamp(Timestamp(microseconds: Int64(bitPattern: bits)))
        }
    }

    @Test("what is encoded comes back, every type, nulls and nested ones too", arguments: [0, 1, 255, 256, 1_000])
    func roundTrip(rows: Int) throws {
        let layout = RowLayout(types: DataType.samples + DataType.samples)
        let columns = Self.columns(layout.types, rows: rows, seed: UInt64(rows))
        let payloads = try layout.encode(columns)
        #expect(payloads.count == rows)
        let decoded = try layout.decode(payloads)
        for (index, column) in columns.enumerated() {
            let same = (0..<rows).allSatisfy { decoded[index][$0] == column[$0] }
            #expect(same, "column \(index), \(column.type)")
            #expect(decoded[index].type == column.type)
        }
    }

    @Test("a row builder writes the bytes that encoding columns writes")
    func builder() throws {
        let layout = RowLayout(types: DataType.samples)
        let columns = Self.columns(layout.types, rows: 50, seed: 7)
        var builder = RowBuilder(layout)
        var payloads = ByteStrings()
        for row in 0..<50 {
            for (index, column) in columns.enumerated() {
                let fits = builder.set(index, column[row])
                #expect(fits)
            }
            builder.append(to: &payloads)
        }
        #expect(try payloads == layout.encode(columns))
        let fits = builder.set(0, .string("no bool"))
        #expect(!fits)
    }

    @Test("some rows and some columns can be had alone")
    func parts() throws {
        let layout = RowLayout(types: [.int64, .string, .float64])
        let columns = Self.columns(layout.types, rows: 600, seed: 3)
        let decoded = try layout.decode(layout.encode(columns, rows: 100..<500), columns: [2, 1])
        #expect(decoded.map(\.count) == [400, 400])
        let same = (0..<400).allSatisfy {
            decoded[0][$0] == columns[2][100 + $0] && decoded[1][$0] == columns[1][100 + $0]
        }
        #expect(same)
    }

    @Test("more than 64 columns have more than one word of presence")
    func wide() throws {
        let layout = RowLayout(types: [DataType](repeating: .int32, count: 130))
        let columns = Self.columns(layout.types, rows: 20, seed: 9)
        let decoded = try layout.decode(layout.encode(columns))
        let same = (0..<130).allSatisfy { column in (0..<20).allSatisfy { decoded[column][$0] == columns[column][$0] } }
        #expect(same)
    }

    @Test("bytes that are no row are corrupt, never read beyond their end, whatever is changed in them")
    func corrupt() throws {
        let layout = RowLayout(types: DataType.samples)
        let row = try layout.encode(Self.columns(layout.types, rows: 1, seed: 5)).slice(0)
        for length in 0..<layout.fixedBytes {
            let error = try #require(throws: MartletError.self) {
                try layout.decode(ByteStrings(offsets: [0, Int32(length)], bytes: Array(row.prefix(length))))
            }
            #expect(error.code == .corruptData)
        }
        var random = SeededRandom(seed: 11)
        var refused = 0
        for _ in 0..<2_000 {
            var bytes = Array(row)
            bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 &<< UInt8(random.next() % 8)
            do {
                _ = try layout.decode(ByteStrings(offsets: [0, Int32(bytes.count)], bytes: bytes))
            } catch {
                #expect(error.code == .corruptData)
                refused += 1
            }
        }
        #expect(refused > 100)
    }
}
