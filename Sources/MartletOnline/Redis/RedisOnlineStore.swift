package import MartletCore
internal import Synchronization

/// The online store in Redis, one server or a cluster (docs/backends.md).
///
/// A record stands under `m{KEY}VIEW`: the encoded entity key as the hash tag, then the view's number. So the views of
/// an entity share a slot and are read from one node, and entities spread evenly. `martlet:views` is a hash that
/// numbers the views, `martlet:load:VIEW` a cursor.
package final class RedisOnlineStore: OnlineStore {
    let settings: RedisSettings
    let nodes: RedisNodes
    private let handles = Mutex<[ViewIdentity: ViewHandle]>([:])
    private let putScriptHash = Mutex<String?>(nil)

    /// Connects at first use: a server that is down does not keep a process from starting.
    package init(_ settings: RedisSettings, time: any TimeSource = SystemTimeSource()) {
        self.settings = settings
        nodes = RedisNodes(settings, time)
    }

    package var isRemote: Bool { true }

    package var statistics: StoreStatistics { nodes.statistics }

    package func handle(for view: ViewIdentity) throws -> ViewHandle {
        if let known = handles.withLock({ $0[view] }) { return known }
        var batch = RedisBatch()
        batch.add("EVAL", RedisScript.number, "1", viewsKey, view.description, slot: slot(viewsKey))
        let replies = try nodes.run(batch, by: Deadline(milliseconds: settings.readTimeoutMilliseconds))
        guard let number = try checked(replies[0]).integer, let number = UInt32(exactly: number) else {
            throw foreignReply()
        }
        let handle = ViewHandle(number: number)
        handles.withLock { $0[view] = handle }
        return handle
    }

    package func cursor(of view: ViewIdentity) throws -> LoadCursor? {
        let key = cursorKey(try handle(for: view))
        var batch = RedisBatch()
        batch.add("GET", key, slot: slot(key))
        let replies = try nodes.run(batch, by: Deadline(milliseconds: settings.readTimeoutMilliseconds))
        return try checked(replies[0]).bytes.map { try LoadCursor(decoding: Array($0)) }
    }

    package func setCursor(_ cursor: LoadCursor, of view: ViewIdentity) throws {
        try setCursor(cursor, of: handle(for: view))
    }

    func setCursor(_ cursor: LoadCursor, of view: ViewHandle) throws {
        let key = cursorKey(view)
        var batch = RedisBatch()
        batch.add("SET", key, String(decoding: cursor.encoded, as: UTF8.self), slot: slot(key))
        let replies = try nodes.run(batch, by: Deadline(milliseconds: settings.writeTimeoutMilliseconds))
        _ = try checked(replies[0])
    }

    /// The hash by which the servers know the script, which they are told where they do not.
    func putScript(isKnown: Bool, by deadline: Deadline) throws -> String {
        if isKnown, let hash = putScriptHash.withLock({ $0 }) { return hash }
        var batch = RedisBatch()
        batch.add("SCRIPT", "LOAD", RedisScript.put)
        var hash = ""
        for endpoint in try nodes.masters(by: deadline) {
            let replies = try nodes.run(batch, on: endpoint, by: deadline)
            guard let text = try checked(replies[0]).string else { throw foreignReply() }
            hash = text
        }
        putScriptHash.withLock { $0 = hash }
        return hash
    }

    func slot(_ key: String) -> Int {
        guard settings.isCluster else { return 0 }
        return Array(key.utf8).withUnsafeBytes { redisSlot($0) }
    }
}

private let viewsKey = "martlet:views"

func cursorKey(_ view: ViewHandle) -> String { "martlet:load:\(view.number)" }

/// - Throws: `storeUnavailable` for an error of the server, `diskFull` where it has no memory.
func checked(_ reply: RedisReply) throws -> RedisReply {
    guard let error = reply.error else { return reply }
    if error.hasPrefix("OOM") || error.hasPrefix("MISCONF") {
        throw MartletError(.diskFull, "Redis takes no writes: \(error)", fix: "give it more memory or disk")
    }
    throw MartletError(.storeUnavailable, "Redis refuses a command: \(error)")
}

func foreignReply() -> MartletError {
    MartletError(.corruptData, "Redis holds something else under a key of Martlet's", fix: "use a database of its own")
}
