"""The Redis store beside redis-benchmark with the same depth of pipeline and size of value: the limit."""

import re

from harness import serving
from harness.bench import Bench, Failure, median
from harness.result import Result

ENTITIES = 100_000
READS = 500_000
BATCH = 100
# A record of 10 numbers.
VALUE_BYTES = 120


def run(bench: Bench) -> Result:
    with serving.redis(bench) as port:
        found = bench.json([
            bench.kernels, "read-redis", "--entities", ENTITIES, "--reads", READS, "--batch", BATCH, "--port", port])
        rate = READS / median(found["seconds"])
        result = Result(
            case="read-redis", unit="records/s", better="higher", ours=round(rate),
            setup=f"{READS:,} uniform reads of {ENTITIES:,} entities with 10 features, {BATCH} a call, one connection"
            f" and thread; redis-benchmark GET of {VALUE_BYTES} bytes with one client and a pipeline of {BATCH}",
            target="at least 0.7x redis-benchmark", details=found)

        def peer() -> float:
            text = bench.run([
                "redis-benchmark", "-p", port, "-c", 1, "-P", BATCH, "-n", READS, "-r", ENTITIES, "-d", VALUE_BYTES,
                "-t", "set,get", "-q"])
            rates = re.findall(r"GET: ([0-9.]+) requests per second", text)
            if not rates:
                raise Failure("redis-benchmark told no rate")
            return float(rates[-1])

        bench.measure_peer(result, "redis-benchmark (limit)", peer)
        limit = result.ratios.get("redis-benchmark (limit)")
        if limit is not None:
            result.met = limit >= 0.7
        return result
