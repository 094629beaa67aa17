/// What Package.swift says, read as text: running SwiftPM inside a test would wait for its own lock.
struct Manifest {
    struct Target: Equatable {
        /// `target`, `executableTarget`, `testTarget` or `systemLibrary`.
        let kind: String
        let name: String
        let dependencies: [String]
    }

    let targets: [Target]

    init(text: String) {
        var found: [(offset: Int, target: Target)] = []
        let bytes = Array(text.utf8)
        for kind in ["target", "executableTarget", "testTarget", "systemLibrary"] {
            let opening = Array(".\(kind)(".utf8)
            var offset = 0
            while let start = bytes.firstRange(of: opening, from: offset) {
                offset = start + opening.count
                let call = String(decoding: bytes[offset..<bytes.closing(after: offset)], as: UTF8.self)
                // A dependency spelled `.target(name: "X")` is no declaration.
                if isDependencyList(bytes[..<start]) { continue }
                guard let name = strings(in: call, after: "name:", upTo: ",").first else { continue }
                found.append(
                    (
                        start,
                        Target(
                            kind: kind, name: name, dependencies: strings(in: call, after: "dependencies:", upTo: "]"))
                    ))
            }
        }
        targets = found.sorted { $0.offset < $1.offset }.map(\.target)
    }
}

/// Whether the text ends inside `dependencies: [`.
private func isDependencyList(_ before: ArraySlice<UInt8>) -> Bool {
    let text = String(decoding: before, as: UTF8.self)
    guard let list = text.ranges(of: "dependencies: [").last else { return false }
    return !text[list.upperBound...].contains("]")
}

/// The string literals between a label and the next `end` or the end of the text.
private func strings(in text: String, after label: String, upTo end: Character) -> [String] {
    guard let start = text.ranges(of: label).first?.upperBound else { return [] }
    let quoted = text[start...].prefix { $0 != end }.split(separator: "\"", omittingEmptySubsequences: false)
    return quoted.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
}

extension [UInt8] {
    fileprivate func firstRange(of pattern: [UInt8], from: Int) -> Int? {
        guard count >= pattern.count + from else { return nil }
        return (from...(count - pattern.count)).first { self[$0..<($0 + pattern.count)].elementsEqual(pattern) }
    }

    /// The place of the parenthesis that closes the one before `start`.
    fileprivate func closing(after start: Int) -> Int {
        var depth = 1
        var position = start
        while position < count {
            if self[position] == UInt8(ascii: "(") { depth += 1 }
            if self[position] == UInt8(ascii: ")") { depth -= 1 }
            if depth == 0 { return position }
            position += 1
        }
        return position
    }
}
