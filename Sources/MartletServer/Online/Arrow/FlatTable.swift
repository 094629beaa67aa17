/// A value of a FlatBuffers table (https://flatbuffers.dev/internals): what an Arrow message's head is made of.
indirect enum FlatValue {
    /// The field keeps its default.
    case absent
    case uint8(UInt8)
    case int16(Int16)
    case int32(Int32)
    case int64(Int64)
    case text(String)
    case table([FlatValue])
    case tables([[FlatValue]])
    /// A vector of structs of two 64-bit numbers.
    case pairs([(Int64, Int64)])

    static func bool(_ value: Bool) -> FlatValue { .uint8(value ? 1 : 0) }

    /// Bytes within the table itself.
    fileprivate var inlineBytes: Int {
        switch self {
        case .absent: 0
        case .uint8: 1
        case .int16: 2
        case .int32, .text, .table, .tables, .pairs: 4
        case .int64: 8
        }
    }
}

/// Writes a table and what it refers to from front to back: what is referred to always stands behind.
struct FlatWriter {
    private(set) var bytes: [UInt8] = [0, 0, 0, 0]

    /// - Parameter root: the values of the outermost table, by the numbers of its fields.
    init(root: [FlatValue]) {
        let place = write(table: root)
        patch(0, to: place)
    }

    private mutating func write(table fields: [FlatValue]) -> Int {
        align(2)
        let layout = bytes.count
        append(UInt16(4 + 2 * fields.count))
        // The size of the table and the places of its fields are known below.
        bytes += [UInt8](repeating: 0, count: 2 + 2 * fields.count)
        align(8)
        let start = bytes.count
        append(Int32(start - layout))
        var places: [Int] = []
        for (number, field) in fields.enumerated() {
            guard field.inlineBytes > 0 else {
                places.append(0)
                continue
            }
            align(field.inlineBytes)
            let place = bytes.count
            places.append(place)
            set(UInt16(place - start), at: layout + 4 + 2 * number)
            switch field {
            case .uint8(let value): append(value)
            case .int16(let value): append(value)
            case .int32(let value): append(value)
            case .int64(let value): append(value)
            case .absent, .text, .table, .tables, .pairs: append(UInt32(0))
            }
        }
        set(UInt16(bytes.count - start), at: layout + 2)
        for (field, place) in zip(fields, places) {
            switch field {
            case .text(let text): patch(place, to: write(text))
            case .table(let fields): patch(place, to: write(table: fields))
            case .tables(let tables): patch(place, to: write(tables))
            case .pairs(let pairs): patch(place, to: write(pairs))
            case .absent, .uint8, .int16, .int32, .int64: break
            }
        }
        return start
    }

    private mutating func write(_ text: String) -> Int {
        align(4)
        let place = bytes.count
        append(UInt32(text.utf8.count))
        bytes += text.utf8
        bytes.append(0)
        return place
    }

    private mutating func write(_ tables: [[FlatValue]]) -> Int {
        align(4)
        let place = bytes.count
        append(UInt32(tables.count))
        bytes += [UInt8](repeating: 0, count: 4 * tables.count)
        for (number, table) in tables.enumerated() { patch(place + 4 + 4 * number, to: write(table: table)) }
        return place
    }

    private mutating func write(_ pairs: [(Int64, Int64)]) -> Int {
        // The numbers stand on multiples of eight, their count just before.
        while bytes.count % 8 != 4 { bytes.append(0) }
        let place = bytes.count
        append(UInt32(pairs.count))
        for (first, second) in pairs {
            append(first)
            append(second)
        }
        return place
    }

    private mutating func align(_ size: Int) {
        while bytes.count % size != 0 { bytes.append(0) }
    }

    private mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    private mutating func set(_ value: UInt16, at place: Int) {
        bytes[place] = UInt8(truncatingIfNeeded: value)
        bytes[place + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }

    /// References are counted from where they stand.
    private mutating func patch(_ place: Int, to target: Int) {
        let distance = UInt32(target - place)
        for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: distance >> UInt32(8 * index)) }
    }
}
