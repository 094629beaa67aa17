import MartletCore
import MartletLog
import MartletTestSupport
import Testing

@Suite("Reading a log that another process owns")
struct ReadingOnlyTests {
    private let folder = TemporaryFolder()

    private func open() throws -> EventLog {
        var settings = LogSettings()
        settings.segmentBytes = 400
        settings.isPublished = true
        return try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace(), settings: settings)
    }

    private func beside() throws -> EventLog {
        try EventLog.reading(folder: "\(folder.path)/log", workspace: testWorkspace())
    }

    @Test("all that was acknowledged is seen, in any segment, and nothing that comes later")
    func acknowledged() throws {
        let log = try open()
        #expect(try beside().endOffset == 0)
        for number in 0..<20 {
            _ = try log.store([
                batch(number..<number + 1, position: SourcePosition(stream: "s", bytes: [UInt8(number)]))
            ])
            let seen = try beside()
            #expect(seen.endOffset == Int64(number) + 1)
            #expect(seen.position(of: "s")?.bytes == [UInt8(number)])
        }
        let seen = try beside()
        _ = try log.store([batch(20..<21)])
        #expect(try seen.payloads() == (0..<20).map { "payload of \($0)" })
    }

    @Test("bytes behind the published end are left alone: they may be torn")
    func torn() throws {
        let log = try open()
        _ = try log.store([batch(0..<1)])
        let name = "log/00000000000000000000.log"
        let whole = folder.bytes(of: name)
        folder.write(whole + whole.suffix(64), to: name)
        #expect(try beside().payloads() == ["payload of 0"])
        #expect(folder.bytes(of: name).count == whole.count + 64, "nothing is mended for another")
        withExtendedLifetime(log) {}
    }

    @Test("nothing can be appended or committed")
    func refusing() throws {
        let log = try open()
        _ = try log.store([batch(0..<1)])
        let seen = try beside()
        let error = try #require(throws: MartletError.self) { try seen.store([batch(1..<2)]) }
        #expect(error.code == .conflict)
        #expect(throws: MartletError.self) { try seen.commit("reader", offset: 1) }
        #expect(throws: MartletError.self) { try seen.retain(sizeBytes: 0) }
        #expect(log.endOffset == 1)
        let missing = try #require(throws: MartletError.self) {
            try EventLog.reading(folder: "\(folder.path)/log/consumers", workspace: testWorkspace())
        }
        #expect(missing.code == .notFound)
    }
}
