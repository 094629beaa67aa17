internal import MartletCore
internal import MartletFeatures
internal import MartletHTTP
internal import MartletOnline
internal import Synchronization

/// A catalog with the plans made from it; replaced as a whole when the catalog changes.
final class ServingState: Sendable {
    let catalog: ServingCatalog
    /// The names that entity columns may have.
    let joinKeys: Set<String>
    /// The names that entity columns with values for derived features may have.
    let requestNames: Set<String>
    let store: any OnlineStore
    private let planLimit: Int
    private let servesExpired: Bool
    private let plans = Mutex<[UInt64: Entry]>([:])
    /// Those of our own API, by the names of services and features.
    let namedPlans = Mutex<[String: NamedPlan]>([:])

    fileprivate struct Entry: Sendable {
        let bytes: [UInt8]
        let flags: UInt8
        let plan: ServingPlan

        func isOf(_ bytes: UnsafeRawBufferPointer, _ flags: UInt8) -> Bool {
            self.flags == flags && self.bytes.withUnsafeBytes { $0.equals(bytes) }
        }
    }

    /// A plan with the state that it was made from.
    struct KnownPlan {
        fileprivate let state: ServingState
        fileprivate let entry: Entry
    }

    init(_ catalog: ServingCatalog, _ store: any OnlineStore, _ settings: FeatureServerSettings) {
        self.catalog = catalog
        self.store = store
        planLimit = max(1, settings.planLimit)
        servesExpired = settings.servesExpired
        joinKeys = Set(catalog.pinnedViews.values.flatMap { $0.values.flatMap { $0.keys.map(\.name) } })
        requestNames = Set(catalog.derivedViews.values.flatMap { $0.request.map(\.name) })
    }

    /// The plan of a request; the bytes of its feature list, as they stand in the document, find the one made before.
    /// - Parameter known: the plan that the thread used last, which is looked at first.
    func plan(_ request: OnlineRequest, _ known: inout KnownPlan?) throws -> ServingPlan {
        var flags: UInt8 = (request.hasFullNames ? 1 : 0) | (request.hasVersionMetadata ? 2 : 0)
        let bytes: UnsafeRawBufferPointer
        switch request.wanted {
        case .service(let name):
            flags |= 4
            bytes = name.utf8 ?? UnsafeRawBufferPointer(start: nil, count: 0)
        case .features(let list):
            guard let found = list.stringArrayBytes else {
                throw FeastError(type: "string_type", at: [.name("features")], "every feature should be a valid string")
            }
            bytes = found
        }
        if let known, known.state === self, known.entry.isOf(bytes, flags) { return known.entry.plan }
        let entry = try entry(request, bytes, flags)
        known = KnownPlan(state: self, entry: entry)
        return entry.plan
    }

    private func entry(_ request: OnlineRequest, _ bytes: UnsafeRawBufferPointer, _ flags: UInt8) throws -> Entry {
        let hash = planHash(bytes, flags)
        if let known = plans.withLock({ $0[hash] }), known.isOf(bytes, flags) { return known }
        let plan = try ServingPlan(
            references(request.wanted), hasFullNames: request.hasFullNames,
            hasVersionMetadata: request.hasVersionMetadata, catalog: catalog, store: store,
            servesExpired: servesExpired, service: request.wanted.service)
        let entry = Entry(bytes: Array(bytes), flags: flags, plan: plan)
        plans.withLock { plans in
            if plans.count >= planLimit, plans[hash] == nil { plans.remove(at: plans.startIndex) }
            plans[hash] = entry
        }
        return entry
    }

    /// - Throws: 404.
    func references(ofService name: String) throws -> [ServingPlan.Reference] {
        guard let features = catalog.services[name] else {
            let near = nearestName(to: name, among: catalog.services.keys.sorted())
            throw FeastError(
                status: 404, class: "FeatureServiceNotFoundException",
                "Feature service \(name) does not exist" + (near.map { "; did you mean \($0)?" } ?? ""))
        }
        return features.map { ServingPlan.Reference(view: $0.view, version: nil, feature: $0.feature) }
    }

    private func references(_ wanted: OnlineRequest.Wanted) throws -> [ServingPlan.Reference] {
        switch wanted {
        case .service(let element): return try references(ofService: element.string ?? "")
        case .features(let list):
            return try list.elements.enumerated().map { index, element in
                guard let reference = element.string.flatMap({ ServingPlan.Reference($0) }) else {
                    throw FeastError(
                        type: "value_error", at: [.name("features"), .index(index)],
                        "a feature is named view:feature, or view@v2:feature for a version")
                }
                return reference
            }
        }
    }
}

/// FNV-1a over words; equality is checked beside it.
private func planHash(_ bytes: UnsafeRawBufferPointer, _ flags: UInt8) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(flags)
    var offset = 0
    while offset &+ 8 <= bytes.count {
        hash = (hash ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0x0000_0100_0000_01B3
        hash ^= hash &>> 29
        offset &+= 8
    }
    while offset < bytes.count {
        hash = (hash ^ UInt64(bytes[offset])) &* 0x0000_0100_0000_01B3
        offset &+= 1
    }
    return hash
}
