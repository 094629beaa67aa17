package import MartletCore
internal import MartletDefinitions
package import MartletRegistry

extension Workspace {
    /// Compares definitions that a client sent with what is applied. Changes nothing; the settings are this
    /// workspace's own.
    /// - Parameter files: the text of each `*.yaml`, `*.yml` and `*.sql` by its path within the repository; nil means
    ///   those of this workspace's own folder.
    /// - Throws: `DefinitionFaults` with every fault, its place being the path within the repository; `invalidInput`
    ///   for a path that is none of a repository, `limitExceeded`.
    package func plan(files: [String: [UInt8]]?) throws -> ApplyPlan {
        guard let files else { return try plan(folder: directory, RepositoryLimits()) }
        let limits = RepositoryLimits()
        guard files.count <= limits.maximumFiles else {
            throw MartletError(
                .limitExceeded, "the request has \(files.count) files, the limit is \(limits.maximumFiles)")
        }
        let folder = try UploadFolder(in: directory)
        for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
            try checkDefinitionPath(name, depthMax: limits.maximumFolderDepth)
            _ = try folder.write(bytes, to: name)
        }
        _ = try folder.write(Array("workspace: \(settings.workspace.name)\n".utf8), to: FeatureRepository.settingsFile)
        return try withExtendedLifetime(folder) { try plan(folder: folder.path, limits) }
    }

    private func plan(folder: String, _ limits: RepositoryLimits) throws -> ApplyPlan {
        let repository: FeatureRepository
        do {
            repository = try FeatureRepository.load(directory: folder, limits: limits)
        } catch {
            throw DefinitionFaults(error.faults.map { $0.relative(to: folder) })
        }
        return try plan(repository.definitions)
    }

    /// Makes a plan's definitions current where it was made at revision `base`; nil means at whatever is current.
    /// - Throws: `stalePlan` where another revision is current.
    package func apply(
        _ plan: ApplyPlan, base: Int64?, idempotencyKey: String?, principal: Principal
    ) throws -> ApplyResult {
        if let base, base != plan.baseRevision {
            // A repetition of an apply that went through is no stale plan: its key says so.
            guard let idempotencyKey, try registry.revision(ofKey: idempotencyKey) != nil else {
                throw MartletError(
                    .stalePlan,
                    "the plan was made at revision \(base), and the workspace is at \(plan.baseRevision) now",
                    fix: "make the plan again and look at what changed")
            }
        }
        return try apply(plan, idempotencyKey: idempotencyKey, principal: principal)
    }
}

/// A path such as `definitions/payments.yaml`: of plain letters, nothing hidden, nothing above its folder.
private func checkDefinitionPath(_ path: String, depthMax: Int) throws {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let plain = parts.allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".")
            && part.unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isXIDContinue || $0 == "-" || $0 == ".") }
    }
    guard plain, parts.count <= depthMax, path.utf8.count <= 255 else {
        throw MartletError(
            .invalidInput, "\"\(path)\" is no path of a definition",
            fix: "name files as definitions/payments.yaml: letters, digits, dots, dashes and underscores")
    }
    guard [".yaml", ".yml", ".sql"].contains(where: path.hasSuffix) else {
        throw MartletError(.invalidInput, "\"\(path)\" is no definition", fix: "send .yaml, .yml and .sql files only")
    }
    guard path != FeatureRepository.settingsFile else {
        throw MartletError(
            .invalidInput, "the settings of a server are its own", fix: "leave \(FeatureRepository.settingsFile) out")
    }
}

extension MartletError {
    /// The same error with the path of its place from `folder` on.
    fileprivate func relative(to folder: String) -> MartletError {
        guard let place, place.file.hasPrefix(folder + "/") else { return self }
        let file = String(place.file.dropFirst(folder.count + 1))
        return MartletError(
            code, message, place: .init(file: file, line: place.line, column: place.column), fix: fix, cause: cause)
    }
}
