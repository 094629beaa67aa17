internal import MartletCore

/// Takes the cells of a column one by one. All types of fixed size share one kind of array until the end.
struct ColumnFiller {
    let type: DataType
    private var words: [UInt64] = []
    private var texts = ByteStrings()
    /// Of lists and maps; an array because it holds a filler of their elements.
    private var nested: [NestedFiller] = []
    private var present = Bitmap(repeating: false, count: 0)
    private var hasNull = false

    init(_ type: DataType) {
        self.type = type
        if let filler = NestedFiller(type) { nested = [filler] }
    }

    mutating func append(_ cell: Cell, scratch: borrowing [UInt8]) {
        switch cell {
        case .null, .misfit:
            hasNull = true
            present.append(false)
            if !nested.isEmpty {
                nested[0].appendNothing()
            } else if type == .string || type == .bytes {
                texts.append("")
            } else {
                words.append(0)
            }
        case .bits(let bits):
            present.append(true)
            words.append(bits)
        case .text(let bytes):
            present.append(true)
            texts.append(bytes)
        case .written(let range):
            present.append(true)
            if nested.isEmpty {
                texts.append(contentsOf: scratch[range])
            } else {
                nested[0].append(range, of: scratch)
            }
        }
    }

    consuming func finish() -> Column {
        let validity = hasNull ? present : nil
        switch type {
        case .bool: return Column(.bool(words.map { $0 != 0 }), validity: validity)
        case .int32:
            return Column(.int32(words.map { Int32(truncatingIfNeeded: Int64(bitPattern: $0)) }), validity: validity)
        case .int64: return Column(.int64(words.map { Int64(bitPattern: $0) }), validity: validity)
        case .timestamp: return Column(.timestamp(words.map { Int64(bitPattern: $0) }), validity: validity)
        case .float32:
            return Column(
                .float32(words.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }), validity: validity)
        case .float64: return Column(.float64(words.map { Double(bitPattern: $0) }), validity: validity)
        case .string: return Column(.string(texts), validity: validity)
        case .bytes: return Column(.bytes(texts), validity: validity)
        case .list, .map: return Column(nested[0].finish(), validity: validity)
        }
    }
}

/// One value on its way into a column.
enum Cell {
    case null
    /// There is a value, and it is none of the column's type.
    case misfit
    /// A number, a time or a bool, as its bits.
    case bits(UInt64)
    /// Bytes of the document.
    case text(UnsafeRawBufferPointer)
    /// Bytes written to the scratch memory of the decoder.
    case written(Range<Int>)

    static func integer(_ value: Int64) -> Cell { .bits(UInt64(bitPattern: value)) }
}
