internal import MartletCore

/// 128 bits that stand for an event or an append: equal for equal ones, and else equal only by a chance of 2^-128 a
/// pair, which is nothing.
struct EventMark: Hashable, Sendable, BitwiseCopyable {
    var high: UInt64
    var low: UInt64

    /// Of an event without an id.
    static let none = EventMark(high: 0, low: 0)
    var isNone: Bool { high == 0 && low == 0 }
}

/// What marks are hashed under: drawn once for each log and kept in its segments, so that nobody who sends ids can aim
/// at a collision.
struct MarkKey: Hashable, Sendable {
    var first: UInt64
    var second: UInt64

    /// What frames' checksums are combined with: bytes that somebody sends are never taken for a frame, nor are frames
    /// of another log.
    var salt: UInt32 { UInt32(truncatingIfNeeded: first ^ first &>> 32 ^ second ^ second &>> 32) }

    /// The mark of each event of a batch.
    ///
    /// An inserted event is the same when source and id are. An update or a delete is the same only when everything of
    /// it is: a row may take a value, lose it and take it again under one id, and none of the three may be dropped.
    func marks(of batch: EventBatch) -> [EventMark] {
        let start = text(batch.source, kind: 1)
        return batch.ids.bytes.withUnsafeBytes { ids in
            batch.payloads.bytes.withUnsafeBytes { payloads in
                (0..<batch.count).map { row in
                    let id = batch.ids.range(row)
                    if id.isEmpty { return .none }
                    var hash = start
                    hash.add(UnsafeRawBufferPointer(rebasing: ids[id]))
                    if batch.operations[row] != .insert {
                        hash.add(UInt64(batch.operations[row].rawValue))
                        hash.add(UInt64(bitPattern: batch.eventTimes[row]))
                        hash.add(UInt64(bitPattern: batch.arrivalTimes[row]))
                        hash.add(UnsafeRawBufferPointer(rebasing: payloads[batch.payloads.range(row)]))
                    }
                    return hash.mark
                }
            }
        }
    }

    /// The mark of an append with a key of its own.
    func mark(ofAppend key: String) -> EventMark { text(key, kind: 2).mark }

    /// The mark of one record; equal to what `marks(of:)` has for its event.
    func mark(of record: RecordView, start: MarkHash) -> EventMark {
        if record.idLength == 0 { return .none }
        var hash = start
        hash.add(record.id)
        if record.operation != EventOperation.insert.rawValue {
            hash.add(UInt64(record.operation))
            hash.add(UInt64(bitPattern: record.eventTime))
            hash.add(UInt64(bitPattern: record.arrivalTime))
            hash.add(record.payload)
        }
        return hash.mark
    }

    /// The mark of a dead letter by what came, for a letter with its original bytes.
    func mark(of letter: DeadLetter) -> EventMark {
        var hash = text(letter.source, kind: 3)
        letter.original.withUnsafeBytes { hash.add($0) }
        var stream = letter.position?.stream ?? ""
        stream.withUTF8 { hash.add(UnsafeRawBufferPointer($0)) }
        (letter.position?.bytes ?? []).withUnsafeBytes { hash.add($0) }
        return hash.mark
    }

    /// What the marks of a source's events begin with.
    func start(source: String) -> MarkHash { text(source, kind: 1) }

    private func text(_ text: String, kind: UInt64) -> MarkHash {
        var hash = MarkHash(a: first, b: second)
        hash.add(kind)
        var text = text
        text.withUTF8 { hash.add(UnsafeRawBufferPointer($0)) }
        return hash
    }
}

/// Two 64-bit hashes side by side, each folding 128-bit products (the construction of wyhash, Wang Yi 2019).
struct MarkHash {
    fileprivate var a: UInt64
    fileprivate var b: UInt64

    mutating func add(_ word: UInt64) {
        a = folded(a ^ word, 0x9E37_79B9_7F4A_7C15 ^ a.byteSwapped)
        b = folded(b ^ word ^ 0xD6E8_FEB8_6659_FD93, 0xA076_1D64_78BD_642F ^ (b &>> 32 | b &<< 32))
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var place = 0
        while place + 8 <= bytes.count {
            add(bytes.load(place, as: UInt64.self))
            place += 8
        }
        var last: UInt64 = 0
        for index in place..<bytes.count { last = last &<< 8 | UInt64(bytes[index]) }
        add(last)
        // The length closes what was added, so that two texts cannot share their bytes differently.
        add(UInt64(bytes.count))
    }

    var mark: EventMark {
        let mark = EventMark(
            high: folded(a ^ 0xE703_7ED1_A0B4_28DB, b | 1), low: folded(b ^ 0x8EBC_6AF0_9C88_C6E3, a | 1))
        return mark.isNone ? EventMark(high: 1, low: 1) : mark
    }
}

@inline(__always)
private func folded(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
}
