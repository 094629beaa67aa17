internal import Dispatch
internal import Glibc
internal import MartletCore
internal import Synchronization

/// Loads a server of this machine with requests made before the clock starts, each connection on a thread of its own.
package struct HTTPLoad: Sendable {
    package var port: UInt16
    /// Whole requests, head and body; sent in turn.
    package var requests: [[UInt8]]
    package var connections: Int
    package var seconds: Int
    /// Requests a second over all connections, each at its intended moment; nil sends the next as soon as the last is
    /// answered.
    package var requestsPerSecond: Int?

    package init(
        port: UInt16, requests: [[UInt8]], connections: Int = 32, seconds: Int = 10, requestsPerSecond: Int? = nil
    ) {
        precondition(!requests.isEmpty && connections > 0 && seconds > 0, "a load has requests, connections and time")
        self.port = port
        self.requests = requests
        self.connections = connections
        self.seconds = seconds
        self.requestsPerSecond = requestsPerSecond
    }

    package struct Report: Sendable {
        /// From the moment a request was meant to leave: what waits behind a slow answer counts (no coordinated
        /// omission).
        package var latencies = LatencyHistogram()
        package var failures = 0
        package var seconds = 0.0
        /// Processor time of this process's load threads.
        package var clientSeconds = 0.0

        package var requestsPerSecond: Double { seconds > 0 ? Double(latencies.count) / seconds : 0 }
    }

    /// Blocks for the load's time.
    /// - Throws: `storeUnavailable` where a connection cannot be made.
    package func run() throws -> Report {
        let shared = Mutex<(report: Report, failure: MartletError?)>((Report(), nil))
        let threads = DispatchGroup()
        let clock = SystemTimeSource()
        // A moment for all threads to start, so that the first are not alone.
        let start = clock.monotonicNanoseconds() + 100_000_000
        for index in 0..<connections {
            startThread(group: threads) {
                do throws(MartletError) {
                    let found = try runConnection(index, start, clock)
                    shared.withLock {
                        $0.report.latencies += found.latencies
                        $0.report.failures += found.failures
                        $0.report.clientSeconds += found.clientSeconds
                    }
                } catch {
                    shared.withLock { $0.failure = error }
                }
            }
        }
        threads.wait()
        let (report, failure) = shared.withLock { $0 }
        if let failure { throw failure }
        var whole = report
        whole.seconds = Double(clock.monotonicNanoseconds() - start) / 1e9
        return whole
    }

    private func runConnection(
        _ index: Int, _ start: UInt64, _ clock: SystemTimeSource
    ) throws(MartletError) -> Report {
        var connection = try LoadConnection(port: port)
        var report = Report()
        let end = start + UInt64(seconds) * 1_000_000_000
        var turn = index * requests.count / connections
        // Connections take turns: each sends every connections-th request of the whole rate.
        let interval = requestsPerSecond.map { 1e9 * Double(connections) / Double($0) }
        var sent = 0
        let processorStart = threadNanoseconds()
        sleep(until: start)
        while true {
            var intended = clock.monotonicNanoseconds()
            if let interval {
                intended = start + UInt64(interval * (Double(sent) + Double(index) / Double(connections)))
                if intended < end { sleep(until: intended) }
            }
            guard intended < end else { break }
            let status = connection.exchange(requests[turn])
            report.latencies.record(nanoseconds: clock.monotonicNanoseconds() &- intended)
            if status != 200 { report.failures += 1 }
            if status == nil { connection = try LoadConnection(port: port) }
            turn = (turn + 1) % requests.count
            sent += 1
        }
        report.clientSeconds = Double(threadNanoseconds() - processorStart) / 1e9
        return report
    }
}

/// Returns at once where the moment has passed.
private func sleep(until nanoseconds: UInt64) {
    var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
}

private func threadNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
