package import MartletCore
internal import Synchronization

/// An entity that a search found. Valid while the search's body runs.
package struct VectorHit {
    package let keys: [Value]
    package let row: LatestRow
    package let distance: Double
}

/// Finds the entities whose embeddings are nearest to a query, by comparing it with all of them: exact, linear in their
/// number. The matrices are kept in memory, `limitBytes` of them at most; while one is read again there are two of it.
package final class VectorSearcher: Sendable {
    /// Records that are looked at in one read.
    private static let largestBatch = 65_536

    private let limitBytes: Int
    private let threads: Int
    private let time: any TimeSource
    private let indexes = Mutex<[ViewIdentity: VectorIndex]>([:])

    package init(limitBytes: Int, threads: Int, time: any TimeSource = SystemTimeSource()) {
        self.limitBytes = limitBytes
        self.threads = threads
        self.time = time
    }

    /// The memory of all matrices.
    package var sizeBytes: Int { indexes.withLock { Array($0.values) }.reduce(0) { $0 + $1.sizeBytes } }

    /// Forgets the views that are served no more.
    package func keep(only views: Set<ViewIdentity>) {
        indexes.withLock { $0 = $0.filter { views.contains($0.key) } }
    }

    /// Runs `body` with the nearest entities, nearest first; equal distances in the order of the encoded keys. Expired
    /// ones are not found.
    /// - Parameters:
    ///   - count: at most so many.
    ///   - filter: only entities for which it holds; such entities are looked up, nearest first, until there are
    ///   enough.
    /// - Throws: `invalidInput` where the view has no embedding or the query is none of its, `limitExceeded`.
    package func search(
        _ view: OnlineView, for query: [Float], count: Int, filter: RecordFilter? = nil, in store: any OnlineStore,
        at now: () -> Timestamp, _ body: ([VectorHit]) throws -> Void
    ) throws {
        guard let vector = view.vector else {
            throw MartletError(
                .invalidInput, "the view \(view.name) has no vector to search",
                fix: "declare one: latest: {embedding: {column: embedding, vector: {dimensions: 384}}}")
        }
        guard query.count == vector.search.dimensions else {
            throw MartletError(
                .invalidInput,
                "the query has \(query.count) elements, and the vectors of \(view.name) \(vector.search.dimensions)")
        }
        guard query.allSatisfy(\.isFinite), vector.search.metric != .cosine || query.contains(where: { $0 != 0 }) else {
            throw MartletError(.invalidInput, "the query is no vector with a direction")
        }
        let matrix = try matrix(of: view, vector, in: store.scanned)
        let lookup = RecordLookup(view: try store.handle(for: view.identity), keyIndex: 0)
        var candidates = VectorCandidates(matrix.distances(to: query, threads: threads))
        var table = RecordTable()
        var found = EntityKeys()
        // More than are wanted: single precision orders what is equally near by chance. Then more and more, so that a
        // filter that few pass does not go over the distances again and again.
        var batch = max(64, 4 * count)
        while found.uniqueCount < count {
            let rows = candidates.next(batch)
            if rows.isEmpty { break }
            batch = max(batch, min(4 * batch, Self.largestBatch))
            var keys = EntityKeys()
            for row in rows { matrix.keys.withKey(Int(row)) { keys.append(encoded: $0) } }
            try store.read([lookup], keys: [keys], into: &table) { table in
                var judged = Judge(view, vector, query, filter)
                try judged.take(table, keys, at: now())
                for hit in judged.hits { keys.withKey(hit.index) { found.append(encoded: $0) } }
            }
        }
        // Once more, all of one state as far as the store has it: what is answered is judged as it is now.
        try store.read([lookup], keys: [found], into: &table) { table in
            var judged = Judge(view, vector, query, filter)
            try judged.take(table, found, at: now())
            let hits = judged.hits.sorted { left, right in
                if left.distance != right.distance { return left.distance < right.distance }
                return found.withKey(left.index) { a in found.withKey(right.index) { compareBytes(a, $0) < 0 } }
            }
            try body(
                try hits.prefix(count).map { hit in
                    VectorHit(
                        keys: try found.withKey(hit.index) { try EntityKeys.values(of: $0, view.keys) }, row: hit.row,
                        distance: hit.distance)
                })
        }
    }

    private func matrix(
        of view: OnlineView, _ vector: OnlineView.Vector, in store: any ScannedStore
    ) throws -> VectorMatrix {
        let (index, others) = indexes.withLock { indexes in
            let index = indexes[view.identity] ?? VectorIndex(view, vector)
            indexes[view.identity] = index
            return (index, indexes.filter { $0.key != view.identity }.map(\.value))
        }
        let used = others.reduce(0) { $0 + $1.sizeBytes }
        return try index.matrix(in: store, limitBytes: max(0, limitBytes - used), time)
    }
}

/// Looks at records that may be hits.
private struct Judge {
    private let view: OnlineView
    private let vector: OnlineView.Vector
    private let query: [Float]
    private let filter: RecordFilter?
    private(set) var hits: [(index: Int, row: LatestRow, distance: Double)] = []

    init(_ view: OnlineView, _ vector: OnlineView.Vector, _ query: [Float], _ filter: RecordFilter?) {
        self.view = view
        self.vector = vector
        self.query = query
        self.filter = filter
    }

    mutating func take(_ table: borrowing RecordTable, _ keys: EntityKeys, at time: Timestamp) throws {
        var answer = ViewAnswer()
        try answer.fill(view, features: [], lookup: 0, keyCount: keys.uniqueCount, from: table, at: time)
        for index in 0..<keys.uniqueCount {
            guard let row = answer.rows[index], row.isPresent(vector.feature),
                let bytes = try row.list(vector.feature, of: .float32).float32Bytes, bytes.count == 4 * query.count,
                let distance = exactDistance(query, bytes, vector.search.metric)
            else { continue }
            if let filter {
                let holds = try filter.holds(row) {
                    try keys.withKey(index) { try EntityKeys.values(of: $0, view.keys) }
                }
                if !holds { continue }
            }
            hits.append((index, row, distance))
        }
    }
}
