import Dispatch
import Glibc
import MartletCore
import MartletKeyValue
import MartletTestSupport
import Synchronization
import Testing

@Suite("An environment")
struct EnvironmentTests {
    @Test("keeps what was committed, also after it was closed")
    func persistence() throws {
        try withTemporaryFolder { folder in
            do {
                let environment = try Environment(path: "\(folder)/a/b")
                let rows = try environment.database("rows")
                try environment.write { try $0.put([1, 2, 3], for: [9], in: rows) }
            }
            let environment = try Environment(path: "\(folder)/a/b")
            let rows = try environment.database("rows")
            #expect(try value([9], rows, environment) == [1, 2, 3])
            #expect(try value([8], rows, environment) == nil)
        }
    }

    @Test("forgets everything of a write that threw")
    func rollback() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder)
            let rows = try environment.database("rows")
            #expect(throws: Stop.self) {
                try environment.write {
                    try $0.put([1], for: [1], in: rows)
                    throw Stop()
                }
            }
            #expect(try value([1], rows, environment) == nil)
        }
    }

    @Test("shows a reader the state at its beginning while a writer commits")
    func snapshot() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder)
            let rows = try environment.database("rows")
            try environment.write { try $0.put([1], for: [1], in: rows) }
            try environment.read { reader in
                // On another thread: LMDB binds a writer to its thread, and a reader may be anywhere.
                let written = Mutex(false)
                DispatchQueue.concurrentPerform(iterations: 1) { _ in
                    try? environment.write { try $0.put([2], for: [1], in: rows) }
                    written.withLock { $0 = true }
                }
                #expect(written.withLock { $0 })
                let seen = try reader.withValue(for: [1], in: rows, bytes)
                #expect(seen == [1])
            }
            #expect(try value([1], rows, environment) == [2])
        }
    }

    @Test("renews pooled readers: each sees the newest commit")
    func renewal() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder, limits: EnvironmentLimits(pooledReaders: 1))
            let rows = try environment.database("rows")
            for number in UInt8(0)..<20 {
                try environment.write { try $0.put([number], for: [1], in: rows) }
                #expect(try value([1], rows, environment) == [number])
            }
        }
    }

    @Test("refuses a second handle on the folder in this process, and takes it again after closing")
    func secondHandle() throws {
        try withTemporaryFolder { folder in
            do {
                let first = try Environment(path: folder)
                #expect(code { _ = try Environment(path: "\(folder)/.") } == .conflict)
                withExtendedLifetime(first) {}
            }
            _ = try Environment(path: folder)
        }
    }

    @Test("says disk-full at its size limit and stays usable")
    func sizeLimit() throws {
        try withTemporaryFolder { folder in
            let environment = try Environment(path: folder, limits: EnvironmentLimits(mapSizeBytes: 1 << 20))
            let rows = try environment.database("rows")
            try environment.write { try $0.put([7], for: [0], in: rows) }
            let value = [UInt8](repeating: 1, count: 100_000)
            let failure = code {
                try environment.write { writer in
                    for number in UInt8(1)..<100 { try writer.put(value, for: [number], in: rows) }
                }
            }
            #expect(failure == .diskFull)
            try environment.write { try $0.put([8], for: [0], in: rows) }
            #expect(try MartletKeyValueTests.value([0], rows, environment) == [8])
        }
    }

    @Test("says corrupt-data for a file that is none of its own, or is cut short", arguments: ["foreign", "short"])
    func damagedFile(kind: String) throws {
        try withTemporaryFolder { folder in
            do {
                let environment = try Environment(path: folder)
                let rows = try environment.database("rows")
                try environment.write { writer in
                    for number in 0..<2_000 {
                        try writer.put([UInt8](repeating: 3, count: 100), for: key(number), in: rows)
                    }
                }
            }
            let file = "\(folder)/data.mdb"
            if kind == "short" {
                #expect(truncate(file, 3 * 4_096) == 0)
            } else {
                let descriptor = open(file, O_WRONLY)
                let noise = [UInt8](repeating: 0x5A, count: 8_192)
                #expect(write(descriptor, noise, noise.count) == noise.count)
                close(descriptor)
            }
            #expect(code { _ = try Environment(path: folder) } == .corruptData)
        }
    }

    @Test("says file-system where the folder cannot be made")
    func forbiddenFolder() throws {
        #expect(code { _ = try Environment(path: "/proc/none/such") } == .fileSystem)
    }

    @Test(
        "gives each failure of the store its code",
        arguments: [
            (Int32(-30792), MartletError.Code.diskFull), (ENOSPC, .diskFull), (-30796, .corruptData),
            (-30793, .corruptData),
            (-30797, .corruptData), (-30790, .limitExceeded), (EACCES, .fileSystem), (-30781, .limitExceeded),
            (ENOMEM, .storeUnavailable), (-30785, .storeUnavailable),
        ])
    func errorCodes(status: Int32, expected: MartletError.Code) {
        #expect(keyValueError(status: status, doing: "testing").code == expected)
    }
}

struct Stop: Error {}

func bytes(_ span: RawSpan) -> [UInt8] { span.withUnsafeBytes { Array($0) } }

func bytes(_ span: RawSpan?) -> [UInt8]? {
    guard let span else { return nil }
    return span.withUnsafeBytes { Array($0) }
}

func key(_ number: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) } }

func value(_ key: [UInt8], _ database: Database, _ environment: Environment) throws -> [UInt8]? {
    try environment.read { try $0.withValue(for: key, in: database, bytes) }
}

func code(_ body: () throws -> Void) -> MartletError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? MartletError)?.code
    }
}
