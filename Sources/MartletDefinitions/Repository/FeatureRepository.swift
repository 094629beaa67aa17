package import MartletCore

/// A folder with `martlet.yaml`, definitions in YAML and the SQL files beside them, read and checked as a whole.
package struct FeatureRepository: Sendable {
    /// The folder as the caller named it.
    package let directory: String
    package let settings: WorkspaceSettings
    /// In the order in which they are applied, and by name within a kind.
    package let definitions: [Definition]

    package static let settingsFile = "martlet.yaml"

    /// Reads `martlet.yaml` and every `*.yaml` and `*.yml` below, hidden folders left out.
    /// - Throws: everything that is wrong, in the order of files and lines.
    package static func load(
        directory: String, limits: RepositoryLimits = RepositoryLimits()
    ) throws(DefinitionFaults) -> FeatureRepository {
        let reader = FolderReader(root: directory, limits: limits)
        var faults: [MartletError] = []
        var settings: WorkspaceSettings?
        do {
            settings = try WorkspaceSettings.load(reader)
        } catch {
            faults += error.faults
        }
        var files: [RepositoryText.File] = []
        do {
            for path in try reader.files(suffixes: [".yaml", ".yml"]) where path != settingsFile {
                if path.hasSuffix("/" + settingsFile) {
                    faults.append(
                        MartletError(
                            .invalidDefinition, "a repository has one martlet.yaml, at its root",
                            place: .init(file: reader.path(path)),
                            fix: "move this repository out of the other, or remove the file"))
                    continue
                }
                let bytes = try reader.bytes(of: path, maximumSizeBytes: limits.yaml.maximumSizeBytes)
                files.append(.init(path: reader.path(path), bytes: bytes))
            }
        } catch {
            // Where there is no folder, the settings said so already.
            if !faults.contains(where: { $0.code == .notFound }) || error.code != .notFound { faults.append(error) }
        }
        let text = RepositoryText(checking: files, limits: limits) { reader.sql($0) }
        faults += text.faults
        guard faults.isEmpty, let settings else { throw DefinitionFaults(faults) }
        return FeatureRepository(directory: directory, settings: settings, definitions: text.definitions)
    }

    package func definition(_ kind: Definition.Kind, _ name: String) -> Definition? {
        definitions.first { $0.kind == kind && $0.name == name }
    }
}

/// Everything that is wrong with a repository; at least one fault.
package struct DefinitionFaults: Error, Sendable, CustomStringConvertible {
    package let faults: [MartletError]

    package init(_ faults: [MartletError]) {
        precondition(!faults.isEmpty, "no faults, no error")
        self.faults = faults
    }

    /// The faults one below the other, with their count.
    package var description: String {
        let lines = faults.map { String(describing: $0) }.joined(separator: "\n")
        return faults.count == 1 ? lines : "\(lines)\n\(faults.count) faults"
    }

    /// For callers that report one error: the first fault, with the others as its cause.
    package var summary: MartletError {
        let first = faults[0]
        guard faults.count > 1 else { return first }
        return MartletError(
            first.code, first.message, place: first.place, fix: first.fix,
            cause: DefinitionFaults(Array(faults.dropFirst())))
    }
}
