internal import CDuckDB
internal import MartletCore

/// Copies the vectors of a scalar type into one column.
struct ScalarReader {
    let name: String
    private let source: Int32
    private let scale: Double
    private let decimalStorage: Int32
    private var values: Column.Values
    private var validity: Bitmap?
    private var count = 0
    /// The most bytes of text.
    private let limit: Int

    init(_ name: String, _ type: cmartlet_duckdb_type?, limit: Int) throws {
        self.name = name
        self.limit = limit
        source = unsafe cmartlet_duckdb_get_type_id(type)
        var scale = 1.0
        var storage: Int32 = 0
        switch Int(source) {
        case CMARTLET_DUCKDB_BOOLEAN: values = .bool([])
        case CMARTLET_DUCKDB_TINYINT, CMARTLET_DUCKDB_SMALLINT, CMARTLET_DUCKDB_INTEGER, CMARTLET_DUCKDB_UTINYINT,
            CMARTLET_DUCKDB_USMALLINT:
            values = .int32([])
        case CMARTLET_DUCKDB_UINTEGER, CMARTLET_DUCKDB_BIGINT, CMARTLET_DUCKDB_UBIGINT, CMARTLET_DUCKDB_HUGEINT:
            values = .int64([])
        case CMARTLET_DUCKDB_FLOAT: values = .float32([])
        case CMARTLET_DUCKDB_DOUBLE: values = .float64([])
        case CMARTLET_DUCKDB_DECIMAL:
            for _ in 0..<(unsafe cmartlet_duckdb_decimal_scale(type)) { scale *= 10 }
            storage = unsafe cmartlet_duckdb_decimal_internal_type(type)
            values = .float64([])
        case CMARTLET_DUCKDB_VARCHAR: values = .string(ByteStrings())
        case CMARTLET_DUCKDB_BLOB: values = .bytes(ByteStrings())
        case CMARTLET_DUCKDB_TIMESTAMP, CMARTLET_DUCKDB_TIMESTAMP_TZ, CMARTLET_DUCKDB_DATE: values = .timestamp([])
        default:
            throw MartletError(
                .typeMismatch, "column \(name) has a type that Martlet does not know (DuckDB type \(source))",
                fix: "cast it in the query")
        }
        self.scale = scale
        decimalStorage = storage
    }

    /// Makes room for so many rows; texts get room for their offsets.
    mutating func reserveCapacity(_ rows: Int) {
        let current = values
        values = .bool([])
        switch consume current {
        case .bool(var array):
            array.reserveLarge(rows)
            values = .bool(array)
        case .int32(var array):
            array.reserveLarge(rows)
            values = .int32(array)
        case .int64(var array):
            array.reserveLarge(rows)
            values = .int64(array)
        case .timestamp(var array):
            array.reserveLarge(rows)
            values = .timestamp(array)
        case .float32(var array):
            array.reserveLarge(rows)
            values = .float32(array)
        case .float64(var array):
            array.reserveLarge(rows)
            values = .float64(array)
        case .string(var strings):
            strings.reserveCapacity(rows, bytes: 0)
            values = .string(strings)
        case .bytes(var strings):
            strings.reserveCapacity(rows, bytes: 0)
            values = .bytes(strings)
        case .list, .map: preconditionFailure("a reader of scalars holds scalars")
        }
    }

    /// A reader of the same type that has read nothing.
    func empty() -> ScalarReader {
        var reader = self
        _ = reader.take()
        return reader
    }

    /// Appends a column of the type read, none of whose values is null.
    /// - Throws: `limitExceeded` beyond the bytes that one column holds.
    mutating func append(_ column: Column) throws(MartletError) {
        try checkColumn(name, holds: textBytes + column.textBytes, limit: limit)
        validity?.append(repeating: true, count: column.count)
        count += column.count
        let current = values
        values = .bool([])
        values = (consume current).appending(column.values)
    }

