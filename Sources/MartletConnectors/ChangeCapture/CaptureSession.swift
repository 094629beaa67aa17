internal import MartletCore
internal import MartletDatabase
internal import MartletLog

/// One life of the two connections of a change capture: from asking where to begin until something breaks.
final class CaptureSession {
    private let settings: ChangeCaptureSettings
    private let sink: any RawMessageSink
    private let run: ConnectorRun
    private let handover: Handover
    /// For the catalog, the heartbeat and the figures of the slot.
    private let control: PostgresConnection
    private let replication: PostgresConnection
    private var durable = LogSequenceNumber(0)
    private var feedbackDue: UInt64 = 0
    private var heartbeatDue: UInt64 = 0

    init(_ settings: ChangeCaptureSettings, sink: any RawMessageSink, run: ConnectorRun) throws(MartletError) {
        self.settings = settings
        self.sink = sink
        self.run = run
        handover = Handover(source: settings.source, sink: sink, run: run)
        let seconds = max(1, Int(run.limits.connect.microseconds / 1_000_000))
        control = try PostgresConnection(settings.url, connectSeconds: seconds)
        replication = try PostgresConnection(settings.url, for: .replication, connectSeconds: seconds)
    }

    func settle() { handover.settle() }

    func run(_ whenRunning: () -> Void) throws {
        try control.query("SET statement_timeout = '30s'")
        let identity = try replication.query("IDENTIFY_SYSTEM")
        guard let system = identity.first?[0], let database = identity.first?[3] else { throw WireReader.broken }
        let stored = try sink.position(of: settings.stream).map { position throws(MartletError) in
            try CapturePosition(bytes: position.bytes)
        }
        let start = try CaptureStart.decide(
            stored: stored, system: system, database: database, slot: try slot())
        let captured = try CapturedTable(settings, control)
        let position: CapturePosition
        switch start {
        case .stream(let stored): position = stored
        case .snapshot(let dropsSlot):
            if dropsSlot { try control.query("SELECT pg_drop_replication_slot($1)", [settings.slot]) }
            position = try snapshot(captured, system: system)
        }
        if run.shouldStop { return }
        durable = position.end
        try replication.startStream(
            "START_REPLICATION SLOT \(PostgresConnection.quoted(name: settings.slot)) LOGICAL \(position.end) "
                + "(proto_version '1', messages 'true', publication_names "
                + PostgresConnection.quoted(text: PostgresConnection.quoted(name: settings.publication)) + ")")
        run.update { $0.state = .streaming }
        whenRunning()
        var machine = ReplicationMachine(table: captured.table, slot: settings.slot, position: position)
        try stream(&machine)
    }

    private func slot() throws(MartletError) -> CaptureStart.Slot? {
        let rows = try control.query(
            "SELECT plugin, database, coalesce(wal_status, 'lost') FROM pg_replication_slots WHERE slot_name = $1",
            [settings.slot])
        return rows.first.map { CaptureStart.Slot(plugin: $0[0] ?? "", database: $0[1] ?? "", state: $0[2] ?? "lost") }
    }

    // MARK: The table as a whole

    private func snapshot(_ captured: CapturedTable, system: String) throws -> CapturePosition {
        run.update { status in
            status.state = .snapshot
            status.snapshots += 1
        }
        // The snapshot lives until the next command on this connection, which therefore waits until the copy is done.
        let made = try replication.query(
            "CREATE_REPLICATION_SLOT \(PostgresConnection.quoted(name: settings.slot)) "
                + "LOGICAL pgoutput (SNAPSHOT 'export')"
        )
        guard let point = made.first?[1].flatMap({ LogSequenceNumber($0) }), let name = made.first?[2] else {
            throw WireReader.broken
        }
        let loader = try PostgresConnection(settings.url)
        try loader.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try loader.query("SET TRANSACTION SNAPSHOT \(PostgresConnection.quoted(text: name))")
        let now = run.time.now()
        let begun = CapturePosition(system: system, phase: .snapshot, end: point)
        // Rows of an attempt before, or of a slot that was lost, are not told otherwise.
        var last = RawMessage(.truncate, payload: .row(after: nil, before: nil))
        last.sentAt = now
        last.id = Array("\(system)/\(settings.slot)/\(point)/snapshot".utf8)
        var count = 0
        try loader.copyOut(captured.copyStatement) { line in
            handover.add(last, stream: settings.stream)
            count += 1
            last = RawMessage(.insert, payload: .row(after: try CopyLine.row(line, of: captured.table), before: nil))
            last.sentAt = now
            last.id = Array("\(system)/\(settings.slot)/\(point)/row/\(count)".utf8)
            if count % 1_000 == 0 || handover.isFull { try passOn(begun) }
        }
        // The last message carries the word that the snapshot is whole.
        let whole = CapturePosition(system: system, phase: .streaming, end: point)
        handover.add(last, stream: settings.stream)
        mark(whole)
        try handover.drain { _ in }
        return whole
    }

