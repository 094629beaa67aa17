internal import MartletConnectors
internal import MartletCore
internal import MartletDefinitions
internal import MartletLog
internal import MartletObjects
internal import MartletQuery
internal import MartletRegistry
internal import Synchronization

/// Takes single events and small batches in, as they are pushed: what fits is durable when the answer comes, and what
/// does not is a dead letter. One for a server; decoders are made once for each version of a source.
package final class EventDoor: Sendable {
    private let workspace: Workspace
    private let intake: EventIntake
    private let known = Mutex<Known>(Known())

    private struct Known {
        var revision: Int64 = -1
        /// When the revision was looked up.
        var lookedUp: UInt64 = 0
        var sources: [String: PushedSource] = [:]
    }

    package enum Format: Sendable {
        case jsonLines
        /// An array of events, or one event.
        case json
    }

    init(_ workspace: Workspace) throws {
        self.workspace = workspace
        intake = try workspace.intake
    }

    /// Forgets what it knows of sources: definitions were applied.
    package func definitionsChanged() { known.withLock { $0 = Known() } }

    /// Decodes events and begins to append them, without waiting for the disk.
    /// - Parameters:
    ///   - body: events of the source; `isPadded` as `EventDecoder` has it.
    ///   - key: events without an id of their own are known again by it and their number, or by the digest of the body.
    /// - Throws: `unknownName`, `invalidInput` for JSON that is none.
    package func push(
        _ body: UnsafeRawBufferPointer, isPadded: Bool, as format: Format, to name: String, key: String?
    ) throws -> PendingPush {
        let source = try source(name)
        let now = workspace.time.now()
        let events =
            switch format {
            case .jsonLines: source.decoder.decode(lines: body, isPadded: isPadded, now: now)
            case .json: try source.decoder.decode(json: body, isPadded: isPadded, now: now)
            }
        var fallbackKey: String?
        if source.definition.id.isEmpty { fallbackKey = try key ?? sha256(Array(body)) }
        let pending = PendingPush(
            source: source, intake: intake, workspace: workspace, events: events, fallbackKey: fallbackKey, now: now)
        if !source.decoder.readsTexts { try pending.append(events) }
        return pending
    }

    private func source(_ name: String) throws -> PushedSource {
        try takeUpRevision()
        if let found = known.withLock({ $0.sources[name] }) { return found }
        let definitions = try workspace.appliedDefinitions()
        let definition = try definitions.source(name)
        let source = PushedSource(
            definition: definition, version: try workspace.sourceVersion(name, definitions),
            decoder: EventDecoder(definition, futureSkew: workspace.settings.limits.futureSkew))
        known.withLock { $0.sources[name] = source }
        return source
    }

    /// Another process may apply definitions, too: within a second they count here.
    private func takeUpRevision() throws {
        let now = workspace.time.monotonicNanoseconds()
        let isDue = known.withLock { known in
            guard now &- known.lookedUp > 1_000_000_000 else { return false }
            known.lookedUp = now
            return true
        }
        guard isDue else { return }
        let revision = try workspace.registry.current().revision
        known.withLock { known in
            if known.revision != revision { known.sources = [:] }
            known.revision = revision
        }
    }
}

/// A source as the door knows it.
struct PushedSource: Sendable {
    let definition: SourceDefinition
    let version: UInt32
    let decoder: EventDecoder
}

/// What became of pushed events.
package struct PushReport: Sendable {
    package var source = ""
    /// Events in the request.
    package var rows = 0
    /// Events that are durable now and were not before.
    package var accepted = 0
    package var duplicates = 0
    /// Messages that are no events of the source: their place in the request, from 0, and why.
    package var misfits: [(row: Int, reason: String)] = []
    /// Every event of the request has a smaller offset.
    package var endOffset: Int64 = 0
}
