internal import Glibc
internal import MartletCore

/// The embeddings of a view, row beside row: what is searched. Immutable once it is made.
// @unchecked: the memory is written while it is built, by one thread, and only read afterwards.
package final class VectorMatrix: @unchecked Sendable {
    /// The entities, one a row.
    package let keys: EntityKeys
    package let dimensions: Int
    let metric: VectorMetric
    /// Entities whose vector has another number of elements, or none that has a distance.
    package let unsearchable: Int
    private let stride: Int
    private let rows: UnsafeMutablePointer<Float>
    /// Of each row 1 by its length, for the cosine alone.
    private let inverseLengths: [Float]

    package var count: Int { keys.uniqueCount }

    /// Reads the records of a view as they are now.
    /// - Throws: `limitExceeded` where they need more memory than `limitBytes`, `corruptData` for a damaged record.
    package init(_ view: OnlineView, _ vector: OnlineView.Vector, in store: any ScannedStore, limitBytes: Int) throws {
        dimensions = vector.search.dimensions
        metric = vector.search.metric
        stride = (dimensions + vectorLaneCount - 1) / vectorLaneCount * vectorLaneCount
        var builder = VectorMatrixBuilder(
            view, vector, stride: stride, limitBytes: limitBytes)
        do {
            try store.scan(view.identity) { try builder.append($0, $1) }
        } catch {
            builder.release()
            throw error
        }
        keys = builder.keys
        rows = builder.rows
        inverseLengths = builder.inverseLengths
        unsearchable = builder.unsearchable
    }

    deinit { free(rows) }

    /// The memory of the rows and of what is kept beside each.
    package var sizeBytes: Int { count * VectorMatrixBuilder.rowBytes(stride) }

    /// How far each row is from the query, in single precision: what orders candidates.
    /// - Precondition: the query has as many elements as the rows, all finite.
    func distances(to query: [Float], threads: Int) -> [Float] {
        let padded = query + Array(repeating: 0, count: stride - query.count)
        let inverse = 1 / Float(query.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
        return [Float](unsafeUninitializedCapacity: count) { result, initialized in
            // Each thread writes rows of its own.
            nonisolated(unsafe) let result = result
            parallelFor(parts(threads), threads: threads) { part in
                let range = range(part, of: parts(threads))
                padded.withUnsafeBufferPointer { query in
                    inverseLengths.withUnsafeBufferPointer { inverses in
                        guard let query = query.baseAddress else { return }
                        switch metric {
                        case .cosine:
                            for row in range {
                                let product = innerProduct(rows + row &* stride, query, count: stride)
                                result[row] = 1 - product * inverses[row] * inverse
                            }
                        case .l2:
                            // The root keeps the order; it is taken of what is answered.
                            for row in range {
                                result[row] = squaredDistance(rows + row &* stride, query, count: stride)
                            }
                        case .innerProduct:
                            for row in range { result[row] = -innerProduct(rows + row &* stride, query, count: stride) }
                        }
                    }
                }
            }
            initialized = count
        }
    }

    private func parts(_ threads: Int) -> Int { max(1, min(threads, count * stride / 262_144)) }

    private func range(_ part: Int, of parts: Int) -> Range<Int> {
        count * part / parts..<count * (part + 1) / parts
    }
}

/// Takes the records of a scan.
struct VectorMatrixBuilder: ~Copyable {
    private let view: OnlineView
    private let vector: OnlineView.Vector
    private let stride: Int
    private let limitBytes: Int
    private var capacity = 0
    private(set) var keys = EntityKeys()
    private(set) var rows: UnsafeMutablePointer<Float>
    private(set) var inverseLengths: [Float] = []
    private(set) var unsearchable = 0

    init(_ view: OnlineView, _ vector: OnlineView.Vector, stride: Int, limitBytes: Int) {
        self.view = view
        self.vector = vector
        self.stride = stride
        self.limitBytes = limitBytes
        guard let memory = malloc(max(1, stride * 4)) else { preconditionFailure("there is memory for one vector") }
        rows = memory.assumingMemoryBound(to: Float.self)
        capacity = 1
    }

    /// A row, its key's places and its length.
    static func rowBytes(_ stride: Int) -> Int { 4 * stride + 64 }

    mutating func append(_ key: UnsafeRawBufferPointer, _ record: UnsafeRawBufferPointer) throws {
        if try RecordHeader.isTombstone(record) { return }
        let row = try LatestRow(record, featureCount: view.features.count)
        guard row.isPresent(vector.feature) else { return }
        guard let bytes = try row.list(vector.feature, of: .float32).float32Bytes,
            bytes.count == 4 * vector.search.dimensions
        else {
            unsearchable += 1
            return
        }
        let place = keys.uniqueCount
        keys.append(encoded: key)
        // A scan of Redis may come by twice.
        if keys.uniqueCount == place { return }
        try reserve(place + 1)
        let target = rows + place * stride
        target.update(repeating: 0, count: stride)
        UnsafeMutableRawBufferPointer(start: target, count: bytes.count).copyMemory(from: bytes)
        let squares = Double(innerProduct(target, target, count: stride))
        // What has no distance comes last: an infinite or a missing one sorts behind all others.
        inverseLengths.append(squares > 0 && squares.isFinite ? Float(1 / squares.squareRoot()) : .nan)
    }

    private mutating func reserve(_ count: Int) throws {
        guard count > capacity else { return }
        let wanted = capacity + max(1_024, capacity / 2)
        guard count * Self.rowBytes(stride) <= limitBytes else {
            throw MartletError(
                .limitExceeded,
                "the vectors of \(view.name) need more than the \(limitBytes) bytes of limits.vectors",
                fix: "raise limits.vectors in martlet.yaml")
        }
        // Where little is left of the limit the memory grows up to it alone.
        let allowed = min(wanted, limitBytes / Self.rowBytes(stride))
        guard let memory = realloc(rows, allowed * stride * 4) else {
            throw MartletError(.limitExceeded, "there is no memory for the vectors of \(view.name)")
        }
        rows = memory.assumingMemoryBound(to: Float.self)
        capacity = allowed
    }

    /// Gives the memory back where no matrix is made of it.
    mutating func release() { free(rows) }
}
