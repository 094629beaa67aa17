import MartletConnectors
import MartletCore
import MartletLog
import Synchronization
import Testing

/// Keeps what it is given with its positions, as one step; can fail and be slow on demand. Outlives connectors, as the
/// log does.
final class RecordingSink: RawMessageSink {
    struct State {
        var streams: [String: [RawMessage]] = [:]
        var positions: [String: SourcePosition] = [:]
        var appends = 0
        var count = 0
        /// The numbers of appends that fail and store nothing, and that are told to come again later.
        var failing: ClosedRange<Int>?
        var failingStep = 1
        var isBusyEvery = 0
        var isHeld = false
        var held: [@Sendable () -> Void] = []
        var heldBytes = 0
    }

    let state = Mutex(State())

    var count: Int { state.withLock { $0.count } }
    var positions: [String: SourcePosition] { state.withLock { $0.positions } }
    func messages(of stream: String) -> [RawMessage] { state.withLock { $0.streams[stream] ?? [] } }
    var all: [String: [RawMessage]] { state.withLock { $0.streams } }

    /// Of the next `count` times `step` appends every `step`th fails.
    func fail(_ count: Int, every step: Int = 1) {
        state.withLock { state in
            state.failing = (state.appends + step)...(state.appends + count * step)
            state.failingStep = step
        }
    }

    func stopFailing() { state.withLock { $0.failing = nil } }

    /// Every `step`th append finds no room.
    func beBusy(every step: Int) { state.withLock { $0.isBusyEvery = step } }

    /// Takes appends but finishes none until `release`.
    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for finish in held { finish() }
    }

    func append(_ batches: [RawMessages], completion: @escaping @Sendable (Result<Void, MartletError>) -> Void) {
        let isHeld = state.withLock { state in
            if state.isHeld { state.held.append { [self] in finish(batches, completion) } }
            return state.isHeld
        }
        if !isHeld { finish(batches, completion) }
    }

    private func finish(_ batches: [RawMessages], _ completion: @Sendable (Result<Void, MartletError>) -> Void) {
        let error = state.withLock { state -> MartletError? in
            state.appends += 1
            if let failing = state.failing, failing.contains(state.appends),
                (state.appends - failing.lowerBound) % state.failingStep == 0
            {
                return MartletError(.storeUnavailable, "the disk failed")
            }
            if state.isBusyEvery > 0, state.appends % state.isBusyEvery == 0 {
                return MartletError(.limitExceeded, "come again later")
            }
            for batch in batches {
                precondition(!batch.messages.isEmpty, "an empty batch")
                state.streams[batch.stream, default: []] += batch.messages
                state.count += batch.messages.count
                if let position = batch.position { state.positions[batch.stream] = position }
            }
            return nil
        }
        completion(error.map { .failure($0) } ?? .success(()))
    }

    func position(of stream: String) throws(MartletError) -> SourcePosition? { positions[stream] }
}
