"""What the access log costs: a constant answer with the log beside the same server without it."""

import statistics

from harness.bench import Bench
from harness.result import Result
from harness.serving import CONNECTIONS, free_port, load, server

ROUNDS = 5


def run(bench: Bench) -> Result:
    ports, found = {}, {"with": [], "without": []}
    folders = {name: bench.scratch(f"access-log-{name}") for name in found}
    for folder in folders.values():
        (folder / "martlet.yaml").write_text("workspace: bench\n")
    ports = {name: free_port() for name in found}
    log = folders["with"] / "access.jsonl"
    with (
        server([bench.martlet, "serve", "--port", ports["without"]], ports["without"], folders["without"]),
        server(
            [bench.martlet, "serve", "--port", ports["with"], "--access-log", log], ports["with"], folders["with"]),
    ):
        for name in found:
            load(bench, ports[name], 1, seconds=1, constant=True)
        # In turn, each first as often as second, so that other work on the machine shows in both.
        for turn in range(ROUNDS):
            for name in sorted(found, reverse=turn % 2 == 1):
                found[name].append(load(bench, ports[name], 1, seconds=3, constant=True))
    rates = {name: statistics.median(one["rate"] for one in runs) for name, runs in found.items()}
    lines = sum(1 for _ in log.open("rb"))
    answered = sum(one["requests"] for one in found["with"])
    log.unlink()
    return Result(
        case="access-log", unit="requests/s", better="higher", ours=round(rates["with"], 1),
        setup=f"/ready, {CONNECTIONS} connections, wrk with one thread on the same processors; the median of {ROUNDS}"
        " runs of 3 s each, in turn with the other",
        target="a line for every request, at 0.95 of the rate without", peers={"no log": round(rates["without"], 1)},
        met=rates["with"] >= 0.95 * rates["without"] and lines >= answered,
        details={"runs": found, "lines": lines, "requests": answered})
