package import MartletCore

/// A flat space of keys, each with bytes: a folder of files or, later, a bucket.
///
/// Keys are relative paths such as `acme/main/bronze.payments/_delta_log/00000000000000000000.json`: parts parted by
/// `/`, none of them empty, `.` or `..`. All calls block; they are made from threads that may. Acknowledged means
/// durable. Errors: `notFound`, `diskFull`, `fileSystem`, `invalidInput` for a key that is none.
package protocol ObjectStore: Sendable {
    /// Where the store lives, for messages.
    var location: String { get }

    /// - Throws: `notFound` where there is no such object, `limitExceeded` where it is larger than `sizeBytesMax`.
    func get(_ key: String, sizeBytesMax: Int) throws -> [UInt8]

    /// Writes or replaces an object: readers see the old bytes or the new ones, never a part.
    func put(_ key: String, _ bytes: [UInt8]) throws

    /// Writes an object unless the key is taken; of several writers exactly one is told `true`.
    /// - Parameter modified: the modification time to give it, where the store can; nil means now.
    func putIfAbsent(_ key: String, _ bytes: [UInt8], modified: Timestamp?) throws -> Bool

    /// The objects whose keys start with `prefix` and come after `after`, in the order of their UTF-8 bytes. Objects
    /// still being written are not among them.
    func list(prefix: String, after: String?) throws -> [ObjectEntry]

    /// nil where there is no such object.
    func entry(_ key: String) throws -> ObjectEntry?

    /// Removes an object; an absent one is no error.
    func delete(_ key: String) throws

    /// The absolute path under which other libraries of this process (DuckDB) read and write the object; nil where
    /// the store is not a local folder. Does not ask whether it exists.
    func localPath(_ key: String) throws -> String?

    /// Makes the folder for objects that another library is going to write below `prefix` (which ends in `/`).
    func prepareFolder(_ prefix: String) throws

    /// Makes objects durable that another library wrote under their local paths.
    func makeDurable(_ keys: [String]) throws
}

extension ObjectStore {
    /// The largest object that `get` reads where the caller names no limit: 256 MiB.
    package static var defaultSizeBytesMax: Int { 256 << 20 }

    package func get(_ key: String) throws -> [UInt8] { try get(key, sizeBytesMax: Self.defaultSizeBytesMax) }
    package func putIfAbsent(_ key: String, _ bytes: [UInt8]) throws -> Bool {
        try putIfAbsent(key, bytes, modified: nil)
    }
    package func list(prefix: String) throws -> [ObjectEntry] { try list(prefix: prefix, after: nil) }
    package func exists(_ key: String) throws -> Bool { try entry(key) != nil }
}

/// What a store knows of an object without reading it.
package struct ObjectEntry: Sendable, Hashable {
    package var key: String
    package var sizeBytes: Int
    package var modified: Timestamp

    package init(key: String, sizeBytes: Int, modified: Timestamp) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.modified = modified
    }
}

/// Keys compared as S3 lists them: by bytes.
package func keyPrecedes(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

/// - Throws: `invalidInput` where the text is no key.
func validateKey(_ key: String) throws {
    let parts = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let isValid = parts.allSatisfy { part in
        !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8) && !part.contains(0)
    }
    guard isValid else { throw MartletError(.invalidInput, "\"\(key)\" is not the key of an object") }
}
