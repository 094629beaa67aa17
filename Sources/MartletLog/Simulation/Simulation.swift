package import MartletCore

/// One run of the log, what hangs on it and whatever takes part, on a simulated disk and clock, with faults. The same
/// seed gives the same run, call for call.
package struct Simulation {
    package struct Settings: Sendable {
        /// Things that happen in a run: appends, reads, commits, faults, deaths.
        package var steps = 300
        /// The one fault of the run, in the place of those that come by chance.
        package var fault: PlannedFault?
        /// What the log breaks on purpose.
        package var defect: LogDefect?
        package init() {}
    }

    package struct PlannedFault: Sendable {
        package var fault: SimulatedDisk.Fault
        /// Counted from 1, over all calls of the run.
        package var call: Int
        /// Whether all further calls fail, until the log is opened anew.
        package var isForEver: Bool

        package init(fault: SimulatedDisk.Fault, call: Int, isForEver: Bool) {
            (self.fault, self.call, self.isForEver) = (fault, call, isForEver)
        }
    }

    private let seed: UInt64
    private let settings: Settings
    private var random: SeededRandom
    private let disk: SimulatedDisk
    private let clock = SimulatedClock(Timestamp(microseconds: 1_700_000_000_000_000))
    private var report: SimulationReport
    private var model = SimulationModel()
    private var log: EventLog?
    private let participants: [any SimulationParticipant]

    /// - Parameter participants: what else is run and checked: a consumer, a lander, a processor.
    /// - Returns: what happened; `broken` says which promise was not kept.
    package static func run(
        seed: UInt64, settings: Settings = Settings(), participants: [any SimulationParticipant] = []
    ) -> SimulationReport {
        var simulation = Simulation(seed: seed, settings: settings, participants: participants)
        return simulation.run()
    }

    private init(seed: UInt64, settings: Settings, participants: [any SimulationParticipant]) {
        self.seed = seed
        self.settings = settings
        self.participants = participants
        random = SeededRandom(seed: seed, stream: 1)
        disk = SimulatedDisk(seed: SeededRandom.seed(seed, 2))
        report = SimulationReport(seed: seed)
    }

    private mutating func run() -> SimulationReport {
        do throws(MartletError) {
            if let planned = settings.fault {
                disk.planFault(planned.fault, atCall: planned.call, isForEver: planned.isForEver)
            }
            try start()
            for _ in 0..<settings.steps {
                report.steps += 1
                try step()
            }
            try die(.process)
            try start()
            try check(isLast: true)
        } catch {
            report.broken = "\(error)"
        }
        report.faults = disk.faults
        report.diskCalls = disk.calls
        report.events = model.observed.count
        disk.note(UInt64(model.observed.count))
        report.traceHash = disk.traceHash
        return report
    }

    private mutating func step() throws(MartletError) {
        clock.advance(by: TimeSpan(microseconds: Int64(random.advance() % 20_000_000) - 1_000_000))
        switch random.advance() % 100 {
        case 0..<50: try append()
        case 50..<61: try observe()
        case 61..<65: try compact()
        case 65..<75: try commit()
        case 75..<85: try stepParticipants()
        case 85..<90 where settings.fault == nil:
            let fault = SimulatedDisk.Fault.allCases[Int(random.advance() % 4)]
            disk.planFault(fault, atCall: 1 + Int(random.advance() % 12), isForEver: random.advance() % 4 == 0)
        case 90..<93: try restart(.process)
        case 93..<96: try restart(.power)
        case 96..<98: try restart(.closing)
        default: try check(isLast: false)
        }
        // A log that failed, or whose machine is down, is started anew.
        if disk.isDown {
            try restart(.power)
        } else if log?.failure != nil {
            try restart(random.advance() & 1 == 0 ? .process : .power)
        }
    }

    private enum Death { case process, power, closing }

    private mutating func restart(_ death: Death) throws(MartletError) {
        try die(death)
        try start()
        try check(isLast: false)
    }

    private mutating func die(_ death: Death) throws(MartletError) {
        switch death {
        case .closing: log?.close()
        case .process: disk.killProcess()
        case .power: disk.cutPower()
        }
        switch death {
        case .power: report.powerCuts += 1
        case .process: report.kills += 1
        case .closing: report.restarts += 1
        }
        log = nil
        for participant in participants { participant.died() }
        model.losePending()
        disk.killProcess()
        disk.restart()
    }

    /// Opens the log; where a fault that was planned meets that, again without it, for the disk has been mended.
    private mutating func start() throws(MartletError) {
        do throws(MartletError) {
            try open()
        } catch {
            guard error.code != .checkFailed, disk.faults > report.faults || disk.isDown else { throw error }
            disk.forgetFault()
            disk.killProcess()
            disk.restart()
            report.faults = disk.faults
            try open()
        }
        report.faults = disk.faults
    }

    private mutating func open() throws(MartletError) {
        var settings = LogSettings()
        settings.segmentBytes = 6_000
        settings.indexBytes = 500
        settings.groupBytes = 4_000
        settings.defect = self.settings.defect
        let log = try EventLog(
            folder: "/log", workspace: simulatedWorkspace, disk: disk, time: clock, settings: settings,
            newKey: (seed &* 2 &+ 1, seed ^ 0x5EED))
        self.log = log
        for participant in participants { try participant.opened(log, disk: disk, time: clock) }
    }

    /// Some appends at once, written in one group or more.
    private mutating func append() throws(MartletError) {
        guard let log else { return }
        for _ in 0..<1 + random.advance() % 4 {
            let (batches, attempt) = model.nextAppend(&random)
            let outcomes = model.outcomes
            log.append(batches, idempotencyKey: attempt.key) { outcomes.add(attempt.number, $0) }
        }
        while log.writeGroup() > 0 {}
        try model.takeOutcomes(&report)
    }

    private mutating func observe() throws(MartletError) {
        guard let log, log.failure == nil else { return }
        do throws(MartletError) {
            try model.observe(log, &report)
        } catch {
            // What a read that failed on purpose did not give is read later.
            if error.code == .corruptData || error.code == .checkFailed || disk.faults == report.faults { throw error }
            report.faults = disk.faults
        }
    }

    private mutating func compact() throws(MartletError) {
        guard let log, log.failure == nil else { return }
        // What is there before, or nobody could say later whether it may go.
        try observe()
        guard model.observed.count == Int(log.endOffset) else { return }
        do throws(MartletError) {
            report.compacted += try log.compact(SimulatedKeys(), age: .seconds(60)).removedEvents
        } catch {
            if error.code == .corruptData { throw error }
            if disk.faults == report.faults && !disk.isDown { throw error }
            report.faults = disk.faults
        }
    }

    private mutating func commit() throws(MartletError) {
        guard let log else { return }
        let offset = Int64(random.advance() % UInt64(log.endOffset + 1))
        let name = "consumer-\(random.advance() % 2)"
        model.triedCommits[name, default: []].append(offset)
        do throws(MartletError) {
            try log.commit(name, offset: offset)
            model.triedCommits[name] = [offset]
        } catch {
            if disk.faults == report.faults && !disk.isDown { throw error }
            report.faults = disk.faults
        }
    }

    private mutating func stepParticipants() throws(MartletError) {
        for participant in participants {
            do throws(MartletError) {
                try participant.step(&random)
            } catch {
                if error.code == .corruptData || error.code == .checkFailed { throw error }
                if disk.faults == report.faults && !disk.isDown { throw error }
                report.faults = disk.faults
            }
        }
    }

    private mutating func check(isLast: Bool) throws(MartletError) {
        if disk.isDown { return }
        // A check must see everything: no fault meets it.
        let planned = disk.takeFault()
        defer { if let planned { disk.putFault(planned) } }
        guard let log, log.failure == nil else { return }
        try model.observe(log, &report)
        try model.check(log, &report)
        for participant in participants { try participant.check() }
        report.checks += 1
    }
}

