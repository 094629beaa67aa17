internal import MartletCore

/// The marks of what was stored within the horizon: in generations by the time of storing, each in parts that grow and
/// become filters one by one, so that no append waits for a large piece of work.
struct DedupeWindow: Sendable {
    private struct Generation: Sendable {
        var shards = [MarkShard](repeating: .exact(MarkTable()), count: DedupeWindow.shardCount)
        var firstTime: Int64
        var lastTime: Int64
        var count = 0
        /// The shards that are filters; they are the first ones.
        var filters = 0
    }

    fileprivate static let shardCount = 64
    private static let mostGenerations = 32
    private static let mostMarksAGeneration = 4 << 20

    let settings: DedupeSettings
    private var generations: [Generation] = []
    /// Marks that were forgotten before their time, for want of memory.
    private(set) var forgotten = 0

    init(_ settings: DedupeSettings) { self.settings = settings }

    var count: Int { generations.reduce(0) { $0 + $1.count } }

    /// How many of them are only in filters.
    var filteredCount: Int {
        generations.reduce(0) { sum, generation in
            generation.shards[..<generation.filters].reduce(sum) { $0 + $1.count }
        }
    }

    var sizeBytes: Int {
        generations.reduce(0) { sum, generation in generation.shards.reduce(sum) { $0 + $1.sizeBytes } }
    }

    func contains(_ mark: EventMark) -> Bool {
        let shard = Int(mark.high & 63)
        return generations.reversed().contains { $0.shards[shard].contains(mark) }
    }

    /// - Parameter time: of storing; never smaller than one before.
    /// - Returns: false where the mark was there.
    mutating func insert(_ mark: EventMark, at time: Int64) -> Bool {
        if settings.horizon.microseconds <= 0 { return true }
        if contains(mark) { return false }
        if generations.last.map({ isOver($0, at: time) }) ?? true {
            generations.append(Generation(firstTime: time, lastTime: time))
            if generations.count > Self.mostGenerations { forgetOldest() }
        }
        let last = generations.count - 1
        let shard = Int(mark.high & 63)
        guard case .exact(var table) = generations[last].shards[shard] else {
            preconditionFailure("the newest generation is exact")
        }
        generations[last].shards[shard] = .exact(MarkTable())
        table.insert(mark)
        generations[last].shards[shard] = .exact(table)
        generations[last].count += 1
        generations[last].lastTime = time
        return true
    }

    /// Takes up what a segment holds, on opening.
    mutating func add(_ marks: SegmentMarks, now: Int64) {
        var place = 0
        for run in marks.runs {
            if run.time >= now - settings.horizon.microseconds {
                for mark in marks.marks[place..<place + run.count] { _ = insert(mark, at: run.time) }
                tidy(now: now, steps: Self.shardCount)
            }
            place += run.count
        }
    }

    private func isOver(_ generation: Generation, at time: Int64) -> Bool {
        generation.filters > 0 || generation.count >= Self.mostMarksAGeneration
            || time - generation.firstTime >= max(1, settings.horizon.microseconds / 8)
    }

    /// Forgets what is older than the horizon and makes filters of what need not be exact: at most `steps` parts.
    mutating func tidy(now: Int64, steps: Int) {
        while let first = generations.first, first.lastTime < now - settings.horizon.microseconds {
            generations.removeFirst()
        }
        var steps = steps
        // One generation's share of the errors, so that all of them together keep to the rate.
        let rate = settings.falsePositiveRate / Double(Self.mostGenerations)
        while steps > 0, let index = generations.firstIndex(where: { $0.filters < Self.shardCount }) {
            let isOld = generations[index].lastTime < now - settings.exactFor.microseconds
            let isTooMuch = generations.count > 1 && index < generations.count - 1 && sizeBytes > settings.memoryBytes
            guard isOld || isTooMuch else { break }
            let shard = generations[index].filters
            if case .exact(let table) = generations[index].shards[shard] {
                generations[index].shards[shard] = .filter(MarkFilter(table, rate: rate))
            }
            generations[index].filters += 1
            steps -= 1
        }
        if steps > 0 {
            while generations.count > 1, sizeBytes > settings.memoryBytes { forgetOldest() }
        }
    }

    private mutating func forgetOldest() {
        forgotten += generations[0].count
        generations.removeFirst()
    }
}
