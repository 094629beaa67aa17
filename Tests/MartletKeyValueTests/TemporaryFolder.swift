import FoundationEssentials
import Glibc

/// A folder of the test's own, removed with everything in it afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    var template = Array("/tmp/martlet-kv-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw FolderError() }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

struct FolderError: Error {}