/// What is run beside the log in a simulation. Everything it does to the disk goes through the one it is given; where
/// a call throws that met a fault, it lets the error through.
package protocol SimulationParticipant: AnyObject {
    /// A new life begins: whatever was in memory is gone.
    func opened(_ log: EventLog, disk: any LogDisk, time: any TimeSource) throws(MartletError)
    /// The process or the machine died; nothing may be done to the disk until it is opened again.
    func died()
    func step(_ random: inout SeededRandom) throws(MartletError)
    /// - Throws: `checkFailed` where a promise is not kept.
    func check() throws(MartletError)
}

package struct SimulationReport: Sendable, Hashable {
    package var seed: UInt64
    package var steps = 0
    package var diskCalls = 0
    package var faults = 0
    package var kills = 0
    package var powerCuts = 0
    package var restarts = 0
    /// Appends that were acknowledged, refused, and left without an answer by a death.
    package var acknowledged = 0
    package var refused = 0
    package var unanswered = 0
    /// That compaction took out.
    package var compacted = 0
    /// In the log at the end.
    package var events = 0
    /// Times at which all promises were looked at, and how many single ones.
    package var checks = 0
    package var assertions = 0
    package var traceHash: UInt64 = 0
    /// The promise that was not kept; nil where all were.
    package var broken: String?

    init(seed: UInt64) { self.seed = seed }
}

extension SeededRandom {
    /// A seed for a part of what runs under another seed.
    static func seed(_ seed: UInt64, _ part: UInt64) -> UInt64 {
        var random = SeededRandom(seed: seed, stream: part)
        return random.advance()
    }
}

private let simulatedWorkspace: WorkspaceID = {
    guard let tenant = TenantID("simulated"), let workspace = WorkspaceID(tenant: tenant, name: "simulated") else {
        preconditionFailure("the names are identifiers")
    }
    return workspace
}()
