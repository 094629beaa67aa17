internal import MartletCore

/// A column of an Arrow stream.
struct ArrowColumn {
    enum Values {
        case column(Column)
        /// Small numbers, as int8.
        case codes([UInt8])
    }

    var name: String
    var values: Values
    /// Told with the field, for whoever reads the schema.
    var notes: [(String, String)] = []
}

/// The ids of the union `Type` (Schema.fbs of Apache Arrow).
private enum TypeID: UInt8 {
    case int = 2, floatingPoint, binary, utf8, bool
    case timestamp = 10
    case list = 12, structure
    case map = 17
}

/// The values of a table `Field`, by its numbers.
private func arrowField(
    _ name: String, isNullable: Bool = true, _ type: TypeID, _ details: [FlatValue] = [],
    children: [[FlatValue]] = [], notes: [(String, String)] = []
) -> [FlatValue] {
    [
        .text(name), .bool(isNullable), .uint8(type.rawValue), .table(details), .absent, .tables(children),
        notes.isEmpty ? .absent : .tables(notes.map { [.text($0.0), .text($0.1)] }),
    ]
}

private func field(_ name: String, _ type: DataType, notes: [(String, String)] = []) -> [FlatValue] {
    switch type {
    case .bool: arrowField(name, .bool, notes: notes)
    case .int32: arrowField(name, .int, [.int32(32), .bool(true)], notes: notes)
    case .int64: arrowField(name, .int, [.int32(64), .bool(true)], notes: notes)
    // Precisions: 1 single, 2 double.
    case .float32: arrowField(name, .floatingPoint, [.int16(1)], notes: notes)
    case .float64: arrowField(name, .floatingPoint, [.int16(2)], notes: notes)
    case .string: arrowField(name, .utf8, notes: notes)
    case .bytes: arrowField(name, .binary, notes: notes)
    // Unit 2: microseconds.
    case .timestamp: arrowField(name, .timestamp, [.int16(2), .text("UTC")], notes: notes)
    case .list(let element): arrowField(name, .list, children: [field("item", element.type)], notes: notes)
    case .map(let element):
        arrowField(
            name, .map, [.bool(false)],
            children: [
                arrowField(
                    "entries", isNullable: false, .structure,
                    children: [arrowField("key", isNullable: false, .utf8), field("value", element.type)])
            ], notes: notes)
    }
}

extension ArrowColumn {
    /// The values of the column's table `Field`.
    var field: [FlatValue] {
        switch values {
        case .column(let column): MartletServer.field(name, column.type, notes: notes)
        case .codes: arrowField(name, isNullable: false, .int, [.int32(8), .bool(true)], notes: notes)
        }
    }
}

/// The body of a record batch: buffers behind one another, each on a multiple of eight bytes.
struct ArrowBody {
    private(set) var bytes: [UInt8] = []
    /// Length and number of nulls of each field, parents before their children.
    private(set) var nodes: [(Int64, Int64)] = []
    /// Place and length of each buffer.
    private(set) var buffers: [(Int64, Int64)] = []

    mutating func append(_ column: ArrowColumn) {
        switch column.values {
        case .column(let column): append(column)
        case .codes(let codes):
            nodes.append((Int64(codes.count), 0))
            append(buffer: [UInt8]())
            append(buffer: codes)
        }
    }

    private mutating func append(_ column: Column) {
        let count = column.count
        nodes.append((Int64(count), Int64(column.nullCount)))
        if let validity = column.validity, column.nullCount > 0 {
            append(bits: validity)
        } else {
            append(buffer: [UInt8]())
        }
        switch column.values {
        case .bool(let array): append(bits: Bitmap(array))
        case .int32(let array): append(numbers: array)
        case .int64(let array), .timestamp(let array): append(numbers: array)
        case .float32(let array): append(numbers: array)
        case .float64(let array): append(numbers: array)
        case .string(let strings), .bytes(let strings): append(strings)
        case .list(let lists):
            append(numbers: lists.offsets)
            append(lists.elements)
        case .map(let maps):
            append(numbers: maps.offsets)
            nodes.append((Int64(maps.keys.count), 0))
            append(buffer: [UInt8]())
            nodes.append((Int64(maps.keys.count), 0))
            append(buffer: [UInt8]())
            append(maps.keys)
            append(maps.values)
        }
    }

    private mutating func append(_ strings: ByteStrings) {
        append(numbers: strings.offsets)
        append(buffer: strings.bytes)
    }

    private mutating func append(bits: Bitmap) {
        bits.words.withUnsafeBytes { append(buffer: $0.prefix((bits.count + 7) / 8)) }
    }

    /// In the machine's own order, which is Arrow's little-endian.
    private mutating func append<T: BitwiseCopyable>(numbers: [T]) {
        numbers.withUnsafeBytes { append(buffer: $0) }
    }

    private mutating func append(buffer: some Collection<UInt8>) {
        buffers.append((Int64(bytes.count), Int64(buffer.count)))
        bytes.append(contentsOf: buffer)
        while bytes.count % 8 != 0 { bytes.append(0) }
    }
}
