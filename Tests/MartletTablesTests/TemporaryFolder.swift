internal import Glibc

/// A folder of one test, removed with everything in it at the end.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { preconditionFailure("cannot make a temporary folder") }
        path = String(cString: made)
    }

    deinit { remove(path) }

    private func remove(_ path: String) {
        chmod(path, 0o755)
        if let handle = opendir(path) {
            while let item = readdir(handle) {
                let name = withUnsafePointer(to: &item.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { remove(path + "/" + name) }
            }
            closedir(handle)
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
