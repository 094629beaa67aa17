internal import FoundationEssentials
internal import Glibc
internal import MartletCore
internal import MartletObjects

/// The files of one run that does not fit into memory, with a note of each finished step: whoever asks for the same
/// again goes on from there. A step counts as finished only where its files still have the digests in its note.
struct SpillFolder {
    static let namePrefix = "training-set-"

    let path: String

    /// When the last step was finished; nil where there is none to go on from.
    var lastFinished: Timestamp? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".done") }.compactMap { modificationTime(file($0)) }.max()
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    func remove(_ name: String) { try? FileManager.default.removeItem(atPath: file(name)) }

    /// What a finished step noted; nil where it has to be done.
    func note(of step: String) -> JSONValue? {
        guard let data = FileManager.default.contents(atPath: file("\(step).done")),
            let json = try? JSONValue(parsing: String(decoding: data, as: UTF8.self)),
            let files = json["files"]?.object
        else { return nil }
        for (name, digest) in files {
            guard let found = try? sha256OfFile(file(name)), found == digest.string else { return nil }
        }
        return json["note"]
    }

    /// Notes a step as finished, once its files are complete.
    /// - Parameter files: relative to the folder; a folder stands for all files below it.
    func finish(_ step: String, files: [String], note: JSONValue) throws {
        var digests: [String: JSONValue] = [:]
        for name in files.flatMap(filesBelow) { digests[name] = .string(try sha256OfFile(file(name))) }
        let text = JSONValue.object(["files": .object(digests), "note": note]).text
        let target = file("\(step).done")
        guard FileManager.default.createFile(atPath: target + ".partial", contents: Data(text.utf8)),
            rename(target + ".partial", target) == 0
        else { throw MartletError(.fileSystem, "a spilled step cannot be noted", place: .init(file: target)) }
    }

    /// The files of a step's note.
    func files(of step: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: file("\(step).done")),
            let json = try? JSONValue(parsing: String(decoding: data, as: UTF8.self))
        else { return [] }
        return (json["files"]?.object ?? [:]).keys.sorted()
    }

    /// The name itself, or all files below a folder of that name.
    func filesBelow(_ name: String) -> [String] {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: file(name)) else {
            return access(file(name), F_OK) == 0 ? [name] : []
        }
        return entries.sorted().flatMap { filesBelow("\(name)/\($0)") }
    }
}
