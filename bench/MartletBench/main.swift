internal import Glibc
internal import MartletCore

/// Measures Martlet's rooms for `bench/run` and prints one JSON line. No contract for users: they have `make bench`.
let cases: [String: (BenchArguments) throws -> BenchReport] = [
    "asof": runAsOf,
    "hot-tier": runHotTier,
    "latest": runLatest,
    "latest-memory": runLatestInMemory,
    "log": runLog,
    "read-inproc": runReadInProcess,
    "read-redis": runReadRedis,
    "rows": runRows,
    "stream": runStream,
    "tiles": runTiles,
    "vectors": runVectors,
    "windows": runWindows,
]

do {
    let words = Array(CommandLine.arguments.dropFirst())
    guard let name = words.first, let run = cases[name] else {
        throw MartletError(.usage, "usage: martlet-bench CASE --option value …; the cases: \(cases.keys.sorted())")
    }
    print(try run(BenchArguments(Array(words.dropFirst()))).json)
} catch {
    let message = "martlet-bench: error: \(error)\n"
    write(2, message, message.utf8.count)
    exit((error as? MartletError)?.code.exitStatus ?? 5)
}
