internal import Dispatch
package import MartletCore
internal import Synchronization

/// An append on its way to the disk.
struct PendingAppend: Sendable {
    var frames: [EncodedFrame]
    var bytes: Int
    var events: Int
    var idempotencyKey: String
    var completion: @Sendable (Result<AppendReceipt, MartletError>) -> Void
}

extension EventLog {
    /// As `EventAppending` says, and atomic: of the batches of one append all are in the log after a crash, or none.
    /// What is refused at once is told on the calling thread.
    package func append(
        _ batches: [EventBatch], completion: @escaping @Sendable (Result<AppendReceipt, MartletError>) -> Void
    ) {
        append(batches, idempotencyKey: "", completion: completion)
    }

    /// - Parameter idempotencyKey: names the append within the log: repeated under the same key within the dedupe
    ///   horizon it is acknowledged and not stored. Empty where it has none.
    package func append(
        _ batches: [EventBatch], idempotencyKey: String,
        completion: @escaping @Sendable (Result<AppendReceipt, MartletError>) -> Void
    ) {
        let bytes: Int
        do throws(MartletError) {
            bytes = try settings.checkedBytes(batches, idempotencyKey: idempotencyKey)
            try reserve(bytes)
        } catch {
            completion(.failure(error))
            return
        }
        var frames = batches.map { EncodedFrame($0, key: key) }
        if !idempotencyKey.isEmpty {
            // In the last frame, so that the key is there when everything is.
            let last = batches.last ?? EventBatch(source: "", schemaVersion: 0)
            frames = frames.dropLast() + [EncodedFrame(last, key: key, idempotencyKey: idempotencyKey)]
        }
        let append = PendingAppend(
            frames: frames, bytes: bytes, events: batches.reduce(0) { $0 + $1.count },
            idempotencyKey: idempotencyKey, completion: completion)
        let failure = shared.withLock { state -> MartletError? in
            if let failure = state.refusal {
                state.queuedBytes -= bytes
                return failure
            }
            state.queue.append(append)
            return nil
        }
        if let failure {
            completion(.failure(failure))
        } else {
            wake.signal()
        }
    }

    /// Takes room in the queue before anything is encoded.
    private func reserve(_ bytes: Int) throws(MartletError) {
        let failure = shared.withLock { state -> MartletError? in
            if let failure = state.refusal { return failure }
            guard state.queuedBytes == 0 || state.queuedBytes + bytes <= settings.queueBytes else {
                return MartletError(
                    .limitExceeded,
                    "\(state.queuedBytes) bytes wait to be written to the log, at most \(settings.queueBytes) may",
                    fix: "append again a little later")
            }
            state.queuedBytes += bytes
            return nil
        }
        if let failure { throw failure }
    }
}

extension EventLog.Shared {
    /// Why nothing can be appended any more.
    var refusal: MartletError? {
        failure ?? (isClosed ? MartletError(.storeUnavailable, "the log is closed") : nil)
    }
}
