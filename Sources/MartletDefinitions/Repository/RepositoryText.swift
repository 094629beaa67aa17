package import MartletCore

/// The definitions of a set of YAML texts, checked as a whole. Pure: the texts come from the caller.
package struct RepositoryText: Sendable {
    package struct File: Sendable {
        /// As places name it.
        package var path: String
        package var bytes: [UInt8]

        package init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }

        package init(path: String, text: String) { self.init(path: path, bytes: Array(text.utf8)) }
    }

    /// In the order in which they are applied, and by name within a kind; only those without faults.
    package private(set) var definitions: [Definition] = []
    /// In the order of files and lines.
    package private(set) var faults: [MartletError] = []

    /// - Parameter sql: gives the text of an SQL file by its path from the repository's root.
    package init(
        checking files: [File], limits: RepositoryLimits = RepositoryLimits(),
        sql: (String) -> Result<String, MartletError>
    ) {
        withoutActuallyEscaping(sql) { sql in
            var check = RepositoryCheck(limits: limits, sql: sql)
            for file in files { check.read(file) }
            definitions = check.definitions()
            faults = check.lookup.faults.sorted
        }
    }
}

/// What a repository may cost.
package struct RepositoryLimits: Sendable {
    package var yaml = YAMLLimits()
    /// YAML files of a repository.
    package var maximumFiles = 4_096
    /// Folders within each other.
    package var maximumFolderDepth = 16
    /// Definitions of all kinds together.
    package var maximumDefinitions = 16_384
    /// The size of an SQL file in bytes.
    package var maximumSQLSizeBytes = 1 << 20

    package init() {}
}

/// Reads documents first and builds definitions then, kind by kind, so that names are known whatever the order of
/// files.
private struct RepositoryCheck {
    struct Draft {
        var kind: Definition.Kind
        var about: About
        var object: CheckedObject
    }

    let limits: RepositoryLimits
    var lookup: DefinitionLookup
    private var drafts: [Draft] = []
    private var places: [DefinitionKey: MartletError.Place] = [:]

    init(limits: RepositoryLimits, sql: @escaping (String) -> Result<String, MartletError>) {
        self.limits = limits
        lookup = DefinitionLookup(sql: sql)
    }

    mutating func read(_ file: RepositoryText.File) {
        let yaml = YAMLFile(parsing: file.bytes, file: file.path, limits: limits.yaml)
        for fault in yaml.faults { lookup.faults.add(fault) }
        if !yaml.isComplete { lookup.areNamesComplete = false }
        for document in yaml.documents { read(document) }
    }

    private mutating func read(_ document: YAMLNode) {
        guard case .mapping(let entries) = document.content, let first = entries.first else {
            lookup.faults.add(
                "a definition is a mapping, not \(document.kindName)", at: document.place,
                fix: "begin with its kind and name, such as `entity: customer`")
            lookup.areNamesComplete = false
            return
        }
        let kinds = Definition.Kind.allCases.map(\.rawValue)
        guard let kind = Definition.Kind(rawValue: first.key) else {
            let later = entries.first {
                kinds.contains($0.key) && isNameLike($0.value) && $0.key != "source" && $0.key != "entity"
            }
            let fix =
                nearestName(to: first.key, among: kinds).map { "did you mean `\($0)`?" }
                ?? later.map { "put `\($0.key)` first" } ?? "begin with one of \(kinds.joined(separator: ", "))"
            lookup.faults.add(
                "the first key names the kind of a definition, and `\(first.key)` is none", at: first.keyPlace, fix: fix
            )
            lookup.areNamesComplete = false
            return
        }
        let shape = DefinitionLanguage.shape(of: kind)
        var checker = ShapeChecker()
        let object = checker.checkObject(document, shape, "")
        for fault in checker.faults.faults { lookup.faults.add(fault) }
        guard let name = object.text(kind.rawValue) else {
            lookup.areNamesComplete = false
            return
        }
        let key = DefinitionKey(kind, name)
        if let other = places[key] {
            lookup.faults.add(
                "\(key) is defined twice, first at \(other)", at: object.place(kind.rawValue),
                fix: "rename or remove one of them")
            return
        }
        places[key] = document.place
        let tags = (object["tags"]?.map ?? []).compactMap { entry in entry.value.text.map { (entry.name, $0) } }
        let about = About(
            name: name, description: object.text("description") ?? "", owner: object.text("owner") ?? "",
            tags: Dictionary(tags) { first, _ in first }, place: document.place)
        guard drafts.count < limits.maximumDefinitions else {
            if drafts.count == limits.maximumDefinitions {
                lookup.faults.add(
                    "the repository has more than \(limits.maximumDefinitions) definitions", at: document.place,
                    .limitExceeded)
            }
            return
        }
        drafts.append(Draft(kind: kind, about: about, object: object))
    }