    mutating func take() -> Column {
        let empty: Column.Values =
            switch values {
            case .bool: .bool([])
            case .int32: .int32([])
            case .int64: .int64([])
            case .float32: .float32([])
            case .float64: .float64([])
            case .string: .string(ByteStrings())
            case .bytes: .bytes(ByteStrings())
            case .timestamp: .timestamp([])
            case .list, .map: preconditionFailure("a reader of scalars holds scalars")
            }
        let column = Column(values, validity: validity)
        values = empty
        validity = nil
        count = 0
        return column
    }

    private var textBytes: Int {
        switch values {
        case .string(let strings), .bytes(let strings): strings.bytes.count
        default: 0
        }
    }

    /// - Throws: `typeMismatch` for a number or date beyond what the column's type holds, `limitExceeded` beyond the
    ///   bytes that one column holds.
    mutating func append(_ vector: cmartlet_duckdb_vector?, _ rows: Int) throws {
        guard let data = unsafe cmartlet_duckdb_vector_get_data(vector) else {
            preconditionFailure("a vector of a fetched chunk has data")
        }
        let mask = unsafe cmartlet_duckdb_vector_get_validity(vector)
        unsafe appendValidity(of: mask, rows, to: &validity, before: count)
        func typed<T>(_: T.Type) -> UnsafeBufferPointer<T> {
            unsafe UnsafeBufferPointer(start: data.assumingMemoryBound(to: T.self), count: rows)
        }
        func isValid(_ row: Int) -> Bool {
            guard let mask = unsafe mask else { return true }
            return unsafe mask[row >> 6] & (1 &<< UInt64(row & 63)) != 0
        }
        // The array leaves the enum while it grows, so that it is never copied.
        let current = values
        values = .bool([])
        switch (consume current, Int(source)) {
        case (.bool(var array), _):
            unsafe array.append(contentsOf: typed(Bool.self))
            values = .bool(array)
        case (.int32(var array), CMARTLET_DUCKDB_INTEGER):
            unsafe array.append(contentsOf: typed(Int32.self))
            values = .int32(array)
        case (.int32(var array), CMARTLET_DUCKDB_TINYINT):
            unsafe array.append(contentsOf: typed(Int8.self).lazy.map(Int32.init))
            values = .int32(array)
        case (.int32(var array), CMARTLET_DUCKDB_SMALLINT):
            unsafe array.append(contentsOf: typed(Int16.self).lazy.map(Int32.init))
            values = .int32(array)
        case (.int32(var array), CMARTLET_DUCKDB_UTINYINT):
            unsafe array.append(contentsOf: typed(UInt8.self).lazy.map(Int32.init))
            values = .int32(array)
        case (.int32(var array), _):
            unsafe array.append(contentsOf: typed(UInt16.self).lazy.map(Int32.init))
            values = .int32(array)
        case (.int64(var array), CMARTLET_DUCKDB_BIGINT):
            unsafe array.append(contentsOf: typed(Int64.self))
            values = .int64(array)
        case (.int64(var array), CMARTLET_DUCKDB_UINTEGER):
            unsafe array.append(contentsOf: typed(UInt32.self).lazy.map(Int64.init))
            values = .int64(array)
        case (.int64(var array), CMARTLET_DUCKDB_UBIGINT):
            let source = unsafe typed(UInt64.self)
            for row in 0..<rows {
                guard isValid(row) else { array.append(0); continue }
                guard let value = unsafe Int64(exactly: source[row]) else { throw tooLarge }
                array.append(value)
            }
            values = .int64(array)
        case (.int64(var array), _):
            let source = unsafe typed(cmartlet_duckdb_hugeint.self)
            for row in 0..<rows {
                guard isValid(row) else { array.append(0); continue }
                let (lower, upper) = unsafe (source[row].lower, source[row].upper)
                let value = Int64(bitPattern: lower)
                guard upper == (value < 0 ? -1 : 0) else { throw tooLarge }
                array.append(value)
            }
            values = .int64(array)
        case (.float32(var array), _):
            unsafe array.append(contentsOf: typed(Float.self))
            values = .float32(array)
        case (.float64(var array), CMARTLET_DUCKDB_DOUBLE):
            unsafe array.append(contentsOf: typed(Double.self))
            values = .float64(array)
        case (.float64(var array), _):
            for row in 0..<rows { array.append(isValid(row) ? unsafe decimal(data, row) / scale : 0) }
            values = .float64(array)
        case (.timestamp(var array), CMARTLET_DUCKDB_DATE):
            let source = unsafe typed(Int32.self)
            for row in 0..<rows {
                let (time, isOver) = unsafe Int64(source[row]).multipliedReportingOverflow(by: 86_400_000_000)
                guard !isOver || !isValid(row) else { throw farDate }
                array.append(isOver ? 0 : time)
            }
            values = .timestamp(array)
        case (.timestamp(var array), _):
            unsafe array.append(contentsOf: typed(Int64.self))
            values = .timestamp(array)
        case (.string(var strings), _):
            try appendStrings(unsafe typed(cmartlet_duckdb_string.self), isValid, &strings)
            values = .string(strings)
        case (.bytes(var strings), _):
            try appendStrings(unsafe typed(cmartlet_duckdb_string.self), isValid, &strings)
            values = .bytes(strings)
        case (.list, _), (.map, _): preconditionFailure("a reader of scalars holds scalars")
        }
        count += rows
    }

