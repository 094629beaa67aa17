"""The 10 nearest of 100,000 and of 1,000,000 embeddings of 128 elements by the cosine, every one compared, one thread
and two."""

from harness.bench import Bench, Failure, median
from harness.result import Result

DIMENSIONS = 128
QUERIES = 20


def run(bench: Bench) -> list[Result]:
    return [measure(bench, 100_000, 1), measure(bench, 1_000_000, 2)]


def measure(bench: Bench, vectors: int, threads: int) -> Result:
    folder = bench.scratch(f"vectors-{vectors}")
    file = folder / "vectors.f32"
    sizes = ["--vectors", vectors, "--dimensions", DIMENSIONS, "--queries", QUERIES, "--threads", threads]
    ours = bench.json([bench.kernels, "vectors", *sizes, "--folder", folder / "lmdb", "--out", file])
    result = Result(
        case=f"vectors-{vectors // 1000}k", unit="ms", better="lower", ours=1_000 * median(ours["search_seconds"]),
        setup=f"the 10 nearest of {vectors:,} x {DIMENSIONS} floats by the cosine, exact, their records read;"
        f" {threads} thread(s), median of {QUERIES} queries; details: the first reading of the view, and with a filter"
        " that one in a hundred passes",
        details={name: ours[name] for name in ("read_seconds", "filtered_seconds", "matrix_bytes")})
    for peer in ("numpy", "duckdb"):
        def measured(peer=peer) -> float:
            answer = bench.python("vectors.py", peer, file, *sizes)
            agree = sum(a == b for a, b in zip(answer["found"], ours["found"]))
            # Neighbours that are equally near up to single precision may change places.
            if agree < 0.99 * len(ours["found"]):
                raise Failure(f"finds others: {agree} of {len(ours['found'])} agree")
            return 1_000 * median(answer["seconds"])

        bench.measure_peer(result, f"{peer} ({'BLAS' if peer == 'numpy' else 'array_cosine_distance'})", measured)
    file.unlink()
    return result
