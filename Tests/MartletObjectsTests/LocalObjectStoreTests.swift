import Glibc
import MartletCore
import MartletObjects
import MartletTestSupport
import Synchronization
import Testing

@Suite("A local object store")
struct LocalObjectStoreTests {
    let folder = TemporaryFolder()
    let faults = FileFaults()

    private func store() throws -> LocalObjectStore {
        try LocalObjectStore(url: "file:\(folder.path)/s", faults: faults)
    }

    private func code(_ body: () throws -> Void) -> MartletError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? MartletError)?.code }
    }

    @Test("gives back what was put, also after it was replaced")
    func putGet() throws {
        let store = try store()
        try store.put("a/b/c.json", [1, 2, 3])
        #expect(try store.get("a/b/c.json") == [1, 2, 3])
        try store.put("a/b/c.json", [])
        #expect(try store.get("a/b/c.json") == [])
        #expect(try store.entry("a/b/c.json")?.sizeBytes == 0)
        #expect(try store.exists("a/b/c.json"))
        try store.delete("a/b/c.json")
        try store.delete("a/b/c.json")
        #expect(try !store.exists("a/b/c.json"))
        #expect(code { _ = try store.get("a/b/c.json") } == .notFound)
    }

    @Test("puts an object that is absent and leaves one that is there")
    func putIfAbsent() throws {
        let store = try store()
        let time = Timestamp(year: 2020, month: 2, day: 3, microsecond: 4_000)
        #expect(try store.putIfAbsent("x/1", [1], modified: time))
        #expect(try !store.putIfAbsent("x/1", [2], modified: nil))
        #expect(try store.get("x/1") == [1])
        #expect(try store.entry("x/1")?.modified == time)
        #expect(try store.list(prefix: "").map(\.key) == ["x/1"])
    }

    @Test("lets exactly one of many writers win a key")
    func race() throws {
        let store = try store()
        let winners = Mutex<[Int]>([])
        parallelFor(64, threads: 8) { index in
            if (try? store.putIfAbsent("race/\(index % 8)", [UInt8(index)])) == true {
                winners.withLock { $0.append(index) }
            }
        }
        let won = winners.withLock { $0 }
        #expect(won.count == 8)
        for index in won { #expect(try store.get("race/\(index % 8)") == [UInt8(index)]) }
    }

    @Test("lists by prefix in the order of bytes, without files being written")
    func list() throws {
        let store = try store()
        for key in ["a/b", "a.b", "a/c/d", "ab", "b", "a/B"] { try store.put(key, [1]) }
        let descriptor = open("\(folder.path)/s/a/.martlet-writing-77", O_WRONLY | O_CREAT, 0o644)
        close(descriptor)
        #expect(try store.list(prefix: "").map(\.key) == ["a.b", "a/B", "a/b", "a/c/d", "ab", "b"])
        #expect(try store.list(prefix: "a/").map(\.key) == ["a/B", "a/b", "a/c/d"])
        #expect(try store.list(prefix: "a/c").map(\.key) == ["a/c/d"])
        #expect(try store.list(prefix: "a").map(\.key) == ["a.b", "a/B", "a/b", "a/c/d", "ab"])
        #expect(try store.list(prefix: "", after: "a/b").map(\.key) == ["a/c/d", "ab", "b"])
        #expect(try store.list(prefix: "", after: "a/c/a").map(\.key) == ["a/c/d", "ab", "b"])
        #expect(try store.list(prefix: "none/").isEmpty)
    }

    @Test("refuses what is no key", arguments: ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", "a\0b"])
    func keys(key: String) throws {
        let store = try store()
        #expect(code { try store.put(key, [1]) } == .invalidInput)
        #expect(code { _ = try store.get(key) } == .invalidInput)
    }

    @Test(
        "reads URLs",
        arguments: [
            ("file:/a/b", "/a/b"), ("file:///a/b/", "/a/b"), ("file:x/y", "/base/x/y"), ("x", "/base/x"),
            ("./x/../y", "/base/y"), ("/a b/%20", "/a b/%20"),
        ])
    func urls(url: String, root: String) throws {
        #expect(try LocalObjectStore(url: url, relativeTo: "/base").root == root)
    }

    @Test("refuses other URLs", arguments: ["s3://bucket/x", "file:", "", "file://host/x"])
    func badURLs(url: String) {
        #expect(code { _ = try LocalObjectStore(url: url) } == .invalidSettings)
    }

    @Test("refuses to read more than the limit")
    func limit() throws {
        let store = try store()
        try store.put("a", [1, 2, 3])
        #expect(code { _ = try store.get("a", sizeBytesMax: 2) } == .limitExceeded)
        #expect(try store.get("a", sizeBytesMax: 3) == [1, 2, 3])
    }

    @Test(
        "leaves the old object and no rest where a call fails",
        arguments: [
            (FileCall.write, ENOSPC, MartletError.Code.diskFull), (.fsync, EIO, .fileSystem),
            (.open, EACCES, .fileSystem),
            (.rename, EDQUOT, .diskFull), (.open, EROFS, .fileSystem),
        ])
    func failedPut(call: FileCall, errno code: Int32, expected: MartletError.Code) throws {
        let store = try store()
        try store.put("k", [1])
        faults.fail(call, with: code)
        #expect(self.code { try store.put("k", [2, 2]) } == expected)
        #expect(try store.get("k") == [1])
        #expect(try names() == ["k"])
        try store.put("k", [3])
        #expect(try store.get("k") == [3])
    }

    @Test("does not take a key where linking or syncing the bytes fails", arguments: [FileCall.write, .fsync, .link])
    func failedPutIfAbsent(call: FileCall) throws {
        let store = try store()
        try store.put("other", [0])
        faults.fail(call, with: EIO)
        #expect(code { _ = try store.putIfAbsent("k", [2]) } == .fileSystem)
        #expect(try !store.exists("k"))
        #expect(try names() == ["other"])
    }

    @Test("names the path in its errors")
    func message() throws {
        let store = try store()
        faults.fail(.mkdir, with: EACCES)
        do {
            try store.put("deep/k", [1])
            Issue.record("the put went through")
        } catch let error as MartletError {
            #expect(error.code == .fileSystem)
            #expect(error.message.contains("\(folder.path)/s"))
            #expect(error.message.contains("Permission denied"))
        }
    }

    @Test("syncs the file and its folder with every put")
    func durability() throws {
        let store = try store()
        try store.put("k", [1])
        let before = faults.count(of: .fsync)
        try store.put("k", [1])
        #expect(faults.count(of: .fsync) == before + 2)
        #expect(try store.putIfAbsent("l", [1]))
        #expect(faults.count(of: .fsync) == before + 4)
        try store.makeDurable(["k", "l"])
        #expect(faults.count(of: .fsync) == before + 7)
    }

    private func names() throws -> [String] {
        guard let handle = opendir("\(folder.path)/s") else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let item = readdir(handle) {
            let name = withUnsafePointer(to: &item.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
