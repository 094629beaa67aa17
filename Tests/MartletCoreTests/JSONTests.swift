import MartletCore
import Testing

@Suite("JSON")
struct JSONTests {
    @Test("is written with commas, escapes and shortest numbers")
    func writing() {
        var json = JSONWriter()
        json.object {
            $0.member("text", "a\"b\\c\n\u{01}ü")
            $0.key("numbers")
            $0.array {
                $0.value(1)
                $0.value(0.1)
                $0.value(Double.nan)
                $0.value(-Double.infinity)
            }
            $0.member("bytes", Value.bytes([1, 2, 3, 4]))
            $0.member("time", Timestamp(microseconds: 0))
            $0.key("empty")
            $0.object { _ in }
        }
        #expect(
            json.text
                == #"{"text":"a\"b\\c\n\u0001ü","numbers":[1,0.1,"NaN","-Infinity"],"bytes":"AQIDBA==","#
                + #""time":"1970-01-01T00:00:00Z","empty":{}}"#)
    }

    @Test(
        "reads back as it was written",
        arguments: [
            "null", "true", "-9223372036854775808", "0.1", #""ü\n""#, "[]", "[1,[2,{}]]",
            #"{"a":{"b":[null,false]},"c":"d"}"#,
        ])
    func roundTrip(text: String) throws {
        #expect(try JSONValue(parsing: text).text == text)
    }

    @Test("is refused where it is broken", arguments: ["", "{", "[1", "nul", #"{"a" 1}"#])
    func broken(text: String) {
        let error = #expect(throws: MartletError.self) { try JSONValue(parsing: text) }
        #expect(error?.code == .invalidInput)
    }

    @Test(
        "encodes bytes as base64 of any length",
        arguments: [
            ([], ""), ([102], "Zg=="), ([102, 111], "Zm8="), ([102, 111, 111], "Zm9v"),
            ([102, 111, 111, 98], "Zm9vYg=="),
        ] as [([UInt8], String)])
    func base64(bytes: [UInt8], text: String) {
        var json = JSONWriter()
        json.value(Value.bytes(bytes))
        #expect(json.text == "\"\(text)\"")
    }
}
