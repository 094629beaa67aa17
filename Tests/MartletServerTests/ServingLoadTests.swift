import Glibc
import MartletCore
import MartletServer
import Testing

@Suite("The load of bench serve")
struct ServingLoadTests {
    private func ids(_ request: [UInt8], _ key: String) throws -> [Int64] {
        let text = String(decoding: request, as: UTF8.self)
        let body = try #require(text.split(separator: "\r\n").last)
        #expect(text.contains("Content-Length: \(body.utf8.count)\r\n\r\n"))
        let json = try JSONValue(parsing: String(body))
        #expect(json["feature_service"]?.string == "drivers")
        return json["entities"]?[key]?.array?.compactMap(\.integer) ?? []
    }

    @Test("asks for as many entities of each key as it is told, within the range, and the same for a seed")
    func batches() throws {
        let load = ServingLoad(
            service: "drivers", keys: [try .init("a=5..7"), try .init("b=-3..-3")], batch: 40, seed: 8)
        let requests = load.requests(3)
        #expect(requests == load.requests(3))
        #expect(requests.count == 3)
        for request in requests {
            #expect(Set(try ids(request, "a")) == [5, 6, 7], "seed 8")
            #expect(try ids(request, "b") == [Int64](repeating: -3, count: 40))
        }
    }

    @Test("Zipf's law holds for the first ranks", arguments: [0.6, 1, 1.3])
    func zipf(exponent: Double) throws {
        let load = ServingLoad(
            service: "drivers", keys: [try .init("a=100..1099")], batch: 20_000, zipfExponent: exponent, seed: 5)
        var counts: [Int64: Int] = [:]
        for id in try ids(load.requests(1)[0], "a") { counts[id, default: 0] += 1 }
        #expect(counts.keys.allSatisfy { (100...1_099).contains($0) })
        var whole = 0.0
        for rank in 1...1_000 { whole += 1 / pow(Double(rank), exponent) }
        for rank in [1, 2, 5] {
            let wanted = 20_000 / pow(Double(rank), exponent) / whole
            let found = Double(counts[Int64(99 + rank)] ?? 0)
            // Five standard deviations.
            #expect(abs(found - wanted) < 5 * wanted.squareRoot() + 1, "seed 5, rank \(rank): \(found), not \(wanted)")
        }
    }

    @Test(
        "refuses keys that name no range", arguments: ["a", "a=", "a=1", "a=1..", "a=2..1", "=1..2", "a=1.2", "a=x..y"])
    func badKeys(text: String) {
        #expect(throws: MartletError.self) { try ServingLoad.Key(text) }
    }
}
