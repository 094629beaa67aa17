"""Loading an empty online store with 100,000 entities of 10 features, from the table of features."""

import json

from harness import serving
from harness.bench import Bench, Failure, median
from harness.result import Result

RUNS = 3


def run(bench: Bench) -> Result:
    data = serving.online_data(bench)
    seconds = []
    for _ in range(RUNS):
        folder = serving.our_repository(bench, data, "materialize")
        loads = json.loads(bench.run([bench.martlet, "materialize", "--json"], cwd=folder))
        written = sum(view["written"] for view in loads)
        if written != serving.ENTITIES:
            raise Failure(f"materialize wrote {written} entities, not {serving.ENTITIES}")
        seconds.append(sum(view["seconds"] for view in loads))
    ours = median(seconds)
    result = Result(
        case="materialize", unit="s", better="lower", ours=round(ours, 4),
        setup=f"{serving.ENTITIES:,} entities x 10 features into an empty store, durable; the command's own time,"
        f" median of {RUNS}; Feast's store.materialize once",
        target="at most 0.5 s", met=ours <= 0.5, details={"runs": seconds})

    def feast(store: str) -> float:
        if store == "redis":
            with serving.redis(bench) as port:
                folder = serving.feast_repository(bench, data, store, port)
                found = bench.python("feast/measure.py", "materialize", folder)
        else:
            found = bench.python("feast/measure.py", "materialize", serving.feast_repository(bench, data, store))
        result.details[f"feast {store}"] = found
        return median(found["seconds"])

    bench.measure_peer(result, "feast redis", lambda: feast("redis"))
    bench.measure_peer(result, "feast sqlite", lambda: feast("sqlite"))
    return result
