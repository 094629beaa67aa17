internal import Glibc
internal import MartletCore

/// The requests that `martlet bench serve` sends: made before the clock starts, the same for the same seed.
package struct ServingLoad: Sendable {
    /// A join key with the values that are asked for: whole numbers of a range.
    package struct Key: Sendable, Hashable {
        package var name: String
        package var values: ClosedRange<Int64>

        package init(name: String, values: ClosedRange<Int64>) {
            self.name = name
            self.values = values
        }

        /// Reads `user_id=0..99999`.
        /// - Throws: `usage`.
        package init(_ text: String) throws {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let bounds = parts.count == 2 ? parts[1].split(separator: ".", omittingEmptySubsequences: false) : []
            guard parts.count == 2, !parts[0].isEmpty, bounds.count == 3, bounds[1].isEmpty,
                let first = Int64(bounds[0]), let last = Int64(bounds[2]), first <= last
            else {
                throw MartletError(.usage, "a key with its values is written KEY=FIRST..LAST, not \(text)")
            }
            self.init(name: String(parts[0]), values: first...last)
        }
    }

    package var service: String
    package var keys: [Key]
    /// Entities in one request.
    package var batch: Int
    /// The exponent of Zipf's law, by which the first values are asked for most; nil asks for all alike.
    package var zipfExponent: Double?
    package var seed: UInt64

    package init(service: String, keys: [Key], batch: Int = 1, zipfExponent: Double? = nil, seed: UInt64 = 1) {
        precondition(!keys.isEmpty && batch > 0, "a load asks for entities")
        self.service = service
        self.keys = keys
        self.batch = batch
        self.zipfExponent = zipfExponent
        self.seed = seed
    }

    /// `count` different requests to `/get-online-features`, head and body.
    package func requests(_ count: Int) -> [[UInt8]] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in
            var json = JSONWriter()
            json.object { json in
                json.member("feature_service", service)
                json.key("entities")
                json.object { json in
                    for key in keys {
                        json.key(key.name)
                        json.array { for _ in 0..<batch { $0.value(draw(key.values, &random)) } }
                    }
                }
            }
            let head =
                "POST /get-online-features HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(json.bytes.count)\r\n\r\n"
            return Array(head.utf8) + json.bytes
        }
    }

    private func draw(_ values: ClosedRange<Int64>, _ random: inout SeededRandom) -> Int64 {
        let count = UInt64(bitPattern: values.upperBound &- values.lowerBound)
        let rank =
            if let zipfExponent {
                zipfRank(below: Double(count) + 1, exponent: zipfExponent, &random)
            } else {
                count == .max ? random.next() : random.next() % (count + 1)
            }
        return values.lowerBound &+ Int64(bitPattern: min(rank, count))
    }
}

/// A rank from 0 whose chance falls with the power `exponent`: rejection-inversion after Hörmann and Derflinger (1996),
/// without a table, so that the number of entities costs nothing.
func zipfRank(below count: Double, exponent: Double, _ random: inout SeededRandom) -> UInt64 {
    func unit() -> Double { Double(random.next() >> 11) * 0x1p-53 }
    // The integral of x^-exponent, and its inverse; at an exponent of 1 they are logarithm and exponential.
    func integral(_ x: Double) -> Double {
        exponent == 1 ? log(x) : (pow(x, 1 - exponent) - 1) / (1 - exponent)
    }
    func inverse(_ y: Double) -> Double {
        exponent == 1 ? exp(y) : pow(1 + y * (1 - exponent), 1 / (1 - exponent))
    }
    let first = integral(1.5) - 1
    let last = integral(count + 0.5)
    while true {
        let drawn = last + unit() * (first - last)
        let x = inverse(drawn)
        let rank = min(max(x.rounded(), 1), count)
        if drawn >= integral(rank + 0.5) - pow(rank, -exponent) { return UInt64(rank) - 1 }
    }
}