    private func passOn(_ position: CapturePosition) throws(MartletError) {
        repeat {
            if run.shouldStop { throw MartletError(.cancelled, "stopped as asked") }
            mark(position)
            _ = try handover.pump()
            if handover.isFull { run.wake.wait(milliseconds: 100) }
        } while handover.isFull
    }

    private func mark(_ position: CapturePosition) {
        handover.mark(
            settings.stream, Int64(bitPattern: position.end.value),
            SourcePosition(stream: settings.stream, bytes: position.bytes))
    }

    // MARK: Changes

    private func stream(_ machine: inout ReplicationMachine) throws(MartletError) {
        var decoder = ReplicationDecoder()
        while !run.shouldStop {
            let (wantsReply, hasMore) =
                handover.isFull ? (false, true) : try read(&machine, &decoder)
            if !handover.isEmpty { mark(machine.position) }
            try pump(&machine)
            let now = run.time.monotonicNanoseconds()
            if wantsReply || now >= feedbackDue {
                feedbackDue = now + UInt64(settings.feedback.microseconds) * 1_000
                try tellDurable(machine)
            }
            if now >= heartbeatDue {
                heartbeatDue = now + UInt64(settings.heartbeat.microseconds) * 1_000
                try beat()
            }
            run.update { $0.state = handover.isFull ? .paused : .streaming }
            if hasMore && !handover.isFull { continue }
            run.wake.wait(
                milliseconds: Int32(min(settings.feedback.microseconds / 1_000, 1_000)),
                reading: handover.isFull ? -1 : replication.descriptor)
        }
        // What was read is finished, and the server is told, so that it need not send it again.
        try handover.drain { durable = max(durable, LogSequenceNumber(UInt64(bitPattern: $0.mark))) }
        try tellDurable(machine)
    }

    /// Takes what has come, up to the limits.
    /// - Returns: whether the server wants an answer now, and whether there may be more that has come already.
    private func read(
        _ machine: inout ReplicationMachine, _ decoder: inout ReplicationDecoder
    ) throws(MartletError) -> (wantsReply: Bool, hasMore: Bool) {
        try replication.readAvailable()
        var wantsReply = false
        while !handover.isFull {
            let received = try replication.receiveCopyData { bytes throws(MartletError) in
                switch try ReplicationFrame(bytes) {
                case .keepalive(let end, let isAsked):
                    machine.keepalive(end: end)
                    wantsReply = wantsReply || isAsked
                case .data(let payload):
                    switch try machine.receive(try decoder.decode(payload)) {
                    case .nothing: break
                    case .change(let message): handover.add(message, stream: settings.stream)
                    case .changes(let first, let second):
                        handover.add(first, stream: settings.stream)
                        handover.add(second, stream: settings.stream)
                    }
                }
            }
            if received == .nothing { return (wantsReply, false) }
        }
        return (wantsReply, true)
    }

    private func pump(_ machine: inout ReplicationMachine) throws(MartletError) {
        for mark in try handover.pump() {
            durable = max(durable, LogSequenceNumber(UInt64(bitPattern: mark.mark)))
        }
        let lag = handover.oldestSentAt.map { Double(run.time.now().microseconds - $0.microseconds) / 1_000_000 }
        let redeliveries = Int64(machine.repeated)
        run.update { status in
            status.redeliveries = redeliveries
            let bytes = status.lags.first?.bytes
            status.lags = [.init(stream: settings.stream, bytes: bytes, seconds: max(0, lag ?? 0))]
        }
    }

    private func tellDurable(_ machine: ReplicationMachine) throws(MartletError) {
        // Where nothing waits, what the server sent of other tables is done with too.
        let flushed = handover.isEmpty ? max(durable, machine.confirmable) : durable
        try replication.sendCopyData(ReplicationFrame.feedback(flushed: flushed, now: run.time.now()))
    }

    private func beat() throws(MartletError) {
        try control.query("SELECT pg_logical_emit_message(false, 'martlet', '')")
        let row = try control.query(
            """
            SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint::text, wal_status
            FROM pg_replication_slots WHERE slot_name = $1
            """, [settings.slot]
        ).first
        run.update { status in
            status.slotState = row?[1]
            let seconds = status.lags.first?.seconds
            status.lags = [
                .init(stream: settings.stream, bytes: row?[0].flatMap { Int64($0) }, seconds: seconds)
            ]
        }
    }
}
