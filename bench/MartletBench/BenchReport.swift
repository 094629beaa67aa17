internal import MartletCore

/// What one case measured: named lists of seconds, one for each run, and named counts that prove that work was done.
struct BenchReport {
    private var seconds: [(String, [Double])] = []
    private var counts: [(String, Int)] = []

    /// Runs `body` `times + 1` times and keeps the seconds of all but the first, which warms the caches.
    mutating func time<T>(_ name: String, times: Int, _ body: () throws -> T) rethrows -> T {
        let clock = SystemTimeSource()
        var last = try body()
        var measured: [Double] = []
        for _ in 0..<times {
            let start = clock.monotonicNanoseconds()
            last = try body()
            measured.append(Double(clock.monotonicNanoseconds() - start) / 1e9)
        }
        seconds.append((name, measured))
        return last
    }

    /// What was measured elsewhere.
    mutating func took(_ name: String, _ value: Double) { seconds.append((name, [value])) }

    mutating func add(_ name: String, _ measured: [Double]) { seconds.append((name, measured)) }

    mutating func count(_ name: String, _ value: Int) { counts.append((name, value)) }

    var json: String {
        var writer = JSONWriter()
        writer.object { json in
            for (name, list) in seconds {
                json.key(name)
                json.array { array in for value in list { array.value(value) } }
            }
            for (name, value) in counts {
                json.key(name)
                json.value(value)
            }
        }
        return writer.text
    }
}
