internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog

/// Reads what connectors bring as events and appends them, each batch with its connector's position.
struct LogSink: RawMessageSink {
    let workspace: Workspace
    let intake: EventIntake
    let definitions: AppliedDefinitions

    /// Blocks until all is durable: a connector has a thread of its own.
    func append(_ batches: [RawMessages], completion: @escaping @Sendable (Result<Void, MartletError>) -> Void) {
        do {
            _ = try intake.append(try batches.map(events))
            completion(.success(()))
        } catch {
            completion(.failure(error as? MartletError ?? MartletError(.internalFault, "\(error)")))
        }
    }

    func position(of stream: String) -> SourcePosition? { intake.log.position(of: stream) }

    private func events(_ raw: RawMessages) throws -> EventBatch {
        let source = try definitions.source(raw.source)
        let decoder = EventDecoder(source, futureSkew: workspace.settings.limits.futureSkew)
        var texts = ByteStrings()
        var numbers: [Int] = []
        var letters: [DeadLetter] = []
        for (number, message) in raw.messages.enumerated() {
            switch MessageText(message, of: source) {
            case .event(let bytes):
                texts.append(contentsOf: bytes)
                numbers.append(number)
            case .nothing: continue
            case .misfit(let reason, let original):
                letters.append(letter(raw, reason, original))
            }
        }
        var decoded = decoder.decode(messages: texts, now: workspace.time.now())
        var misfits = decoded.misfits
        if decoder.readsTexts {
            let (typed, refused) = try workspace.typedEvents(decoded, decoder)
            decoded = typed
            misfits += refused
        }
        letters += misfits.map { letter(raw, $0.reason, $0.original) }
        // Before the events, so that none is lost; those of an append that is tried again are there already.
        try intake.keep(letters)
        var batch = try EventBatch(
            source, version: workspace.sourceVersion(raw.source, definitions), columns: decoded.columns,
            eventTimes: decoded.eventTimes, arrivalTimes: decoded.arrivalTimes, operations: decoded.operations)
        if source.id.isEmpty {
            // The broker's own id of a message, where it has one.
            var ids = ByteStrings()
            for message in decoded.messages { ids.append(contentsOf: raw.messages[numbers[Int(message)]].id) }
            batch.ids = ids
        }
        batch.position = raw.position
        return batch
    }

    private func letter(_ raw: RawMessages, _ reason: String, _ original: [UInt8]) -> DeadLetter {
        DeadLetter(
            source: raw.source, reason: reason, original: original,
            position: raw.position ?? SourcePosition(stream: raw.stream, bytes: []))
    }
}
