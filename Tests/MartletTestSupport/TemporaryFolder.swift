internal import FoundationEssentials
internal import Glibc

/// A folder of its own for a test, removed with its contents when the last reference to it goes.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() {
        var template = Array("\(environmentVariable("TMPDIR") ?? "/tmp")/martlet-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { preconditionFailure("no temporary folder could be made") }
        path = String(cString: made)
    }

    deinit {
        // A test may have taken the right to write away.
        chmod(path, 0o755)
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file, making the folders above it.
    package func write(_ text: String, to relative: String) { write(Array(text.utf8), to: relative) }

    package func write(_ bytes: [UInt8], to relative: String) {
        var folder = path
        for part in relative.split(separator: "/").dropLast() {
            folder += "/\(part)"
            mkdir(folder, 0o777)
        }
        guard let file = fopen("\(path)/\(relative)", "w") else { preconditionFailure("\(relative) is not writable") }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }

    package func bytes(of relative: String) -> [UInt8] { fileBytes("\(path)/\(relative)") }
    package func text(of relative: String) -> String { String(decoding: bytes(of: relative), as: UTF8.self) }
    package func exists(_ relative: String) -> Bool { access("\(path)/\(relative)", F_OK) == 0 }
}

/// A folder of its own for the body, removed after it.
package func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = TemporaryFolder()
    return try body(folder.path)
}

/// The bytes of a file; none where it cannot be read.
package func fileBytes(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { return bytes }
        bytes += buffer[..<count]
    }
}

/// The folder of the package, found from this file.
package let packageFolder: String = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
