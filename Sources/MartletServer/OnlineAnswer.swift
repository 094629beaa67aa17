internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline

/// Writes the answer of `/get-online-features`: column-major, join keys first, then the features in the order asked
/// for.
struct OnlineAnswer {
    let plan: ServingPlan
    private let answers: [ViewAnswer]
    private let keyRows: [[Int]]
    /// The derived features, row by row.
    private let derived: [Column]
    let rowCount: Int
    /// Whether records from memory stand in for a store that is unavailable; the metadata says so.
    var isStale = false
    // What repeats is written once and copied: the statuses of an all-present column, the times of a view while its
    // features follow one another.
    private var presentStatuses: Range<Int>?
    private var timesOfPart: Range<Int>?
    private var part = -1

    init(_ plan: ServingPlan, _ scratch: OnlineScratch, derived: [Column], rowCount: Int) {
        self.plan = plan
        self.derived = derived
        answers = scratch.answers
        keyRows = scratch.keyRows
        self.rowCount = rowCount
    }

    /// - Parameter keys: the columns of the request that are given back.
    mutating func write(_ keys: [OnlineRequest.EntityColumn], to writer: inout ByteWriter) throws {
        writer.append("{\"results\":[")
        for (index, column) in keys.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writeKeys(column, to: &writer)
        }
        for (index, output) in plan.derivation.outputs.enumerated() {
            if index > 0 || !keys.isEmpty { writer.append(UInt8(ascii: ",")) }
            switch output {
            case .stored(let place): try writeFeature(plan.stored[place], to: &writer)
            case .derived(let place): writeDerived(derived[place], to: &writer)
            }
        }
        writer.append("],\"metadata\":{\"feature_names\":[")
        for (index, column) in keys.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writer.appendJSON(utf8: column.name)
        }
        // Each name stands after a comma.
        writer.append(contentsOf: keys.isEmpty ? Array(plan.namesJSON.dropFirst()) : plan.namesJSON)
        writer.append(UInt8(ascii: "]"))
        writer.append(contentsOf: plan.metadataJSON)
        if isStale { writer.append(",\"stale\":true") }
        writer.append("}}")
    }

    private mutating func writeKeys(_ column: OnlineRequest.EntityColumn, to writer: inout ByteWriter) {
        let type = keyType(column.name)
        writer.append("{\"values\":[")
        var isFirst = true
        var hasNull = false
        for element in column.values.elements {
            if !isFirst { writer.append(UInt8(ascii: ",")) }
            isFirst = false
            hasNull = hasNull || element.isNull
            echo(element, as: type, to: &writer)
        }
        writer.append("],\"statuses\":[")
        if hasNull {
            var elements = column.values.elements
            writeStatuses(to: &writer) { _ in elements.next()?.isNull == true ? .nullValue : .present }
        } else {
            writePresent(to: &writer)
        }
        writer.append("],\"event_timestamps\":[")
        writeNoTimes(to: &writer)
        writer.append("]}")
    }

    /// A value that is computed is there or is null, and has no event time.
    private mutating func writeDerived(_ column: Column, to writer: inout ByteWriter) {
        writer.append("{\"values\":[")
        let allPresent = writeColumn(column, Array(0..<rowCount), to: &writer)
        writer.append("],\"statuses\":[")
        if allPresent {
            writePresent(to: &writer)
        } else {
            writeStatuses(to: &writer) { column.isNull($0) ? .nullValue : .present }
        }
        writer.append("],\"event_timestamps\":[")
        writeNoTimes(to: &writer)
        writer.append("]}")
    }

    private func writeNoTimes(to writer: inout ByteWriter) {
        for row in 0..<rowCount { writer.append(row == 0 ? "\"1970-01-01T00:00:00Z\"" : ",\"1970-01-01T00:00:00Z\"") }
    }

    private mutating func writeFeature(_ output: ServingPlan.Stored, to writer: inout ByteWriter) throws {
        // Only the arrays that are needed are named: a copy of an answer would count references to all of them.
        let keys = keyRows[output.keyGroup]
        writer.append("{\"values\":[")
        let allPresent: Bool
        if answers[output.part].isWindowed {
            allPresent = writeColumn(answers[output.part].columns[output.column], keys, to: &writer)
        } else {
            allPresent = try writeLatest(answers[output.part].rows, keys, output, to: &writer)
        }
        writer.append("],\"statuses\":[")
        if allPresent {
            writePresent(to: &writer)
        } else {
            let answer = answers[output.part]
            if answer.isWindowed {
                let column = answer.columns[output.column]
                writeStatuses(to: &writer) { row in answer.status(key: keys[row], isNull: column.isNull(keys[row])) }
            } else {
                writeStatuses(to: &writer) { row in
                    answer.status(key: keys[row], isNull: answer.rows[keys[row]]?.isPresent(output.feature) != true)
                }
            }
        }
        writer.append("],\"event_timestamps\":[")
        if part == output.part, let timesOfPart {
            writer.append(repeating: timesOfPart)
        } else {
            writeTimes(output.part, answers[output.part].eventTimes, keys, to: &writer)
        }
        writer.append("]}")
    }

    private func keyType(_ name: UnsafeRawBufferPointer) -> DataType? {
        for group in plan.keyGroups {
            for key in group where isName(name, key.name) { return key.type }
        }
        return nil
    }

    private mutating func writePresent(to writer: inout ByteWriter) {
        if let known = presentStatuses { return writer.append(repeating: known) }
        let start = writer.count
        for row in 0..<rowCount { writer.append(row == 0 ? "\"PRESENT\"" : ",\"PRESENT\"") }
        presentStatuses = start..<writer.count
    }

    private func writeStatuses(to writer: inout ByteWriter, _ status: (Int) -> FeatureStatus) {
        for row in 0..<rowCount {
            if row > 0 { writer.append(UInt8(ascii: ",")) }
            switch status(row) {
            case .present: writer.append("\"PRESENT\"")
            case .nullValue: writer.append("\"NULL_VALUE\"")
            case .notFound: writer.append("\"NOT_FOUND\"")
            case .outsideMaxAge: writer.append("\"OUTSIDE_MAX_AGE\"")
            }
        }
    }

    private mutating func writeTimes(_ part: Int, _ times: [Int64], _ keys: [Int], to writer: inout ByteWriter) {
        let start = writer.count
        var last = start..<start
        var lastTime: Int64?
        for row in 0..<rowCount {
            if row > 0 { writer.append(UInt8(ascii: ",")) }
            let time = times[keys[row]]
            // Rows that were loaded together often have one time.
            if time == lastTime {
                writer.append(repeating: last)
            } else {
                let first = writer.count
                writer.appendJSON(Timestamp(microseconds: time))
                last = first..<writer.count
                lastTime = time
            }
        }
        self.part = part
        timesOfPart = start..<writer.count
    }
}

