import MartletCore
import MartletLog
import MartletTestSupport
import Testing

@Suite("Failing calls of the disk")
struct DiskFaultTests {
    private static let clock = SimulatedClock(Timestamp(year: 2026, month: 1, day: 1))

    private static func open(_ disk: SimulatedDisk) throws -> EventLog {
        var settings = LogSettings()
        settings.segmentBytes = 600
        return try EventLog(
            folder: "/log", workspace: testWorkspace(), disk: disk, time: clock, settings: settings, newKey: (3, 4))
    }

    struct Case: Sendable, CustomStringConvertible {
        var fault: SimulatedDisk.Fault
        var isForEver: Bool
        var description: String { "\(fault), \(isForEver ? "for ever" : "once")" }
    }

    static let cases = SimulatedDisk.Fault.allCases.flatMap { fault in
        [false, true].map { Case(fault: fault, isForEver: $0) }
    }

    @Test(
        "whichever call fails, what was acknowledged is there afterwards, once, and nothing is wrong", arguments: cases)
    func sweep(setup: Case) throws {
        var failures = 0
        for call in 1...500 {
            let disk = SimulatedDisk(seed: UInt64(call))
            disk.planFault(setup.fault, atCall: call, isForEver: setup.isForEver)
            var acknowledged: Set<Int> = []
            do {
                let log = try Self.open(disk)
                for number in 0..<24 {
                    do {
                        _ = try log.store([batch(number..<number + 1, ids: true)])
                        acknowledged.insert(number)
                    } catch let error as MartletError {
                        #expect(error.code == .storeUnavailable, "call \(call)")
                    }
                    if number % 4 == 3 { try? log.commit("reader", offset: log.endOffset) }
                }
                if log.failure != nil { failures += 1 }
            } catch {
                // The log could not be opened: nothing was acknowledged.
                failures += 1
            }
            let wasMet = disk.faults > 0
            disk.forgetFault()
            if call % 2 == 0 { disk.cutPower() } else { disk.killProcess() }
            disk.restart()
            let log = try Self.open(disk)
            let kept = try log.payloads()
            #expect(Set(kept).count == kept.count, "call \(call)")
            #expect(acknowledged.allSatisfy { kept.contains("payload of \($0)") }, "call \(call)")
            #expect(kept == (0..<kept.count).map { "payload of \($0)" }, "call \(call)")
            #expect(try log.store([batch(0..<24, ids: true)]).endOffset == 24, "call \(call)")
            if !wasMet { break }
        }
        #expect(failures > 20)
    }

    @Test("a failed sync stops acknowledgements for good and says so; the process that comes after goes on")
    func failedSync() throws {
        let disk = SimulatedDisk(seed: 8)
        let log = try Self.open(disk)
        _ = try log.store([batch(0..<1)])
        // The second call of a group: the write, then the sync.
        disk.planFault(.inputOutput, atCall: 2)
        let first = try #require(throws: MartletError.self) { try log.store([batch(1..<2)]) }
        #expect(first.code == .storeUnavailable)
        let second = try #require(throws: MartletError.self) { try log.store([batch(2..<3)]) }
        #expect(second.code == .storeUnavailable)
        #expect(log.failure?.code == .storeUnavailable)
        #expect(log.endOffset == 1)
        disk.killProcess()
        let next = try Self.open(disk)
        // What the failed sync left in memory only has been written anew: the power may go now.
        let seen = try next.payloads()
        disk.cutPower()
        disk.restart()
        #expect(try Self.open(disk).payloads() == seen)
    }

    @Test("damage in what was acknowledged is told with file and byte, not cut off", arguments: [false, true])
    func damage(isInLastSegment: Bool) throws {
        let folder = TemporaryFolder()
        var settings = LogSettings()
        if !isInLastSegment { settings.segmentBytes = 400 }
        do {
            let log = try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace(), settings: settings)
            for number in 0..<10 { _ = try log.store([batch(number..<number + 1)]) }
        }
        let name = "log/00000000000000000000.log"
        var bytes = folder.bytes(of: name)
        bytes[bytes.count / 2] ^= 0x40
        folder.write(bytes, to: name)
        let error = try #require(throws: MartletError.self) {
            let log = try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace(), settings: settings)
            _ = try log.payloads()
        }
        #expect(error.code == .corruptData)
        #expect(error.place?.file.hasSuffix("00000000000000000000.log") == true)
        #expect(error.message.contains("at byte"))
    }

    @Test("a tail cut anywhere leaves whole appends, and the log goes on behind them")
    func tornTail() throws {
        let folder = TemporaryFolder()
        let name = "log/00000000000000000000.log"
        do {
            let log = try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace())
            _ = try log.store([batch(0..<2)])
            _ = try log.store([batch(2..<4), batch(4..<6)])
        }
        let whole = folder.bytes(of: name)
        var counts: Set<Int> = []
        for length in stride(from: whole.count, to: whole.count - 350, by: -7) {
            folder.write(Array(whole.prefix(length)), to: name)
            let log = try EventLog(folder: "\(folder.path)/log", workspace: testWorkspace())
            counts.insert(try log.payloads().count)
            #expect(try log.store([batch(9..<10)]).endOffset == log.endOffset)
        }
        #expect(counts == [2, 6])
    }
}
