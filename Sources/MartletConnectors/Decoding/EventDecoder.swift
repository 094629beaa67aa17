package import MartletCore
package import MartletDefinitions
internal import MartletHTTP
internal import MartletLog

/// Turns JSON into events of one source: every value is read as its declared type, and what does not fit is told apart
/// with the reason. The same rules as for files (`docs/semantics.md`), at the speed of the wire.
///
/// A member `_op` says what a message does: `insert`, as all do without it, `update` or `delete`; the last two need a
/// source with an `id`. Times come as RFC 3339. A source with times of a pattern or a zone of its own is read as text
/// here (`readsTexts`), which the query engine, that knows the world's zones, then takes further.
package struct EventDecoder: Sendable {
    package let source: SourceDefinition
    /// Whether the columns of the events are all text, named as in the messages.
    package let readsTexts: Bool
    /// The columns of the decoded events.
    package let schema: Schema
    private let futureSkew: TimeSpan
    private let fields: [Field]
    /// For each field the later ones that read the same member.
    private let alsoRead: [[Int]]
    /// For constant columns the value, as a column of one.
    private let constants: [Column?]
    private let eventTime: Int
    private let arrivalTime: Int?

    private struct Field: Sendable {
        var name: [UInt8]
        var label: String
        var isNullable: Bool
        /// Whether a delete must have it.
        var isID: Bool
        var reader: CellReader
    }

    /// The earliest and the latest time that features count.
    private static let times = -(Int64(1) << 61)..<(Int64(1) << 61)

    /// - Parameter futureSkew: how far after its arrival an event may happen.
    package init(_ source: SourceDefinition, futureSkew: TimeSpan) {
        self.source = source
        self.futureSkew = futureSkew
        readsTexts = source.columns.contains {
            $0.type == .timestamp && $0.constant == nil && ($0.format != nil || ($0.zone ?? "UTC") != "UTC")
        }
        let isText = readsTexts
        var members: Set<String> = []
        let declared =
            isText
            ? source.columns.filter { $0.constant == nil && members.insert($0.from ?? $0.name).inserted }
            : source.columns
        let named = declared.map { column in column.constant == nil ? column.from ?? column.name : nil }
        alsoRead = named.enumerated().map { index, name in
            named.indices.filter { $0 > index && name != nil && named[$0] == name }
        }
        fields = declared.map { column in
            Field(
                name: Array((column.from ?? column.name).utf8), label: column.name,
                isNullable: isText || column.isNullable, isID: source.id.contains(column.name),
                reader: CellReader(
                    type: isText ? .string : column.type, takesTimesWithoutZone: column.zone == "UTC"))
        }
        constants = declared.map { column in
            column.constant.map { value in
                var builder = ColumnBuilder(column.type)
                builder.append(value)
                return builder.finish()
            }
        }
        schema =
            isText ? Schema(declared.map { MartletCore.Field($0.from ?? $0.name, .string) }) : source.schema
        eventTime = source.columns.firstIndex { $0.name == source.eventTime } ?? 0
        arrivalTime = source.arrivalTime.flatMap { name in source.columns.firstIndex { $0.name == name } }
    }

    /// Decodes JSON lines; empty lines are none.
    /// - Parameters:
    ///   - isPadded: whether `JSONDocument.paddingBytes` readable bytes follow.
    ///   - now: stands for the arrival time where a message has none.
    package func decode(lines body: UnsafeRawBufferPointer, isPadded: Bool, now: Timestamp) -> DecodedEvents {
        var work = Work(self, now)
        var start = 0
        var message = 0
        while start < body.count {
            var end = start
            while end < body.count, body[end] != UInt8(ascii: "\n") { end += 1 }
            let line = UnsafeRawBufferPointer(rebasing: body[start..<end])
            if !line.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }) {
                // The last bytes are readable only where the caller says so.
                let hasRoom = isPadded || end + JSONDocument.paddingBytes <= body.count
                decode(line, isPadded: hasRoom, message, &work)
                message += 1
            }
            start = end + 1
        }
        return work.finish(self)
    }

    /// Decodes one message each, as a broker hands them on.
    package func decode(messages: ByteStrings, now: Timestamp) -> DecodedEvents {
        var work = Work(self, now)
        messages.bytes.withUnsafeBytes { bytes in
            for message in 0..<messages.count {
                let range = messages.range(message)
                let hasRoom = range.upperBound + JSONDocument.paddingBytes <= bytes.count
                decode(UnsafeRawBufferPointer(rebasing: bytes[range]), isPadded: hasRoom, message, &work)
            }
        }
        return work.finish(self)
    }

    /// Decodes one JSON value: an array of events, or one event.
    /// - Throws: `invalidInput` where the bytes are not JSON.
    package func decode(json body: UnsafeRawBufferPointer, isPadded: Bool, now: Timestamp) throws(MartletError)
        -> DecodedEvents
    {
        let document = try JSONDocument(parsing: body, isPadded: isPadded)
        var work = Work(self, now)
        let root = document.root
        if root.kind == .array {
            for (message, element) in root.elements.enumerated() { decode(element, nil, message, &work) }
        } else {
            decode(root, body, 0, &work)
        }
        return work.finish(self)
    }

    private func decode(_ text: UnsafeRawBufferPointer, isPadded: Bool, _ message: Int, _ work: inout Work) {
        do throws(MartletError) {
            let document = try JSONDocument(parsing: text, isPadded: isPadded)
            decode(document.root, text, message, &work)
        } catch {
            work.misfits.append(.init(message: message, reason: error.message, original: Array(text)))
        }
    }

    /// - Parameter text: the value as it came; nil where only the document has it.
    private func decode(_ value: JSONElement, _ text: UnsafeRawBufferPointer?, _ message: Int, _ work: inout Work) {
        func reject(_ reason: String) {
            var original = text.map { Array($0) } ?? []
            if text == nil { appendJSON(value, to: &original) }
            work.misfits.append(.init(message: message, reason: reason, original: original))
        }
        guard value.kind == .object else { return reject("not a JSON object") }
        work.beginRow()
        var expected = 0
        for member in value.members {
            guard let field = index(of: member.name, from: expected) else {
                if member.name.equals("_op") {
                    guard let operation = operation(member.value) else {
                        return reject("_op: not insert, or update or delete in a source with an id")
                    }
                    work.operation = operation
                } else if !source.compatibility.takesUnknownMembers {
                    let name = String(decoding: member.name, as: UTF8.self)
                    return reject("\(name): no column of the source (compatibility: \(source.compatibility.rawValue))")
                }
                continue
            }
            expected = field + 1
            guard !work.isSeen(field) else { return reject("\(fields[field].label): given twice") }
            work.cells[field] = fields[field].reader.read(member.value, &work.scratch)
            work.markSeen(field)
            for other in alsoRead[field] {
                work.cells[other] = fields[other].reader.read(member.value, &work.scratch)
            }
        }
        let reasons = reasons(&work)
        if reasons.isEmpty { work.commit(message) } else { reject(reasons.joined(separator: "; ")) }
    }

    private func operation(_ value: JSONElement) -> EventOperation? {
        switch value.string {
        case "insert": .insert
        case "update": source.id.isEmpty ? nil : .update
        case "delete": source.id.isEmpty ? nil : .delete
        default: nil
        }
    }

    /// Members come in the same order again and again.
    @inline(__always)
    private func index(of name: UnsafeRawBufferPointer, from expected: Int) -> Int? {
        if expected < fields.count, constants[expected] == nil, name.elementsEqual(fields[expected].name) {
            return expected
        }
        for (index, field) in fields.enumerated()
        where constants[index] == nil && field.name.count == name.count && name.elementsEqual(field.name) {
            return index
        }
        return nil
    }

    private func reasons(_ work: inout Work) -> [String] {
        var reasons: [String] = []
        for (index, field) in fields.enumerated() where constants[index] == nil {
            switch work.cells[index] {
            case .misfit: reasons.append("\(field.label): not a \(field.reader.type.rawValue)")
            case .null:
                let isNeeded = work.operation == .delete ? field.isID : !field.isNullable
                if isNeeded { reasons.append("\(field.label): missing") }
            case .bits, .text, .written: break
            }
        }
        if readsTexts {
            work.eventTime = 0
            work.arrivalTime = 0
            return reasons
        }
        let arrival = arrivalTime.flatMap { time(work, $0) }
        work.arrivalTime = arrival ?? work.now.microseconds
        let happened = time(work, eventTime) ?? (work.operation == .delete ? work.arrivalTime : nil)
        guard let time = happened else {
            return reasons + ["\(source.eventTime): no event time"]
        }
        work.eventTime = time
        if time > (work.now + futureSkew).microseconds { reasons.append("\(source.eventTime): in the future") }
        if !Self.times.contains(time) { reasons.append("\(source.eventTime): more than 73,000 years from 1970") }
        if let arrival, let name = source.arrivalTime, !Self.times.contains(arrival) {
            reasons.append("\(name): more than 73,000 years from 1970")
        }
        return reasons
    }

    private func time(_ work: borrowing Work, _ column: Int) -> Int64? {
        if let constant = constants[column] {
            guard case .timestamp(let values) = constant.values, !constant.isNull(0) else { return nil }
            return values[0]
        }
        guard case .bits(let bits) = work.cells[column] else { return nil }
        return Int64(bitPattern: bits)
    }

    /// What one call builds up.
    private struct Work: ~Copyable {
        let now: Timestamp
        var cells: [Cell]
        var scratch: [UInt8] = []
        var eventTime: Int64 = 0
        var arrivalTime: Int64 = 0
        var operation = EventOperation.insert
        var misfits: [DecodedEvents.Misfit] = []
        private var seen: [Bool]
        private var fillers: [ColumnFiller]
        private var eventTimes: [Int64] = []
        private var arrivalTimes: [Int64] = []
        private var operations: [EventOperation] = []
        private var messages: [Int32] = []

        init(_ decoder: EventDecoder, _ now: Timestamp) {
            self.now = now
            cells = Array(repeating: .null, count: decoder.fields.count)
            seen = Array(repeating: false, count: decoder.fields.count)
            fillers = decoder.fields.map { ColumnFiller($0.reader.type) }
        }

        mutating func beginRow() {
            operation = .insert
            scratch.removeAll(keepingCapacity: true)
            for index in cells.indices {
                cells[index] = .null
                seen[index] = false
            }
        }

        func isSeen(_ field: Int) -> Bool { seen[field] }
        mutating func markSeen(_ field: Int) { seen[field] = true }

        mutating func commit(_ message: Int) {
            for index in fillers.indices { fillers[index].append(cells[index], scratch: scratch) }
            eventTimes.append(eventTime)
            arrivalTimes.append(arrivalTime)
            operations.append(operation)
            messages.append(Int32(message))
        }

        consuming func finish(_ decoder: EventDecoder) -> DecodedEvents {
            let count = eventTimes.count
            var columns: [Column] = []
            for (index, filler) in fillers.enumerated() {
                let rows = [Int32](repeating: 0, count: count)
                columns.append(decoder.constants[index]?.gathering(fitting: rows) ?? filler.finish())
            }
            return DecodedEvents(
                columns: columns, eventTimes: eventTimes, arrivalTimes: arrivalTimes, operations: operations,
                messages: messages, misfits: misfits)
        }
    }
}
