import MartletCore
import MartletDefinitions

extension TileAssembly {
    /// Lowers the features of a family whose states are in the tail and have to be combined.
    mutating func assembleTail(
        _ walk: TileWalk, _ step: AssemblyPlan.Step, _ time: Int64, _ row: Int
    ) throws(MartletError) {
        switch walk.slot.family {
        case .skew: try combine(SkewMoments.self, walk, step, time, row)
        case .firsts, .lasts:
            if walk.slot.isText {
                try combine(EndList<ByteKey>.self, walk, step, time, row)
            } else {
                try combine(EndList<Int64>.self, walk, step, time, row)
            }
        case .values:
            if walk.slot.isText {
                try combine(ValueCounts<ByteKey>.self, walk, step, time, row)
            } else {
                try combine(ValueCounts<Int64>.self, walk, step, time, row)
            }
        case .registers: try combine(Registers.self, walk, step, time, row)
        case .sketch: try combine(QuantileSketch.self, walk, step, time, row)
        case .keyed:
            if walk.slot.isText {
                try combine(KeyedMoments<ByteKey>.self, walk, step, time, row)
            } else {
                try combine(KeyedMoments<Int64>.self, walk, step, time, row)
            }
        case .decayed: try combine(DecayedSums.self, walk, step, time, row)
        case .rows, .moments, .extremes, .ends, .newest, .sessions:
            preconditionFailure("\(walk.slot.family) is assembled in place")
        }
    }

    private mutating func combine<State: TailState, Value: TailValue>(
        _: State.Type, _ walk: TileWalk, _ step: AssemblyPlan.Step, _ time: Int64, _ row: Int
    ) throws(MartletError) where State.Output == Lowered<Value> {
        var tile = walk.newest
        var state = State.zero
        for window in step.windows {
            while tile > bounds[window.window] {
                tile -= 1
                state.combine(try walk.record.tailState(State.self, walk.slot, at: walk.place(tile)))
            }
            for output in window.outputs {
                var parameters = output.parameters
                parameters.time = time
                set(output.column, row, state.lower(output.function, parameters))
            }
        }
    }

    private mutating func set<Value: TailValue>(_ column: Int, _ row: Int, _ result: Lowered<Value>?) {
        switch result {
        case .integer(let count): set(column, row, count)
        case .real(let value): set(column, row, slot(value))
        case .list(let values): set(column, row, values, [])
        case .counts(let categories, let counts): set(column, row, categories, counts)
        case .numbers(let categories, let values): set(column, row, categories, values.map { slot($0) })
        case nil: presence[row + column] = 0
        }
    }

    private mutating func set<Value: TailValue>(_ column: Int, _ row: Int, _ elements: [Value], _ beside: [Int64]) {
        set(column, row, Int64(self.elements.count) << 32 | Int64(elements.count))
        for (index, element) in elements.enumerated() {
            let bits: Int64
            if let text = element as? ByteKey {
                bits = Int64(texts.count) << 32 | Int64(text.bytes.count)
                texts.append(contentsOf: text.bytes)
            } else {
                bits = element as? Int64 ?? 0
            }
            self.elements.append(Element(bits: bits, value: beside.isEmpty ? 0 : beside[index]))
        }
    }
}
