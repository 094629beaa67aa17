internal import MartletCore
internal import MartletHTTP
internal import Synchronization

/// Counts requests by route and status and their durations by route, in atomics of their own for each thread, so that
/// counting costs a few nanoseconds.
final class Metrics: RequestObserver {
    /// Upper bounds of the histogram's buckets.
    static let boundsNanoseconds: [UInt64] = [
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
        100_000_000,
        250_000_000, 1_000_000_000,
    ]
    private static let statuses = [200, 201, 202, 204, 400, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503, 507]
    private static let shardCount = 16

    private let routes: [String]
    let labels: String
    private let cellsPerRoute: Int
    private let shards: [Shard]

    private final class Shard: Sendable {
        // A fixed block, freed with the shard; atomics may be used from any thread.
        nonisolated(unsafe) let cells: UnsafeMutablePointer<Atomic<UInt64>>
        private let count: Int

        init(_ count: Int) {
            self.count = count
            cells = .allocate(capacity: count)
            for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
        }

        deinit {
            cells.deinitialize(count: count)
            cells.deallocate()
        }
    }

    init(routes: [String], workspace: WorkspaceID) {
        self.routes = routes + ["other"]
        labels = "tenant=\"\(workspace.tenant.name)\",workspace=\"\(workspace.name)\""
        // Statuses, one for all others, buckets, one beyond them, the sum.
        let cellsPerRoute = Self.statuses.count + 1 + Self.boundsNanoseconds.count + 1 + 1
        self.cellsPerRoute = cellsPerRoute
        let count = (routes.count + 1) * cellsPerRoute
        shards = (0..<Self.shardCount).map { _ in Shard(count) }
    }

    func answered(route: Int?, status: Int, nanoseconds: UInt64) {
        let cells = shards[threadNumber() % Self.shardCount].cells + (route ?? routes.count - 1) * cellsPerRoute
        let statusCell = Self.statuses.firstIndex(of: status) ?? Self.statuses.count
        (cells + statusCell).pointee.add(1, ordering: .relaxed)
        let bucket = Self.boundsNanoseconds.firstIndex { nanoseconds <= $0 } ?? Self.boundsNanoseconds.count
        (cells + Self.statuses.count + 1 + bucket).pointee.add(1, ordering: .relaxed)
        (cells + cellsPerRoute - 1).pointee.add(nanoseconds, ordering: .relaxed)
    }

    /// Prometheus' text format 0.0.4.
    func write(to writer: inout ByteWriter) {
        writer.append(
            "# HELP martlet_http_requests_total Answered requests.\n# TYPE martlet_http_requests_total counter\n")
        for route in routes.indices {
            for status in 0...Self.statuses.count {
                let count = sum(route, status)
                guard count > 0 else { continue }
                let name = status < Self.statuses.count ? String(Self.statuses[status]) : "other"
                writer.append(
                    text:
                        "martlet_http_requests_total{\(labels),route=\"\(routes[route])\","
                        + "status=\"\(name)\"} \(count)\n"
                )
            }
        }
        let name = "martlet_http_request_duration_seconds"
        writer.append(text: "# HELP \(name) From the complete request to its answer.\n# TYPE \(name) histogram\n")
        for route in routes.indices {
            let first = Self.statuses.count + 1
            var total: UInt64 = 0
            var lines = ""
            for (index, bound) in Self.boundsNanoseconds.enumerated() {
                total += sum(route, first + index)
                lines += "\(name)_bucket{\(labels),route=\"\(routes[route])\",le=\"\(Double(bound) / 1e9)\"} \(total)\n"
            }
            total += sum(route, first + Self.boundsNanoseconds.count)
            guard total > 0 else { continue }
            writer.append(text: lines)
            writer.append(text: "\(name)_bucket{\(labels),route=\"\(routes[route])\",le=\"+Inf\"} \(total)\n")
            let seconds = Double(sum(route, cellsPerRoute - 1)) / 1e9
            writer.append(text: "\(name)_sum{\(labels),route=\"\(routes[route])\"} \(seconds)\n")
            writer.append(text: "\(name)_count{\(labels),route=\"\(routes[route])\"} \(total)\n")
        }
    }

    private func sum(_ route: Int, _ cell: Int) -> UInt64 {
        shards.reduce(0) { $0 + ($1.cells + route * cellsPerRoute + cell).pointee.load(ordering: .relaxed) }
    }
}
