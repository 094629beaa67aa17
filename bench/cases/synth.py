"""Synthetic payments written as Parquet; nobody else makes them, so there is no peer."""

import time

from harness.bench import Bench, median
from harness.result import Result

ROWS = 2_000_000
RUNS = 3


def rate(bench: Bench, realism: str) -> tuple[float, list[float]]:
    file = bench.scratch("synth") / "payments.parquet"
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        bench.run([
            bench.martlet, "synth", "payments", "--rows", ROWS, "--realism", realism, "--seed", 1, "--out", file])
        seconds.append(round(time.perf_counter() - start, 3))
        file.unlink(missing_ok=True)
    return ROWS / median(seconds), seconds


def run(bench: Bench) -> list[Result]:
    (realistic, realistic_seconds), (plain, plain_seconds) = rate(bench, "v2"), rate(bench, "v1")
    setup = f"{ROWS:,} payments to Parquet, the whole command, median of {RUNS}"
    return [
        Result(
            case="synth", unit="rows/s", better="higher", ours=round(realistic), setup=f"realism v2: {setup}",
            target="at least 400,000", met=realistic >= 400_000, details={"seconds": realistic_seconds}),
        Result(
            case="synth-v1", unit="rows/s", better="higher", ours=round(plain), setup=f"realism v1: {setup}",
            target="at least 800,000", met=plain >= 800_000, details={"seconds": plain_seconds}),
    ]
