"""The as-of join of 2,000,000 labels with 10,000,000 rows of 100,000 keys, in memory and from Parquet, two threads."""

from harness.bench import Bench, Failure, median
from harness.result import Result

LABELS = 2_000_000
PEERS = {"duckdb": "duckdb asof join", "polars": "polars join_asof"}


def run(bench: Bench) -> list[Result]:
    data = bench.make_data("asof", entities=100_000, rows=10_000_000, labels=LABELS)
    files = [data / "history.parquet", data / "labels.parquet"]
    ours_file = data / "ours.parquet"
    ours = bench.json([
        bench.kernels, "asof", "--history", files[0], "--labels", files[1], "--threads", 2, "--out", ours_file])

    def measured(case: str, seconds: list[float], target: str) -> Result:
        rate = LABELS / median(seconds)
        return Result(
            case=case, unit="label rows/s", better="higher", ours=round(rate), target=target,
            setup="2,000,000 labels x 10,000,000 rows in order of time x 100,000 keys, at most 7 days old, two threads;"
            " median of 5, peers' of 3", details={"seconds": seconds})

    memory = measured("asof-memory", ours["memory_seconds"], "3x DuckDB, 2x Polars")
    parquet = measured("asof-parquet", ours["parquet_seconds"], "2x both")
    for peer, name in PEERS.items():
        def in_memory(peer=peer) -> float:
            answer = bench.python("asof.py", peer, *files, "--threads", 2, "--runs", 3)
            return rate_of(answer, ours)

        def from_parquet(peer=peer) -> float:
            peer_file = data / f"{peer}.parquet"
            answer = bench.python(
                "asof.py", peer, *files, "--from-parquet", "--threads", 2, "--runs", 3,
                *(["--out", peer_file] if peer == "duckdb" else []))
            if peer == "duckdb":
                bench.same(ours_file, peer_file, "--order", "user_id,event_timestamp", "--columns", "value")
            return rate_of(answer, ours)

        bench.measure_peer(memory, name, in_memory)
        bench.measure_peer(parquet, name, from_parquet)
    bench.measure_peer(parquet, "duckdb scan (limit)", lambda: LABELS / median(
        bench.python("scan.py", *files, "--threads", 2)["seconds"]))
    if len(memory.ratios) == 2:
        memory.met = memory.ratios["duckdb asof join"] >= 3 and memory.ratios["polars join_asof"] >= 2
    if all(name in parquet.ratios for name in PEERS.values()):
        parquet.met = min(parquet.ratios[name] for name in PEERS.values()) >= 2
    return [memory, parquet]


def rate_of(answer: dict, ours: dict) -> float:
    if answer["filled"] != ours["filled"]:
        raise Failure(f"finds {answer['filled']} rows where Martlet finds {ours['filled']}")
    return LABELS / median(answer["seconds"])
