internal import Glibc
internal import MartletCore

/// The SHA-256 of a file as hexadecimal digits, read a mebibyte at a time.
/// - Throws: `notFound`, `fileSystem`.
package func sha256OfFile(_ path: String) throws -> String {
    try reportingFailures {
        let calls = FileCalls(faults: nil)
        let descriptor = Int32(try calls.run(.open, path) { Int(open(path, O_RDONLY | O_CLOEXEC)) })
        defer { close(descriptor) }
        var digest = try SHA256Digest()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try calls.run(.read, path) {
                buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            }
            if count == 0 { return try digest.finishAsHex() }
            try digest.update(buffer[..<count])
        }
    }
}
