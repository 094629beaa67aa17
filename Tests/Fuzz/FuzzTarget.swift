import FoundationEssentials
import Glibc
import MartletCore

/// Code that must bear any bytes.
protocol FuzzTarget: Sendable {
    init() throws
    /// Inputs to begin with, which reach far into the code.
    var seeds: [[UInt8]] { get }
    /// Runs the code. What it may refuse it refuses with its own errors; anything else traps, which is a find.
    func run(_ bytes: UnsafeRawBufferPointer)
}

let fuzzTargets: [String: any FuzzTarget.Type] = [
    "request": RequestTarget.self, "event": EventTarget.self, "record": RecordTarget.self,
]

/// The target of this process. Set once, before the fuzzer runs on the same thread.
nonisolated(unsafe) private var target: (any FuzzTarget)?

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

/// `TARGET --seeds DIR` writes the seeds; `TARGET` with libFuzzer's own arguments fuzzes.
/// - Returns: the exit status.
func runFuzzer(_ arguments: [String]) -> Int32 {
    guard arguments.count >= 2, let type = fuzzTargets[arguments[1]], let made = try? type.init() else {
        say("usage: \(arguments[0]) \(fuzzTargets.keys.sorted().joined(separator: "|")) …")
        return 2
    }
    if arguments.count == 4, arguments[2] == "--seeds" {
        for (index, seed) in made.seeds.enumerated() {
            let path = "\(arguments[3])/seed-\(index)"
            guard FileManager.default.createFile(atPath: path, contents: Data(seed)) else { return 1 }
        }
        return 0
    }
    target = made
    let rest = [arguments[0]] + arguments.dropFirst(2)
    var count = Int32(rest.count)
    let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: rest.count + 1)
    for (index, argument) in rest.enumerated() { list[index] = strdup(argument) }
    list[rest.count] = nil
    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = list
    return runDriver(&count, &pointer, runInput)
}

/// The name is libFuzzer's: its own main, which ours takes the place of, would call it.
@_cdecl("LLVMFuzzerTestOneInput")
func runInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target?.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// Ends the run with what was found.
func found(_ what: String) -> Never {
    say("found: \(what)")
    fatalError(what)
}

private func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
