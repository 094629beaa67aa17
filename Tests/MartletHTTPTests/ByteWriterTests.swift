import MartletCore
import MartletHTTP
import Testing

@Suite("A byte writer")
struct ByteWriterTests {
    private func written(_ body: (inout ByteWriter) -> Void) -> String {
        var writer = ByteWriter(capacity: 64)
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("writes doubles as Swift's description does", arguments: [UInt64(1), 2])
    func doubles(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<20_000 {
            let bits = Double(bitPattern: random.next())
            let plain = (random.uniform() - 0.5) * [1.0, 100, 1e6, 1e12][Int(random.next() % 4)]
            let narrow = Double(Float(plain))
            for value in [bits, plain, narrow] where value.isFinite {
                let text = written { $0.append(decimal: value) }
                #expect(text == value.description, "seed \(seed)")
                #expect(Double(text) == value, "seed \(seed)")
            }
        }
    }

    @Test(
        "writes edge doubles",
        arguments: [
            (0.0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (0.1, "0.1"), (1e-4, "0.0001"), (1e-5, "1e-05"),
            (1e15, "1000000000000000.0"),
            (9_007_199_254_740_991, "9007199254740991.0"), (1e22, "1e+22"), (.leastNonzeroMagnitude, "5e-324"),
            (.greatestFiniteMagnitude, "1.7976931348623157e+308"),
        ])
    func edgeDoubles(value: Double, expected: String) {
        #expect(written { $0.append(decimal: value) } == expected)
    }

    @Test(
        "writes NaN and infinities as strings",
        arguments: [
            (Double.nan, "\"NaN\""), (.infinity, "\"Infinity\""), (-.infinity, "\"-Infinity\""),
        ])
    func notFinite(value: Double, expected: String) {
        #expect(written { $0.appendJSON(value) } == expected)
    }

    @Test("writes whole numbers", arguments: [0, 7, -7, 10, 99, 100, 999_999_999_999_999_999, Int64.max, .min])
    func integers(value: Int64) {
        #expect(written { $0.append(decimal: value) } == value.description)
    }

    @Test(
        "writes times as the ground type does",
        arguments: [
            0, 1, -1, 1_000, 1_500_000, 1_763_596_800_000_000, -62_135_596_800_000_000, Int64.max / 2,
        ])
    func times(microseconds: Int64) {
        let time = Timestamp(microseconds: microseconds)
        #expect(written { $0.append(time) } == time.description)
    }

    @Test(
        "escapes strings",
        arguments: [
            ("plain", "\"plain\""), ("a\"b\\c", #""a\"b\\c""#),
            ("\n\r\t\u{8}\u{C}\u{1}\u{1F}", #""\n\r\t\b\f\u0001\u001f""#),
            ("å€😀", "\"å€😀\""), ("", "\"\""),
        ])
    func strings(text: String, expected: String) {
        #expect(written { $0.appendJSON(text) } == expected)
    }

    @Test(
        "writes base64",
        arguments: [
            ([], "\"\""), ([0x66], "\"Zg==\""), ([0x66, 0x6F], "\"Zm8=\""), ([0x66, 0x6F, 0x6F], "\"Zm9v\""),
            ([0xFB, 0xFF, 0xFE], "\"+//+\""),
        ] as [([UInt8], String)])
    func base64(bytes: [UInt8], expected: String) {
        #expect(written { writer in bytes.withUnsafeBytes { writer.appendJSON(base64: $0) } } == expected)
    }

    @Test("grows, repeats what it holds, and forgets it")
    func growth() {
        var writer = ByteWriter(capacity: 64)
        for _ in 0..<100 { writer.append("0123456789") }
        writer.append(repeating: 0..<500)
        #expect(writer.count == 1_500)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == String(repeating: "0123456789", count: 150))
        writer.removeAll(keeping: 100)
        #expect(writer.count == 0)
        writer.append("x")
        #expect(writer.copied() == [0x78])
    }
}