/// - Returns: whether every value is present.
private func writeLatest(
    _ rows: [LatestRow?], _ keys: [Int], _ output: ServingPlan.Stored, to writer: inout ByteWriter
) throws -> Bool {
    var allPresent = true
    let feature = output.feature
    @inline(__always)
    func write(_ value: (LatestRow, inout ByteWriter) throws -> Void) rethrows {
        for (index, key) in keys.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            if let row = rows[key], row.isPresent(feature) {
                try value(row, &writer)
            } else {
                writer.append("null")
                allPresent = false
            }
        }
    }
    switch output.type {
    case .bool: write { $1.appendJSON($0.bits(feature) != 0) }
    case .int32, .int64: write { $1.append(decimal: Int64(bitPattern: $0.bits(feature))) }
    case .float32: write { $1.appendJSON(Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0.bits(feature))))) }
    case .float64: write { $1.appendJSON(Double(bitPattern: $0.bits(feature))) }
    case .timestamp: write { $1.appendSeconds(Int64(bitPattern: $0.bits(feature))) }
    case .string: try write { $1.appendJSON(utf8: try $0.text(feature)) }
    case .bytes: try write { $1.appendJSON(base64: try $0.text(feature)) }
    case .list, .map: preconditionFailure("the latest values of a view are scalars")
    }
    return allPresent
}

/// - Returns: whether every value is present.
private func writeColumn(_ column: Column, _ keys: [Int], to writer: inout ByteWriter) -> Bool {
    var allPresent = true
    @inline(__always)
    func write(_ value: (Int, inout ByteWriter) -> Void) {
        for (index, key) in keys.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            if column.isNull(key) {
                writer.append("null")
                allPresent = false
            } else {
                value(key, &writer)
            }
        }
    }
    switch column.values {
    case .bool(let array): write { $1.appendJSON(array[$0]) }
    case .int32(let array): write { $1.append(decimal: Int64(array[$0])) }
    case .int64(let array): write { $1.append(decimal: array[$0]) }
    case .float32(let array): write { $1.appendJSON(Double(array[$0])) }
    case .float64(let array): write { $1.appendJSON(array[$0]) }
    case .timestamp(let array): write { $1.appendSeconds(array[$0]) }
    case .string(let strings):
        strings.bytes.withUnsafeBytes { bytes in
            write { $1.appendJSON(utf8: UnsafeRawBufferPointer(rebasing: bytes[strings.range($0)])) }
        }
    case .bytes(let strings):
        strings.bytes.withUnsafeBytes { bytes in
            write { $1.appendJSON(base64: UnsafeRawBufferPointer(rebasing: bytes[strings.range($0)])) }
        }
    case .list(let lists):
        write { row, writer in
            writer.append(UInt8(ascii: "["))
            _ = writeColumn(lists.elements, Array(lists.range(row)), to: &writer)
            writer.append(UInt8(ascii: "]"))
        }
    case .map(let maps):
        write { row, writer in
            writer.append(UInt8(ascii: "{"))
            for (index, entry) in maps.range(row).enumerated() {
                if index > 0 { writer.append(UInt8(ascii: ",")) }
                maps.keys.slice(entry).withUnsafeBytes { writer.appendJSON(utf8: $0) }
                writer.append(UInt8(ascii: ":"))
                _ = writeColumn(maps.values, [entry], to: &writer)
            }
            writer.append(UInt8(ascii: "}"))
        }
    }
    return allPresent
}
