"""The event log: durable appends beside the bare write and sync of the same bytes, and opening a log of 1 GB."""

import shutil

from harness.bench import Bench
from harness.result import Result


def run(bench: Bench) -> list[Result]:
    return [append(bench), recovery(bench)]


def measure(bench: Bench, name: str, events: int) -> dict:
    folder = bench.scratch(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return bench.json([bench.kernels, "log", "--folder", folder, "--events", events])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def append(bench: Bench) -> Result:
    found = measure(bench, "log-append", 1_000_000)
    rate = found["acknowledged_events"] / found["append_seconds"][0]
    result = Result(
        case="log-append", unit="events/s", better="higher", ours=rate, target="at least 100,000, p99 at most 20 ms",
        setup="1,000,000 events of 250 bytes with ids, batches of 100, 4 threads with 8 in flight, fdatasync a group:"
        f" {found['groups']} groups, acknowledged in p50 {found['p50_microseconds']} us,"
        f" p99 {found['p99_microseconds']} us")
    result.peers["write + fdatasync (limit)"] = found["acknowledged_events"] / found["raw_seconds"][0]
    result.met = rate >= 100_000 and found["p99_microseconds"] <= 20_000
    return result


def recovery(bench: Bench) -> Result:
    found = measure(bench, "log-recovery", 3_300_000)
    seconds = found["open_seconds"][0]
    result = Result(
        case="recovery", unit="s", better="lower", ours=seconds, target="at most 5 s",
        setup=f"opening a log of {found['log_bytes']} bytes, {found['scanned_bytes']} of them read, files in memory")
    result.met = seconds <= 5
    return result
