internal import MartletCore

extension WorkspaceSettings {
    /// The defaults, by the key of the part.
    static let defaultBackends: [String: BackendURL] = [
        "registry": BackendURL(scheme: "sqlite", location: ".martlet/registry.db"),
        "tables": BackendURL(scheme: "file", location: ".martlet/tables"),
        "log": BackendURL(scheme: "file", location: ".martlet/log"),
        "online": BackendURL(scheme: "lmdb", location: ".martlet/online"),
        "engine": BackendURL(scheme: "duckdb", location: ""),
        "tracking": BackendURL(scheme: "builtin", location: ""),
    ]

    /// Reads `martlet.yaml` in the folder.
    package static func load(directory: String) throws(DefinitionFaults) -> WorkspaceSettings {
        try load(FolderReader(root: directory, limits: RepositoryLimits()))
    }

    static func load(_ reader: FolderReader) throws(DefinitionFaults) -> WorkspaceSettings {
        let file = FeatureRepository.settingsFile
        let bytes: [UInt8]
        do {
            bytes = try reader.bytes(of: file, maximumSizeBytes: reader.limits.yaml.maximumSizeBytes)
        } catch {
            guard error.code == .notFound else { throw DefinitionFaults([error]) }
            throw DefinitionFaults([
                MartletError(
                    .notFound, "there is no martlet.yaml here", place: .init(file: reader.path(file)),
                    fix: "run `martlet init`, or name the folder of a feature repository")
            ])
        }
        return try WorkspaceSettings(parsing: bytes, file: reader.path(file))
    }

    /// - Throws: all faults of the text.
    package init(parsing bytes: [UInt8], file: String) throws(DefinitionFaults) {
        let yaml = YAMLFile(parsing: bytes, file: file, code: .invalidSettings)
        guard yaml.faults.isEmpty else { throw DefinitionFaults(yaml.faults) }
        guard yaml.documents.count == 1, let document = yaml.documents.first, case .mapping = document.content else {
            throw DefinitionFaults([
                MartletError(
                    .invalidSettings, "the settings are one mapping", place: .init(file: file, line: 1, column: 1),
                    fix: "begin with `workspace: NAME`; definitions stand in other files")
            ])
        }
        var checker = ShapeChecker(code: .invalidSettings)
        let object = checker.checkObject(document, SettingsLanguage.shape, "")
        var faults = checker.faults
        var backends = Self.defaultBackends
        for (part, schemes) in SettingsLanguage.schemes {
            guard let value = object[part], let text = value.text else { continue }
            let url = BackendURL(text)
            let needsLocation = !(Self.defaultBackends[part]?.location.isEmpty ?? true)
            if !schemes.contains(url.scheme) {
                faults.add(
                    "`\(part)` cannot be kept by `\(url.scheme):`", at: value.place,
                    fix: suggestion(for: url.scheme, among: schemes), .invalidSettings)
            } else if url.scheme != "spark", needsLocation == url.location.isEmpty {
                faults.add(
                    needsLocation ? "`\(part)` names no path" : "`\(part)` takes no path", at: value.place,
                    fix: "such as \(Self.defaultBackends[part].map(String.init(describing:)) ?? "")", .invalidSettings)
            }
            backends[part] = url
        }
        if let value = object["limits"]?.object?["future_skew"], value.timeSpan == .zero {
            faults.add("`future_skew` is zero", at: value.place, .invalidSettings)
        }
        guard faults.faults.isEmpty, let name = object.text("workspace"),
            let tenant = TenantID(object.text("tenant") ?? "default"),
            let workspace = WorkspaceID(tenant: tenant, name: name)
        else { throw DefinitionFaults(faults.sorted) }
        self.init(workspace: workspace)
        description = object.text("description") ?? ""
        registry = backends["registry"] ?? registry
        tables = backends["tables"] ?? tables
        log = backends["log"] ?? log
        online = backends["online"] ?? online
        engine = backends["engine"] ?? engine
        tracking = backends["tracking"] ?? tracking
        server.address = object["server"]?.object?.text("address") ?? server.address
        server.port = object["server"]?.object?["port"]?.integer.map { Int($0) } ?? server.port
        server.acceptsWrites = object["server"]?.object?["writes"]?.boolean
        server.servesExpired = object["server"]?.object?["serves_expired"]?.boolean ?? server.servesExpired
        for key in SettingsLanguage.limitKeys {
            if let value = object["limits"]?.object?[key.member.name] { key.set(&limits, value) }
        }
    }
}
