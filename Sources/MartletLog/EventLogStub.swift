// Scaffolding in this worktree only: replaced by the log itself when it lands.
package import MartletCore
internal import Synchronization
internal import Glibc

package struct LoggedBatch: Sendable { package let baseOffset: Int64; package let batch: EventBatch }

package final class EventLog: EventAppending {
    private struct State { var batches: [LoggedBatch] = []; var end: Int64 = 0; var ids: Set<[UInt8]> = []; var positions: [String: SourcePosition] = [:]; var commits: [String: Int64] = [:] }
    private let state = Mutex(State())
    package init() {}
    package var endOffset: Int64 { state.withLock { $0.end } }
    package var firstOffset: Int64 { 0 }
    package func append(_ batches: [EventBatch], completion: @escaping @Sendable (Result<AppendReceipt, MartletError>) -> Void) {
        let receipt = state.withLock { s -> AppendReceipt in
            var stored = 0, dup = 0
            for b in batches {
                var keep: [Int] = []
                for i in 0..<b.count {
                    let id = Array(b.source.utf8) + [0] + Array(b.ids.slice(i))
                    if b.ids.range(i).isEmpty || s.ids.insert(id).inserted { keep.append(i) } else { dup += 1 }
                }
                var k = EventBatch(source: b.source, schemaVersion: b.schemaVersion)
                k.position = b.position
                for i in keep { k.eventTimes.append(b.eventTimes[i]); k.arrivalTimes.append(b.arrivalTimes[i]); k.operations.append(b.operations[i]); k.ids.append(contentsOf: b.ids.slice(i)); k.payloads.append(contentsOf: b.payloads.slice(i)) }
                if let p = b.position { s.positions[p.stream] = p }
                if k.count > 0 { s.batches.append(LoggedBatch(baseOffset: s.end, batch: k)); s.end += Int64(k.count) }
                stored += k.count
            }
            return AppendReceipt(endOffset: s.end, stored: stored, duplicates: dup)
        }
        completion(.success(receipt))
    }
    package func position(of stream: String) -> SourcePosition? { state.withLock { $0.positions[stream] } }
    package func holds(source: String, from: Int64, to: Int64) throws -> Bool { state.withLock { $0.batches.contains { $0.batch.source == source && $0.baseOffset < to && $0.baseOffset + Int64($0.batch.count) > from } } }
    package func reader(from offset: Int64) throws -> LogReader { LogReader(log: self, offset: offset) }
    fileprivate func next(_ offset: Int64, _ end: Int64) -> LoggedBatch? { state.withLock { $0.batches.first { $0.baseOffset >= offset && $0.baseOffset < end } } }
    package func committedOffset(of c: String) -> Int64? { state.withLock { $0.commits[c] } }
    package func commit(_ o: Int64, for c: String) throws { state.withLock { $0.commits[c] = o } }
    package func wait(beyond: Int64, seconds: Double) { usleep(UInt32(min(seconds, 0.02) * 1e6)) }
    package func wakeReaders() {}
}
package struct LogReader { let log: EventLog; package private(set) var offset: Int64
    package mutating func next(maximumBytes: Int, before end: Int64) throws -> [LoggedBatch] {
        guard let b = log.next(offset, end) else { offset = end; return [] }
        offset = b.baseOffset + Int64(b.batch.count); return [b]
    } }
package struct DeadLetter: Sendable {
    package struct Arrival: Sendable { package var source: String; package var reason: String; package var original: [UInt8]; package var stream: String
        package init(source: String, reason: String, original: [UInt8], stream: String) { self.source = source; self.reason = reason; self.original = original; self.stream = stream } }
}
package final class DeadLetters: Sendable {
    let all = Mutex<[DeadLetter.Arrival]>([])
    package init() {}
    package func add(_ a: [DeadLetter.Arrival], at: Timestamp) throws { all.withLock { $0 += a } }
    package func list() -> [DeadLetter.Arrival] { all.withLock { $0 } }
}
