"""Serving from Redis, a hundred keys a request, beside redis-benchmark with the same depth and size: the limit."""

import re

from harness import serving
from harness.bench import Bench, Failure
from harness.result import Result

KEYS = 100
# A record of the ten features: 40 bytes of header, 8 of presence, ten slots of 8, 19 characters of text.
VALUE_BYTES = 147
CLIENTS = 2


def run(bench: Bench) -> Result:
    with serving.redis(bench) as redis_port:
        with serving.our_server(bench, "serving-redis", online=f"redis://127.0.0.1:{redis_port}") as port:
            serving.load(bench, port, KEYS, seconds=2)
            found = serving.load(bench, port, KEYS)
        result = Result(
            case="serve-redis", unit="keys/s", better="higher", ours=round(found["rate"] * KEYS),
            setup=f"/get-online-features, {KEYS} keys and 10 features from Redis, {serving.CONNECTIONS} connections,"
            f" JSON and HTTP and wrk on the same processors; redis-benchmark GET of {VALUE_BYTES} bytes, a pipeline of"
            f" {KEYS} and {CLIENTS} clients: the server has one connection for each of its threads",
            target="at least 0.7x redis-benchmark", details=found)

        def peer() -> float:
            text = bench.run([
                "redis-benchmark", "-p", redis_port, "-c", CLIENTS, "-P", KEYS, "-n", 2_000_000, "-r",
                serving.ENTITIES, "-d", VALUE_BYTES, "-t", "set,get", "-q"])
            rates = re.findall(r"GET: ([0-9.]+) requests per second", text)
            if not rates:
                raise Failure("redis-benchmark told no rate")
            return float(rates[-1])

        bench.measure_peer(result, "redis-benchmark (limit)", peer)
        limit = result.ratios.get("redis-benchmark (limit)")
        if limit is not None:
            result.met = limit >= 0.7
        return result
