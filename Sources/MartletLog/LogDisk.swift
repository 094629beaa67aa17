package import MartletCore

/// Files and folders as the log uses them. A parameter, so that a simulator can be the disk.
///
/// What is written is durable only after `sync` of the file; that a file is there under its name only after
/// `syncFolder` of its folder. All calls may be made from any thread. Errors are `MartletError`s of code `diskFull`,
/// `fileSystem` or `conflict`.
package protocol LogDisk: Sendable {
    /// Makes a folder and those above it, durably; nothing happens where it is there.
    func makeFolder(_ path: String) throws(MartletError)
    /// The names in a folder, in no order.
    func list(_ path: String) throws(MartletError) -> [String]
    func open(_ path: String, for use: LogFileUse) throws(MartletError) -> any LogFile
    /// Gives a file another name in its folder, in the place of what has that name, at once or not at all.
    func rename(_ path: String, to newPath: String) throws(MartletError)
    func remove(_ path: String) throws(MartletError)
    func syncFolder(_ path: String) throws(MartletError)
    /// Holds the file at `path` for this process until the result goes.
    /// - Throws: `conflict` where another one holds it.
    func lock(_ path: String) throws(MartletError) -> any LogLock
}

package enum LogFileUse: Sendable {
    case reading
    case writing
    /// Writing to an empty file; one that is there is emptied.
    case creating
}

package protocol LogFile: AnyObject, Sendable {
    func sizeBytes() throws(MartletError) -> Int
    /// Writes the pieces one behind the other. All of them, or it throws and any part may be written.
    func write(_ pieces: [[UInt8]], at position: Int) throws(MartletError)
    /// - Returns: the bytes read: fewer than asked for only at the end of the file.
    func read(at position: Int, into bytes: UnsafeMutableRawBufferPointer) throws(MartletError) -> Int
    func truncate(to sizeBytes: Int) throws(MartletError)
    /// Returns once everything written is durable. After a failure nothing is known of what was written since the last
    /// success, and repeating it proves nothing.
    func sync() throws(MartletError)
}

package protocol LogLock: AnyObject, Sendable {}

extension LogFile {
    /// The bytes of a range, fewer at the end of the file.
    func bytes(_ range: Range<Int>) throws(MartletError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(range, into: &bytes)
        return bytes
    }

    /// Reads a range into `bytes`, in the place of what they hold; fewer at the end of the file.
    func read(_ range: Range<Int>, into bytes: inout [UInt8]) throws(MartletError) {
        if bytes.count < range.count {
            bytes = [UInt8](unsafeUninitializedCapacity: range.count) { $1 = range.count }
        } else {
            bytes.removeLast(bytes.count - range.count)
        }
        var failure: MartletError?
        let count = bytes.withUnsafeMutableBytes { buffer in
            do throws(MartletError) {
                return try read(at: range.lowerBound, into: buffer)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        bytes.removeLast(bytes.count - count)
    }
}

extension LogDisk {
    func wholeFile(_ path: String) throws(MartletError) -> [UInt8] {
        let file = try open(path, for: .reading)
        return try file.bytes(0..<file.sizeBytes())
    }

    /// Writes a file beside its place, makes it durable and moves it there: it is there as it was or as it is to be.
    func replaceDurably(_ name: String, in folder: String, with bytes: [UInt8]) throws(MartletError) {
        try write(name, in: folder, bytes, isDurable: true)
    }

    /// Likewise, but a power cut may leave it missing or damaged: for what can be made again.
    func replace(_ name: String, in folder: String, with bytes: [UInt8]) throws(MartletError) {
        try write(name, in: folder, bytes, isDurable: false)
    }

    private func write(_ name: String, in folder: String, _ bytes: [UInt8], isDurable: Bool) throws(MartletError) {
        let path = "\(folder)/\(name)"
        let file = try open(path + temporarySuffix, for: .creating)
        try file.write([bytes], at: 0)
        if isDurable { try file.sync() }
        try rename(path + temporarySuffix, to: path)
        if isDurable { try syncFolder(folder) }
    }
}

/// Of files that are not in their place yet; what is left of them is removed on opening.
let temporarySuffix = ".new"
