import MartletCore
import MartletTestSupport
import Testing

@Suite("How events are doing")
struct StatusCommandTests {
    @Test("is told of a workspace without a server, as a table and as JSON")
    func stopped() throws {
        let tool = try Tool().prepared()
        let found = try tool.run("status", "--json")
        #expect(found.status == 0, "\(found.errors)")
        let status = try JSONValue(parsing: Array(found.output.utf8))
        #expect(status["served"]?.bool == false && status["workspace"]?.string == "default/test")
        #expect(status["log"]?["end_offset"]?.integer == 2)
        #expect(status["landing"]?["offset"]?.integer == 2 && status["landing"]?["lag"]?.integer == 0)
        #expect(status["views"]?.array?.isEmpty == true && status["dead_letters"]?.array?.isEmpty == true)
        let text = try tool.run("status").output
        #expect(text.contains("no server runs") && text.contains("offsets 0 to 2"), "\(text)")
    }

    @Test("compares no stream where no view follows the log, and says what to do")
    func noStream() throws {
        let tool = try Tool().prepared()
        let failure = expectedFailure(try tool.run("verify", "--stream"), "not-found", status: 3, says: "stream: true")
        #expect(failure == nil)
        let mixed = expectedFailure(try tool.run("verify", "--samples", "5"), "usage", status: 2, says: "--stream")
        #expect(mixed == nil)
    }
}
