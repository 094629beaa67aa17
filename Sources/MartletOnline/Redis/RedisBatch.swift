/// Commands to be sent together, their arguments beside one another.
struct RedisBatch {
    private var bytes: [UInt8] = []
    private var argumentEnds: [Int] = []
    /// Of each command, the end of its arguments among all.
    private var commandEnds: [Int] = []
    /// Of each command, the slot of its keys; 0 where it has none.
    private(set) var slots: [Int] = []

    init() {}

    var count: Int { commandEnds.count }
    var byteCount: Int { bytes.count }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        argumentEnds.removeAll(keepingCapacity: true)
        commandEnds.removeAll(keepingCapacity: true)
        slots.removeAll(keepingCapacity: true)
    }

    mutating func append(_ argument: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: argument)
        argumentEnds.append(bytes.count)
    }

    mutating func append(_ argument: String) {
        bytes.append(contentsOf: argument.utf8)
        argumentEnds.append(bytes.count)
    }

    /// An argument that is written in parts.
    mutating func append(_ write: (inout [UInt8]) -> Void) {
        write(&bytes)
        argumentEnds.append(bytes.count)
    }

    /// Ends a command.
    mutating func end(slot: Int = 0) {
        commandEnds.append(argumentEnds.count)
        slots.append(slot)
    }

    /// A whole command.
    mutating func add(_ arguments: String..., slot: Int = 0) {
        for argument in arguments { append(argument) }
        end(slot: slot)
    }

    func send(_ command: Int, to connection: RedisConnection) {
        let first = command == 0 ? 0 : commandEnds[command - 1]
        let count = commandEnds[command] - first
        bytes.withUnsafeBytes { all in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { arguments in
                withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { sizes in
                    for index in 0..<count {
                        let place = first + index
                        let start = place == 0 ? 0 : argumentEnds[place - 1]
                        arguments.initializeElement(
                            at: index, to: all.baseAddress.map { ($0 + start).assumingMemoryBound(to: CChar.self) })
                        sizes.initializeElement(at: index, to: argumentEnds[place] - start)
                    }
                    connection.append(arguments, UnsafeBufferPointer(sizes))
                }
            }
        }
    }
}
