// Scaffolding in this worktree only: replaced by the dead letters themselves when they land.
package import MartletCore
internal import Synchronization
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
