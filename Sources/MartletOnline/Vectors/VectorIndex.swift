internal import MartletCore
internal import Synchronization

/// The matrix of one view, read again when the store has changed.
///
/// A search sees what was stored before it began, unless reading the view takes longer than `freeNanoseconds`: then it
/// is read again no sooner than `restFactor` times as long after, so that writers without pause cost a tenth of a
/// processor at most. Where a store does not say when it changes, it is read again after `blindNanoseconds` at the
/// earliest.
final class VectorIndex: Sendable {
    private static let freeNanoseconds: UInt64 = 5_000_000
    private static let restFactor: UInt64 = 10
    private static let blindNanoseconds: UInt64 = 1_000_000_000

    private let view: OnlineView
    private let vector: OnlineView.Vector
    private let state = Mutex(State())
    /// Held by whoever reads the view.
    private let reading = Mutex(())

    private struct State {
        var matrix: VectorMatrix?
        var mark: UInt64?
        var readAt: UInt64 = 0
        var tookNanoseconds: UInt64 = 0
    }

    init(_ view: OnlineView, _ vector: OnlineView.Vector) {
        self.view = view
        self.vector = vector
    }

    /// The matrix held, in bytes.
    var sizeBytes: Int { state.withLock { $0.matrix?.sizeBytes ?? 0 } }

    /// - Parameter limitBytes: of the rows; while they are read again, those before are held beside them.
    func matrix(in store: any ScannedStore, limitBytes: Int, _ time: any TimeSource) throws -> VectorMatrix {
        let held = state.withLock { $0 }
        if let matrix = try upToDate(held, store, time) { return matrix }
        func read() throws -> VectorMatrix {
            // Somebody else may have read it while this one waited.
            let held = state.withLock { $0 }
            if let matrix = try upToDate(held, store, time) { return matrix }
            return try readAgain(store, limitBytes, time)
        }
        guard let before = held.matrix else { return try reading.withLock { _ in try read() } }
        // While another reads the view, the one before is searched.
        return try reading.withLockIfAvailable { _ in try read() } ?? before
    }

    private func upToDate(_ held: State, _ store: any ScannedStore, _ time: any TimeSource) throws -> VectorMatrix? {
        guard let matrix = held.matrix else { return nil }
        let mark = try store.changeMark(of: view.identity)
        if mark != nil, mark == held.mark { return matrix }
        var rest = held.tookNanoseconds > Self.freeNanoseconds ? held.tookNanoseconds * Self.restFactor : 0
        if mark == nil { rest = max(rest, Self.blindNanoseconds) }
        return UInt64(time.monotonicNanoseconds()) < held.readAt + rest ? matrix : nil
    }

    private func readAgain(_ store: any ScannedStore, _ limitBytes: Int, _ time: any TimeSource) throws -> VectorMatrix
    {
        let start = UInt64(time.monotonicNanoseconds())
        // Taken first: what is written while the view is read may or may not be in it.
        let mark = try store.changeMark(of: view.identity)
        let matrix = try VectorMatrix(view, vector, in: store, limitBytes: limitBytes)
        let end = UInt64(time.monotonicNanoseconds())
        state.withLock { $0 = State(matrix: matrix, mark: mark, readAt: end, tookNanoseconds: end - start) }
        return matrix
    }
}
