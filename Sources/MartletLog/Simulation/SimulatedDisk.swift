package import MartletCore
internal import Synchronization

/// A disk in memory that does what real ones do to those who trust them too much, the same for the same seed.
///
/// Until a file is synced a power cut keeps any of the 512-byte sectors written since, in no order, and any length
/// between the old and the new; until a folder is synced it keeps any of the entries made, renamed and removed since. A
/// sync that fails leaves what it was to make durable readable and lost: later syncs succeed and do not write it.
package final class SimulatedDisk: LogDisk, Sendable {
    package enum Fault: Sendable, CaseIterable {
        case inputOutput
        case full
        /// Half of what is written arrives, then the call fails.
        case shortWrite
        /// The power goes during the call.
        case powerCut
    }

    struct Inode {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// Sectors that a power cut may lose.
        var dirty: Set<Int> = []
    }

    struct State {
        var random: SeededRandom
        var inodes: [Inode] = []
        var entries: [String: Int] = [:]
        var durableEntries: [String: Int] = [:]
        /// Names that have been given or taken since their folder was synced, in order; nil: taken.
        var pending: [(changes: [(path: String, inode: Int?)], folder: String)] = []
        var folders: Set<String> = []
        var locked: Set<String> = []
        /// Rises when the process or the machine dies: what was open before is not any more.
        var life = 0
        var isDown = false
        var calls = 0
        var planned: (call: Int, fault: Fault, isForEver: Bool)?
        var faults = 0
        var trace = TraceHash()
    }

    let state: Mutex<State>

    package init(seed: UInt64) { state = Mutex(State(random: SeededRandom(seed: seed))) }

    package var calls: Int { state.withLock { $0.calls } }
    package var faults: Int { state.withLock { $0.faults } }
    /// Whether the power is gone, and `restart` has not been called.
    package var isDown: Bool { state.withLock { $0.isDown } }
    /// Over all calls with their outcomes.
    package var traceHash: UInt64 { state.withLock { $0.trace.value } }

    /// Lets the `n`th call from now on fail, counted from 1, and with `isForEver` all that follow it.
    package func planFault(_ fault: Fault, atCall n: Int, isForEver: Bool = false) {
        state.withLock { $0.planned = ($0.calls + n, fault, isForEver) }
    }

    /// The fault that is planned, which does not come before it is put back; the calls until then do not count.
    func takeFault() -> (callsLeft: Int, fault: Fault, isForEver: Bool)? {
        state.withLock { state in
            guard let planned = state.planned else { return nil }
            state.planned = nil
            return (planned.call - state.calls, planned.fault, planned.isForEver)
        }
    }

    func putFault(_ planned: (callsLeft: Int, fault: Fault, isForEver: Bool)) {
        state.withLock { $0.planned = ($0.calls + planned.callsLeft, planned.fault, planned.isForEver) }
    }

    package func forgetFault() { state.withLock { $0.planned = nil } }

    /// The process dies; what it wrote stays in the machine's memory.
    package func killProcess() { state.withLock { $0.endLife() } }

    /// The power goes.
    package func cutPower() { state.withLock { $0.cutPower() } }

    /// The machine is there again.
    package func restart() { state.withLock { $0.isDown = false } }

    /// Adds something of the simulation to the trace.
    package func note(_ number: UInt64) { state.withLock { $0.trace.add(number) } }

    package func makeFolder(_ path: String) throws(MartletError) {
        try call(1, path) { state throws(MartletError) in
            _ = state.folders.insert(path)
        }
    }

    package func list(_ path: String) throws(MartletError) -> [String] {
        try call(2, path) { state throws(MartletError) in
            guard state.folders.contains(path) else { throw simulatedFailure("no folder", path) }
            return state.entries.keys.filter { parent($0) == path }.map { String($0.dropFirst(path.count + 1)) }
                .sorted()
        }
    }

    package func open(_ path: String, for use: LogFileUse) throws(MartletError) -> any LogFile {
        try call(3, path) { state throws(MartletError) in
            if let inode = state.entries[path] {
                if use == .creating { state.resize(inode, to: 0) }
                return SimulatedFile(self, inode: inode, life: state.life, path: path)
            }
            guard use == .creating, state.folders.contains(parent(path)) else {
                throw simulatedFailure("no file", path)
            }
            state.inodes.append(Inode())
            state.change([(path, state.inodes.count - 1)], in: parent(path))
            return SimulatedFile(self, inode: state.inodes.count - 1, life: state.life, path: path)
        }
    }

    package func rename(_ path: String, to newPath: String) throws(MartletError) {
        try call(4, path) { state throws(MartletError) in
            guard let inode = state.entries[path] else { throw simulatedFailure("no file", path) }
            state.change([(path, nil), (newPath, inode)], in: parent(newPath))
        }
    }

    package func remove(_ path: String) throws(MartletError) {
        try call(5, path) { state throws(MartletError) in
            guard state.entries[path] != nil else { throw simulatedFailure("no file", path) }
            state.change([(path, nil)], in: parent(path))
        }
    }

    package func syncFolder(_ path: String) throws(MartletError) {
        try call(6, path) { state throws(MartletError) in
            for step in state.pending where step.folder == path { state.makeDurable(step.changes) }
            state.pending.removeAll { $0.folder == path }
        }
    }

    package func lock(_ path: String) throws(MartletError) -> any LogLock {
        try call(7, path) { state throws(MartletError) in
            guard state.locked.insert(path).inserted else { throw MartletError(.conflict, "the log is open") }
            return SimulatedLock(self, path: path, life: state.life)
        }
    }

    fileprivate func unlock(_ path: String, life: Int) {
        state.withLock { if $0.life == life { $0.locked.remove(path) } }
    }

    /// Counts a call, lets it fail where that is planned, and notes it.
    func call<Result: Sendable>(
        _ kind: UInt64, _ path: String, size: Int = 0, life: Int? = nil,
        onFault: (inout State, Fault) -> Void = { _, _ in },
        _ body: (inout State) throws(MartletError) -> Result
    ) throws(MartletError) -> Result {
        let outcome = state.withLock { state -> Swift.Result<Result, MartletError> in
            do throws(MartletError) {
                guard !state.isDown, life ?? state.life == state.life else {
                    throw MartletError(.fileSystem, "the machine is down", place: .init(file: path))
                }
                state.calls += 1
                state.trace.add(kind)
                state.trace.add(path)
                state.trace.add(UInt64(size))
                if let planned = state.planned, state.calls >= planned.call {
                    state.faults += 1
                    state.trace.add(0xFA17)
                    if !planned.isForEver { state.planned = nil }
                    onFault(&state, planned.fault)
                    if planned.fault == .powerCut { state.cutPower() }
                    throw MartletError(
                        planned.fault == .full ? .diskFull : .fileSystem, "the simulated disk fails: \(planned.fault)",
                        place: .init(file: path))
                }
                return .success(try body(&state))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let result): return result
        case .failure(let error): throw error
        }
    }
}

/// FNV-1a over numbers and texts.
struct TraceHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ number: UInt64) {
        var number = number
        for _ in 0..<8 {
            value = (value ^ (number & 0xFF)) &* 0x0000_0100_0000_01B3
            number &>>= 8
        }
    }

    mutating func add(_ text: String) {
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }
}

private func simulatedFailure(_ what: String, _ path: String) -> MartletError {
    MartletError(.fileSystem, what, place: .init(file: path))
}

private func parent(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
}

private final class SimulatedLock: LogLock {
    private let disk: SimulatedDisk
    private let path: String
    private let life: Int

    init(_ disk: SimulatedDisk, path: String, life: Int) {
        self.disk = disk
        self.path = path
        self.life = life
    }

    deinit { disk.unlock(path, life: life) }
}