    private var tooLarge: MartletError {
        MartletError(.typeMismatch, "column \(name) holds an integer beyond int64", fix: "cast it in the query")
    }

    private var farDate: MartletError {
        MartletError(
            .typeMismatch, "column \(name) holds a date beyond what a timestamp reaches, or an infinite one",
            fix: "set such dates to null in the query")
    }

    private func decimal(_ data: UnsafeMutableRawPointer, _ row: Int) -> Double {
        switch Int(decimalStorage) {
        case CMARTLET_DUCKDB_SMALLINT: return unsafe Double(data.assumingMemoryBound(to: Int16.self)[row])
        case CMARTLET_DUCKDB_INTEGER: return unsafe Double(data.assumingMemoryBound(to: Int32.self)[row])
        case CMARTLET_DUCKDB_BIGINT: return unsafe Double(data.assumingMemoryBound(to: Int64.self)[row])
        default:
            let wide = unsafe data.assumingMemoryBound(to: cmartlet_duckdb_hugeint.self)[row]
            return Double(wide.upper) * 0x1p64 + Double(wide.lower)
        }
    }

}

/// - Parameter count: the rows that `validity` stands for so far.
func appendValidity(
    of mask: UnsafeMutablePointer<UInt64>?, _ rows: Int, to validity: inout Bitmap?, before count: Int
) {
    guard let mask = unsafe mask else {
        validity?.append(repeating: true, count: rows)
        return
    }
    let words = unsafe UnsafeBufferPointer(start: mask, count: (rows + 63) >> 6)
    func used(_ index: Int) -> Int { min(64, rows - index << 6) }
    // A mask without a null is common after a filter: keep the column free of a bitmap then.
    let isWhole = words.indices.allSatisfy {
        unsafe (~words[$0] &<< UInt64(64 - used($0))) == 0
    }
    if validity == nil && isWhole { return }
    var bitmap = validity.take() ?? Bitmap(repeating: true, count: count)
    for (index, word) in words.enumerated() { bitmap.append(word: word, count: used(index)) }
    validity = bitmap
}

extension ScalarReader {
    private func appendStrings(
        _ source: UnsafeBufferPointer<cmartlet_duckdb_string>, _ isValid: (Int) -> Bool, _ strings: inout ByteStrings
    ) throws(MartletError) {
        for row in source.indices {
            guard isValid(row) else {
                strings.append(UnsafeRawBufferPointer(start: nil, count: 0))
                continue
            }
            let string = unsafe source.baseAddress! + row
            let length = unsafe Int(string.pointee.length)
            if strings.bytes.count + length > limit {
                try checkColumn(name, holds: strings.bytes.count + length, limit: limit)
            }
            if length <= 12 {
                let start = unsafe UnsafeRawPointer(string) + 4
                unsafe strings.append(UnsafeRawBufferPointer(start: start, count: length))
            } else {
                unsafe strings.append(UnsafeRawBufferPointer(start: string.pointee.pointer, count: length))
            }
        }
    }
}
