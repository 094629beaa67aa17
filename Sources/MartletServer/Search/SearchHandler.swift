internal import MartletCore
internal import MartletHTTP
internal import MartletOnline

/// Answers `/search` and its old name `/retrieve-online-documents`, both versions alike.
final class SearchHandler: Sendable {
    private let settings: FeatureServerSettings
    private let store: any OnlineStore
    private let time: any TimeSource
    private let searcher: VectorSearcher

    init(_ settings: FeatureServerSettings, _ store: any OnlineStore, _ time: any TimeSource) {
        self.settings = settings
        self.store = store
        self.time = time
        searcher = VectorSearcher(limitBytes: settings.vectorBytes, threads: settings.vectorThreads, time: time)
    }

    /// The memory of the vectors that are searched, as Prometheus reads it.
    func writeMetrics(to writer: inout ByteWriter) {
        let name = settings.workspace
        writer.append(
            text: "# HELP martlet_vector_bytes Memory of the embeddings that are searched.\n"
                + "# TYPE martlet_vector_bytes gauge\n"
                + "martlet_vector_bytes{tenant=\"\(name.tenant)\",workspace=\"\(name.name)\"} "
                + "\(searcher.sizeBytes)\n")
    }

    /// Forgets the vectors of views that the catalog does not serve any more.
    func replaceCatalog(_ catalog: ServingCatalog) {
        searcher.keep(only: Set(catalog.pinnedViews.values.flatMap { $0.values.map(\.identity) }))
    }

    /// Blocks on the store and on the search.
    func answer(_ body: [UInt8], _ catalog: ServingCatalog) -> Response {
        do {
            return try search(SearchRequest(body, catalog, settings), catalog)
        } catch let error as FeastError {
            return error.response
        } catch let error as MartletError where error.code == .invalidInput {
            return FeastError(type: "value_error", at: [.name("query")], error.message).response
        } catch {
            return FeastError(error).response
        }
    }

    private func search(_ request: SearchRequest, _ catalog: ServingCatalog) throws -> Response {
        let (view, features) = try searchedView(request.references, catalog)
        var writer = ByteWriter()
        try searcher.search(
            view, for: request.query, count: request.count, filter: request.filter(view), in: store,
            at: { time.now() }
        ) { hits in
            try SearchAnswer(
                view: view, label: request.references[0].view, features: features, hits: hits,
                hasFullNames: request.hasFullNames, hasVersionMetadata: request.hasVersionMetadata
            ).write(to: &writer)
        }
        return Response(body: writer.copied())
    }

    /// The one view that all references name, and which of its features they ask for. A reference to `distance` or a
    /// join key, which every answer has, is taken as that.
    private func searchedView(
        _ references: [ServingPlan.Reference], _ catalog: ServingCatalog
    ) throws -> (OnlineView, [Int]) {
        let first = references[0]
        guard references.allSatisfy({ $0.view == first.view && $0.version == first.version }) else {
            throw FeastError(
                type: "value_error", at: [.name("features")], "a search is of one feature view, and several are named")
        }
        let applied = try catalog.view(first)
        let view = settings.servesExpired ? applied.withoutTimeToLive : applied
        var features: [Int] = []
        for reference in references {
            if let index = view.featureIndex(reference.feature) {
                if !features.contains(index) { features.append(index) }
            } else if reference.feature != SearchAnswer.distance,
                !view.keys.contains(where: { $0.name == reference.feature })
            {
                throw unknownFeature(reference.feature, of: view.name, among: view.features)
            }
        }
        return (view, features)
    }
}
