package import MartletCore
internal import Synchronization

/// Who reads the log and remembers how far. Each has a small file of its own, written beside and renamed, not records
/// in the log: a commit must neither wait for the appends of others nor add to what all readers read.
extension EventLog {
    /// How far a consumer has come; nil for one that is not registered.
    package func committedOffset(of consumer: String) -> Int64? { shared.withLock { $0.consumers[consumer] } }

    /// All registered consumers by name.
    package var consumers: [String: Int64] { shared.withLock { $0.consumers } }

    /// Stores durably that a consumer is done with all events before an offset, and registers it where it is new.
    /// Retention keeps what is behind. A smaller offset than before is taken as well: it is how a replay begins.
    /// - Throws: `limitExceeded` for an offset behind the end, `usage` for a name that may not be a file's,
    ///   `fileSystem`, `diskFull`; the offset is then what it was.
    package func commit(_ consumer: String, offset: Int64) throws(MartletError) {
        guard isConsumerName(consumer) else {
            throw MartletError(.usage, "a consumer's name has up to 100 letters, digits, dots, dashes and underscores")
        }
        try requireOwner()
        let end = endOffset
        guard offset >= 0, offset <= end else {
            throw MartletError(.limitExceeded, "offset \(offset) is not within the log, which ends at \(end)")
        }
        let failure = consumerFiles.withLock { _ -> MartletError? in
            do throws(MartletError) {
                let place = "\(folder.path)/\(consumersFolder)"
                let bytes = consumerBytes(consumer, offset)
                if settings.defect == .commitsWithoutSync {
                    try folder.disk.replace(consumer, in: place, with: bytes)
                } else {
                    try folder.disk.replaceDurably(consumer, in: place, with: bytes)
                }
            } catch {
                return error
            }
            shared.withLock { $0.consumers[consumer] = offset }
            return nil
        }
        if let failure { throw failure }
    }

    /// Forgets a consumer: retention does not wait for it any more.
    package func removeConsumer(_ consumer: String) throws(MartletError) {
        try requireOwner()
        guard committedOffset(of: consumer) != nil else { return }
        let failure = consumerFiles.withLock { _ -> MartletError? in
            do throws(MartletError) {
                try folder.disk.remove("\(folder.path)/\(consumersFolder)/\(consumer)")
                try folder.disk.syncFolder("\(folder.path)/\(consumersFolder)")
            } catch {
                return error
            }
            shared.withLock { _ = $0.consumers.removeValue(forKey: consumer) }
            return nil
        }
        if let failure { throw failure }
    }
}

let consumersFolder = "consumers"

/// Reads the committed offsets.
/// - Throws: `corruptData` for a damaged file, and for an offset behind the end: what it stands for is missing then.
func readConsumers(_ folder: SegmentFolder, endOffset: Int64) throws(MartletError) -> [String: Int64] {
    let path = "\(folder.path)/\(consumersFolder)"
    try folder.disk.makeFolder(path)
    var consumers: [String: Int64] = [:]
    for name in try folder.disk.list(path) {
        if name.hasSuffix(temporarySuffix) {
            try folder.disk.remove("\(path)/\(name)")
            continue
        }
        guard isConsumerName(name), let offset = consumerOffset(name, try folder.disk.wholeFile("\(path)/\(name)"))
        else {
            throw MartletError(
                .corruptData, "this is no committed offset", place: .init(file: "\(path)/\(name)"),
                fix: "remove the file: the consumer then begins where it is told to")
        }
        guard offset <= endOffset else {
            throw MartletError(
                .corruptData, "the consumer \(name) had read up to \(offset) and the log ends at \(endOffset)",
                place: .init(file: folder.path), fix: "restore the log's last segment from a backup")
        }
        consumers[name] = offset
    }
    return consumers
}

private func isConsumerName(_ name: String) -> Bool {
    (1...100).contains(name.utf8.count) && !name.hasPrefix(".") && !name.hasSuffix(temporarySuffix)
        && name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
}

/// The offset and a checksum over it and the name.
private func consumerBytes(_ consumer: String, _ offset: Int64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendNumber(offset)
    let covered = bytes + Array(consumer.utf8)
    bytes.appendNumber(covered.withUnsafeBytes { checksum($0) })
    return bytes
}

private func consumerOffset(_ consumer: String, _ bytes: [UInt8]) -> Int64? {
    guard bytes.count == 12 else { return nil }
    let offset: Int64 = bytes.withUnsafeBytes { $0.load(0) }
    return consumerBytes(consumer, offset) == bytes && offset >= 0 ? offset : nil
}
