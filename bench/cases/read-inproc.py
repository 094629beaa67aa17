"""Vectors of 10 features in process, one entity a vector, without HTTP or JSON, one thread."""

from harness.bench import Bench, median
from harness.result import Result

ENTITIES = 100_000
READS = 1_000_000


def run(bench: Bench) -> list[Result]:
    found = bench.json([
        bench.kernels, "read-inproc", "--entities", ENTITIES, "--reads", READS,
        "--folder", bench.scratch("read-inproc")])
    setup = (f"{READS:,} uniform reads of {ENTITIES:,} entities with 10 features, each encoded, found, checked against"
             " its checksum and summed up; one thread, median of 5")

    def result(case: str, name: str, target: int) -> Result:
        rate = READS / median(found[name])
        return Result(
            case=case, unit="vectors/s", better="higher", ours=round(rate), setup=setup,
            target=f"at least {target:,}", met=rate >= target, details=found)

    hot, cold = result("read-inproc", "hot_seconds", 3_000_000), result("read-lmdb", "lmdb_seconds", 400_000)
    bench.measure_peer(hot, "from LMDB", lambda: READS / median(found["lmdb_seconds"]))
    bench.measure_peer(hot, "100 entities a call", lambda: READS / median(found["hot_batch_seconds"]))
    return [hot, cold]
