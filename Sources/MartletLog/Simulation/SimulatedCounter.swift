package import MartletCore

/// A consumer with a state, on the simulated disk, as stream processors are: it counts events and chains their digests,
/// stores state and offset in one file, and goes on from there in its next life. What is checked: at each offset the
/// state is what it was the first time, so that no event is left out, counted twice or counted in another order.
package final class SimulatedCounter: SimulationParticipant {
    private static let folder = "/stream"
    private static let consumer = "counter"

    private struct Memory: Equatable {
        var offset: Int64 = 0
        var count: Int64 = 0
        var digest: UInt64 = 7
    }

    private var log: EventLog?
    private var disk: (any LogDisk)?
    private var memory = Memory()
    /// Of each offset, once for all lives: the digest behind it.
    private var digests: [UInt64] = [7]
    /// Restores from a checkpoint that was there.
    package private(set) var restores = 0

    package init() {}

    package func opened(_ log: EventLog, disk: any LogDisk, time: any TimeSource) throws(MartletError) {
        (self.log, self.disk) = (log, disk)
        memory = Memory()
        try disk.makeFolder(Self.folder)
        if try disk.list(Self.folder).contains("checkpoint") {
            let bytes = try disk.wholeFile("\(Self.folder)/checkpoint")
            guard let restored = Self.memory(bytes) else {
                throw MartletError(.checkFailed, "broken: a checkpoint is there whole or as it was before")
            }
            memory = restored
            restores += 1
        }
        guard memory.offset >= log.committedOffset(of: Self.consumer) ?? 0 else {
            throw MartletError(.checkFailed, "broken: the log keeps what no checkpoint holds")
        }
        if log.committedOffset(of: Self.consumer) == nil { try log.commit(Self.consumer, offset: 0) }
    }

    package func died() { (log, disk) = (nil, nil) }

    package func step(_ random: inout SeededRandom) throws(MartletError) {
        guard let log, let disk, log.failure == nil else { return }
        var reader = log.reader(from: memory.offset)
        for batch in try reader.next(maximumBytes: 500 + Int(random.advance() % 4_000)) {
            for row in 0..<batch.events.count { try take(batch, row) }
        }
        if random.advance() % 3 == 0 { return }
        try disk.replaceDurably("checkpoint", in: Self.folder, with: Self.bytes(memory))
        try log.commit(Self.consumer, offset: memory.offset)
    }

    private func take(_ batch: LoggedBatch, _ row: Int) throws(MartletError) {
        guard batch.offsets[row] == memory.offset else {
            throw MartletError(.checkFailed, "broken: offset \(memory.offset) is read before \(batch.offsets[row])")
        }
        var trace = TraceHash()
        trace.add(memory.digest)
        trace.add(simulatedToken(batch, row))
        memory.digest = trace.value
        memory.offset += 1
        memory.count += 1
        if digests.count == Int(memory.offset) { digests.append(memory.digest) }
        try check()
    }

    package func check() throws(MartletError) {
        guard memory.count == memory.offset, Int(memory.offset) < digests.count,
            digests[Int(memory.offset)] == memory.digest
        else { throw MartletError(.checkFailed, "broken: the state at offset \(memory.offset) is what it was") }
    }

    private static func bytes(_ memory: Memory) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendNumber(memory.offset)
        bytes.appendNumber(memory.count)
        bytes.appendNumber(memory.digest)
        bytes.appendNumber(bytes.withUnsafeBytes { checksum($0) })
        return bytes
    }

    private static func memory(_ bytes: [UInt8]) -> Memory? {
        guard bytes.count == 28 else { return nil }
        let memory = bytes.withUnsafeBytes { bytes in
            Memory(offset: bytes.load(0), count: bytes.load(8), digest: bytes.load(16))
        }
        return self.bytes(memory) == bytes ? memory : nil
    }
}