    private func isNameLike(_ node: YAMLNode) -> Bool {
        if case .scalar = node.content { true } else { false }
    }

    mutating func definitions() -> [Definition] {
        drafts.sort { ($0.kind.rank, $0.about.name) < ($1.kind.rank, $1.about.name) }
        // Every name first, as faulty; a definition without faults replaces its name.
        for draft in drafts {
            switch draft.kind {
            case .entity: lookup.entities[draft.about.name] = .faulty
            case .source: lookup.sources[draft.about.name] = .faulty
            case .features:
                lookup.views[draft.about.name] = .faulty
                if draft.object["derived"] != nil { lookup.derivedViews.insert(draft.about.name) }
            case .service, .checks: break
            }
        }
        return inBuildingOrder().compactMap { build($0) }.sorted { $0.key < $1.key }
    }

    /// By kind, and feature views after those that they read.
    private mutating func inBuildingOrder() -> [Draft] {
        let views = drafts.filter { $0.kind == .features }
        let order = ViewOrder(views.map { ViewOrder.Node($0.about.name, $0.object) })
        for fault in order.faults.faults { lookup.faults.add(fault) }
        let rank = Definition.Kind.features.rank
        return drafts.filter { $0.kind.rank < rank } + order.indices.map { views[$0] }
            + drafts.filter { $0.kind.rank > rank }
    }

    private mutating func build(_ draft: Draft) -> Definition? {
        let name = draft.about.name
        switch draft.kind {
        case .entity:
            guard let entity = EntityDefinition(draft.object, about: draft.about) else { return nil }
            lookup.entities[name] = .whole(entity)
            return .entity(entity)
        case .source:
            guard let source = SourceDefinition(draft.object, about: draft.about, faults: &lookup.faults) else {
                return nil
            }
            lookup.sources[name] = .whole(source)
            return .source(source)
        case .features:
            guard let view = buildView(draft) else { return nil }
            lookup.views[name] = .whole(view)
            if !view.isDerived {
                for feature in view.featureNames { lookup.featureOwners[feature, default: []].append(name) }
            }
            return .features(view)
        case .service:
            return ServiceDefinition(draft.object, about: draft.about, lookup: &lookup).map { .service($0) }
        case .checks:
            return ChecksDefinition(draft.object, about: draft.about, lookup: &lookup).map { .checks($0) }
        }
    }

    /// A function of its own, so that the builder's copy of the names is gone before a name is added: dictionaries
    /// shared by two owners are copied when they change.
    private mutating func buildView(_ draft: Draft) -> FeatureViewDefinition? {
        let view: FeatureViewDefinition?
        let faults: FaultList
        if draft.object["derived"] != nil {
            var builder = DerivedViewBuilder(draft.object, about: draft.about, lookup: lookup)
            (view, faults) = builder.build()
        } else {
            var builder = FeatureViewBuilder(draft.object, about: draft.about, lookup: lookup)
            (view, faults) = builder.build()
        }
        for fault in faults.faults { lookup.faults.add(fault) }
        return view
    }
}
