internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline

/// Writes the answer of `/get-online-features`: column-major, join keys first, then the features in the order asked
/// for.
struct OnlineAnswer {
    let plan: ServingPlan
    // Borrowed from the scratch while the answer is written: taken from the arrays at each step, their elements would
    // be copied with a count of references for each of their own arrays.
    private let answers: UnsafeBufferPointer<ViewAnswer>
    private let keyRows: UnsafeBufferPointer<[Int]>
    /// The derived features, row by row.
    private let derived: [Column]
    let rowCount: Int
    /// Whether records from memory stand in for a store that is unavailable; the metadata says so.
    private let isStale: Bool
    // What repeats is written once and copied: the statuses of an all-present column; the times of a view while its
    // features follow one another, and where they are all present all that comes behind their values.
    private var presentStatuses: Range<Int>?
    private var timesOfPart: Range<Int>?
    private var restOfPart: Range<Int>?
    private var part = -1

    /// Appends the answer of a request.
    /// - Parameter keys: the columns of the request that are given back.
    static func write(
        _ plan: ServingPlan, _ scratch: OnlineScratch, derived: [Column], rowCount: Int,
        isStale: Bool, keys: [OnlineRequest.EntityColumn], to writer: inout ByteWriter
    ) throws {
        try scratch.answers.withUnsafeBufferPointer { answers in
            try scratch.keyRows.withUnsafeBufferPointer { keyRows in
                var answer = OnlineAnswer(
                    plan: plan, answers: answers, keyRows: keyRows, derived: derived, rowCount: rowCount,
                    isStale: isStale)
                try answer.write(keys, to: &writer)
            }
        }
    }

    private init(
        plan: ServingPlan, answers: UnsafeBufferPointer<ViewAnswer>, keyRows: UnsafeBufferPointer<[Int]>,
        derived: [Column], rowCount: Int, isStale: Bool
    ) {
        self.isStale = isStale
        self.plan = plan
        self.answers = answers
        self.keyRows = keyRows
        self.derived = derived
        self.rowCount = rowCount
    }

    private mutating func write(_ keys: [OnlineRequest.EntityColumn], to writer: inout ByteWriter) throws {
        writer.append("{\"results\":[")
        for (index, column) in keys.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            writeKeys(column, to: &writer)
        }
        try plan.stored.withUnsafeBufferPointer { stored in
            try plan.derivation.outputs.withUnsafeBufferPointer { outputs in
                var next = 0
                while next < outputs.count {
                    if next > 0 || !keys.isEmpty { writer.append(UInt8(ascii: ",")) }
                    switch outputs[next] {
                    case .derived(let place):
                        writeDerived(derived[place], to: &writer)
                        next &+= 1
                    case .stored(let place):
                        next = try writeRun(outputs, next, stored, stored[place].part, to: &writer)
                    }
                }
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

    /// Writes the features from `first` on that are of one part: what they share is taken up once.
    /// - Returns: the first output that is not.
    private mutating func writeRun(
        _ outputs: UnsafeBufferPointer<DerivedPlan.Output>, _ first: Int,
        _ stored: UnsafeBufferPointer<ServingPlan.Stored>, _ part: Int, to writer: inout ByteWriter
    ) throws -> Int {
        let answer = answers.baseAddress.unsafelyUnwrapped + part
        if self.part != part {
            self.part = part
            (timesOfPart, restOfPart) = (nil, nil)
        }
        return try answer.pointee.rows.withUnsafeBufferPointer { rows in
            try keyRows[stored[place(outputs[first])].keyGroup].withUnsafeBufferPointer { keys in
                var next = first
                while true {
                    let output = stored.baseAddress.unsafelyUnwrapped + place(outputs[next])
                    try writeFeature(output, answer, rows, keys, to: &writer)
                    next &+= 1
                    guard next < outputs.count, case .stored(let place) = outputs[next], stored[place].part == part
                    else { return next }
                    writer.append(UInt8(ascii: ","))
                }
            }
        }
    }

    private mutating func writeFeature(
        _ output: UnsafePointer<ServingPlan.Stored>, _ answer: UnsafePointer<ViewAnswer>,
        _ rows: UnsafeBufferPointer<LatestRow?>, _ keys: UnsafeBufferPointer<Int>, to writer: inout ByteWriter
    ) throws {
        writer.append("{\"values\":[")
        let allPresent: Bool
        if answer.pointee.isWindowed {
            allPresent = writeColumn(answer.pointee.columns[output.pointee.column], Array(keys), to: &writer)
        } else {
            allPresent = try writeLatest(rows, keys, output.pointee.feature, output.pointee.type, to: &writer)
        }
        if allPresent, let restOfPart { return writer.append(repeating: restOfPart) }
        let start = writer.count
        writer.append("],\"statuses\":[")
        if allPresent {
            writePresent(to: &writer)
        } else {
            writeStatuses(of: answer, output, keys, to: &writer)
        }
        writer.append("],\"event_timestamps\":[")
        if let timesOfPart {
            writer.append(repeating: timesOfPart)
        } else {
            timesOfPart = writeTimes(answer.pointee.eventTimes, keys, to: &writer)
        }
        writer.append("]}")
        if allPresent { restOfPart = start..<writer.count }
    }

    private func writeStatuses(
        of answer: UnsafePointer<ViewAnswer>, _ output: UnsafePointer<ServingPlan.Stored>,
        _ keys: UnsafeBufferPointer<Int>,
        to writer: inout ByteWriter
    ) {
        if answer.pointee.isWindowed {
            let column = answer.pointee.columns[output.pointee.column]
            writeStatuses(to: &writer) { row in
                answer.pointee.status(key: keys[row], isNull: column.isNull(keys[row]))
            }
        } else {
            let feature = output.pointee.feature
            writeStatuses(to: &writer) { row in
                let isNull = answer.pointee.rows[keys[row]]?.isPresent(feature) != true
                return answer.pointee.status(key: keys[row], isNull: isNull)
            }
        }
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

    /// - Returns: where they stand.
    private func writeTimes(_ times: [Int64], _ keys: UnsafeBufferPointer<Int>, to writer: inout ByteWriter) -> Range<
        Int
    > {
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
        return start..<writer.count
    }
}

private func place(_ output: DerivedPlan.Output) -> Int {
    switch output {
    case .stored(let place), .derived(let place): place
    }
}

/// - Returns: whether every value is present.
private func writeLatest(
    _ rows: UnsafeBufferPointer<LatestRow?>, _ keys: UnsafeBufferPointer<Int>, _ feature: Int, _ type: DataType,
    to writer: inout ByteWriter
) throws -> Bool {
    var allPresent = true
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
    switch type {
    case .bool: write { $1.appendJSON($0.bits(feature) != 0) }
    case .int32, .int64: write { $1.append(decimal: Int64(bitPattern: $0.bits(feature))) }
    case .float32: write { $1.appendJSON(Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0.bits(feature))))) }
    case .float64: write { $1.appendJSON(Double(bitPattern: $0.bits(feature))) }
    case .timestamp: write { $1.appendSeconds(Int64(bitPattern: $0.bits(feature))) }
    case .string: try write { $1.appendJSON(utf8: try $0.text(feature)) }
    case .bytes: try write { $1.appendJSON(base64: try $0.text(feature)) }
    case .list(let element): try write { $1.append(try $0.list(feature, of: element)) }
    case .map(let element): try write { $1.append(try $0.map(feature, to: element)) }
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
