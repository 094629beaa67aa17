"""Tiles kept in memory by a stream, events a second and core, against a loop in C that does the same arithmetic."""

from harness.bench import Bench, median
from harness.result import Result

EVENTS = 4_000_000


def run(bench: Bench) -> list[Result]:
    program = bench.scratch("tiles") / "tiles"
    bench.run(["cc", "-O3", "-march=native", "-o", program, bench.folder / "limits" / "tiles.c"])
    return [measure(bench, program, keys) for keys in (100_000, 1_000_000)] + [view(bench)]


def measure(bench: Bench, program, keys: int) -> Result:
    ours = bench.json([bench.kernels, "tiles", "--keys", keys, "--events", EVENTS, "--runs", 7])
    result = Result(
        case="tiles" if keys == 1_000_000 else f"tiles-{keys // 1000}k", unit="events/s/core", better="higher",
        ours=round(EVENTS / median(ours["seconds"])),
        setup=f"12 aggregates over 4 windows (1 h, 1 d, 7 d, 30 d), three tiers, {keys:,} keys,"
        " events 50 us apart, one thread, its processor time; median of 7;"
        f" longest pause of a checkpoint {ours['longest_pause_microseconds'] / 1000:.2f} ms",
        target="at least 2,000,000; checkpoint pause under 50 ms", details=ours)

    def loop() -> float:
        found = bench.json([program, keys, EVENTS, 7])
        result.details["c loop"] = found
        return EVENTS / median(found["seconds"])

    bench.measure_peer(result, "c loop (limit)", loop)
    result.met = result.ours >= 2_000_000 and ours["longest_pause_microseconds"] < 50_000
    return result


def view(bench: Bench) -> Result:
    """The same tiles within a view that follows the log: keys, marks, locks, records and the store."""
    ours = bench.json([bench.kernels, "stream", "--keys", 1_000_000, "--events", 1_000_000, "--runs", 5])
    pause = 1000 * median(ours["longest_apply_seconds"])
    return Result(
        case="stream", unit="events/s/core", better="higher", ours=round(1_000_000 / median(ours["seconds"])),
        setup="a followed view of the same aggregates, 1,000,000 keys, embedded store, batches of 1,000 rows, one"
        " thread, its processor time; median of 5; then a checkpoint of all keys by another thread,"
        f" {median(ours['checkpoint_seconds']):.1f} s, beside which 1,000 rows at 20,000 a second took at most"
        f" {pause:.1f} ms"
        " (median of 5)",
        target="checkpoint pause under 50 ms", details=ours, met=pause < 50)
