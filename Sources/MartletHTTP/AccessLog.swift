internal import Dispatch
internal import Glibc
package import MartletCore
internal import Synchronization

/// One JSON line for each request, written by a thread of its own. A request only leaves a record in a bounded buffer
/// of its thread; where that is full, because the disk does not follow, the record is dropped and counted.
package final class AccessLog: Sendable {
    private static let bufferCount = 16
    /// Records that wait in each buffer.
    private static let bufferLimit = 16_384
    /// How long records are gathered before they are written.
    private static let gatheringMilliseconds = 50

    private let buffers: [Buffer]
    private let sink: Mutex<AccessLogFile>
    private let format: AccessLogFormat
    private let written = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)
    private let hasRecords = DispatchSemaphore(value: 0)
    private let isAwake = Atomic<Bool>(false)
    private let isClosed = Atomic<Bool>(false)
    private let thread = DispatchGroup()

    private final class Buffer: Sendable {
        let records = Mutex<[AccessRecord]>([])
    }

    /// - Parameters:
    ///   - path: a file that is appended to, or `-` for standard output.
    ///   - routes: the paths of the server's routes, in their order.
    ///   - workspace: whose requests they are: each line says it.
    /// - Throws: `fileSystem` where the file cannot be opened.
    package init(path: String, routes: [Router.Route], workspace: WorkspaceID) throws(MartletError) {
        sink = Mutex(try AccessLogFile(path: path))
        format = AccessLogFormat(routes: routes, workspace: workspace)
        buffers = (0..<Self.bufferCount).map { _ in Buffer() }
        startThread(group: thread) { [self] in run() }
    }

    package var counts: (written: Int, dropped: Int) {
        (written.load(ordering: .relaxed), dropped.load(ordering: .relaxed))
    }

    /// Opens the file again by its name, after somebody has moved it away.
    /// - Throws: `fileSystem`; the file of before stays open.
    package func reopen() throws {
        try sink.withLock { try $0.reopen() }
    }

    /// Writes what is left and ends; what is recorded after that is dropped. Blocks.
    package func close() {
        isClosed.store(true, ordering: .sequentiallyConsistent)
        hasRecords.signal()
        thread.wait()
    }

    func record(
        route: Int?, status: Int, nanoseconds: UInt64, receivedBytes: Int, sentBytes: Int, client: String,
        method: UnsafePointer<CChar>?, path: UnsafePointer<CChar>?
    ) {
        let record = AccessRecord(
            microseconds: wallMicroseconds(), nanoseconds: nanoseconds, route: route, status: status,
            receivedBytes: receivedBytes, sentBytes: sentBytes, client: client,
            target: format.needsTarget(route, method) ? AccessRecord.Target(method, path) : nil)
        let isKept = buffers[threadNumber() % Self.bufferCount].records.withLock { records in
            guard records.count < Self.bufferLimit else { return false }
            records.append(record)
            return true
        }
        guard isKept else {
            dropped.add(1, ordering: .relaxed)
            return
        }
        // The first of a batch wakes the writer; the others find it awake.
        if !isAwake.load(ordering: .relaxed), !isAwake.exchange(true, ordering: .relaxed) { hasRecords.signal() }
    }

    private func run() {
        var spares = buffers.map { _ in [AccessRecord]() }
        var lines = ByteWriter(capacity: 1 << 16)
        while !isClosed.load(ordering: .sequentiallyConsistent) {
            hasRecords.wait()
            usleep(UInt32(Self.gatheringMilliseconds * 1_000))
            // Before the buffers are emptied, so that a record which comes too late for this batch wakes it again.
            isAwake.store(false, ordering: .sequentiallyConsistent)
            writeBatch(&spares, &lines)
        }
        writeBatch(&spares, &lines)
    }

    private func writeBatch(_ spares: inout [[AccessRecord]], _ lines: inout ByteWriter) {
        for (index, buffer) in buffers.enumerated() {
            buffer.records.withLock { swap(&$0, &spares[index]) }
            guard !spares[index].isEmpty else { continue }
            lines.removeAll()
            var last = AccessLogFormat.LastSecond()
            for record in spares[index] { format.write(record, after: &last, to: &lines) }
            let isWritten = sink.withLock { $0.write(lines.bytes) }
            if isWritten {
                written.add(spares[index].count, ordering: .relaxed)
            } else {
                dropped.add(spares[index].count, ordering: .relaxed)
            }
            spares[index].removeAll(keepingCapacity: spares[index].capacity <= Self.bufferLimit)
        }
    }
}

private func wallMicroseconds() -> Int64 { SystemTimeSource().now().microseconds }
