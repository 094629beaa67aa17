"""Events over HTTP into the durable log, in batches and one by one, while a view follows it and tables are landed."""

import json
import shutil
import time
import urllib.request

from harness.bench import Bench, Failure
from harness.result import Result
from harness.serving import free_port, server

SECONDS = 8
DEFINITIONS = """
entity: user
key: user_id
type: int64
---
source: purchases
columns:
  event_id: {type: string, nullable: false}
  user_id: {type: int64, nullable: false}
  amount: float64
  kind: string
  at: {type: timestamp, nullable: false}
  note: string
event_time: at
id: event_id
---
features: user_purchases
entity: user
source: purchases
stream: true
windows: [1h, 1d]
aggregates: {purchases: count, amount_sum: sum(amount), amount_max: max(amount)}
---
service: purchases
features: [user_purchases]
"""


def run(bench: Bench) -> list[Result]:
    folder = bench.scratch("ingest-http")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "martlet.yaml").write_text("workspace: bench\n")
    (folder / "definitions.yaml").write_text(DEFINITIONS)
    bench.run([bench.martlet, "apply"], cwd=folder)
    port = free_port()
    try:
        with server([bench.martlet, "serve", "--port", port], port, folder):
            post(bench, port, batch=100, connections=8, seconds=2, run=0)
            batches = post(bench, port, batch=100, connections=8, seconds=SECONDS, run=1)
            single = post(bench, port, batch=1, connections=64, seconds=SECONDS, run=2)
            freshness = fresh(port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rate = 100 * batches["requests"] / batches["seconds"]
    alone = single["requests"] / single["seconds"]
    return [
        Result(
            case="ingest-http", unit="events/s", better="higher", ours=round(rate), target="at least 100,000",
            setup="JSON lines, 100 events of 250 bytes with ids a request, 8 connections, wrk with one thread on the"
            " same processors, a view that follows the log and landing at work;"
            f" acknowledged in p99 {batches['p99_ms']} ms",
            met=rate >= 100_000, details=batches),
        Result(
            case="ingest-http-single", unit="events/s", better="higher", ours=round(alone),
            target="at least 15,000, p99 at most 20 ms",
            setup=f"one event a request, 64 connections; acknowledged in p99 {single['p99_ms']} ms",
            met=alone >= 15_000 and single["p99_ms"] <= 20, details=single),
        Result(
            case="freshness-idle", unit="ms", better="lower", ours=freshness["p99_ms"], target="p99 at most 50 ms",
            setup="200 events, one after another into a server with nothing else to do: from before the request until a"
            " read has the new value", met=freshness["p99_ms"] <= 50, details=freshness),
    ]


def post(bench: Bench, port: int, batch: int, connections: int, seconds: int, run: int) -> dict:
    found = bench.json(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency", "-s",
         bench.folder / "peers" / "events.lua", f"http://127.0.0.1:{port}"],
        env={"BATCH": str(batch), "EVENTS_PATH": "/v1/events/purchases", "RUN": f"{run}-{time.time_ns()}"})
    if found["bad"]:
        raise Failure(f"{found['bad']} of {found['requests']} requests failed")
    return found


def fresh(port: int) -> dict:
    """Until what was durable before is counted, and then event by event."""
    wait_until_counted(port, user=10**9, count=1, limit=120)
    times = []
    for number in range(200):
        begun = time.perf_counter()
        send(port, user=10**9 + 1, name=f"fresh-{number}-{time.time_ns()}")
        wait_until_counted(port, user=10**9 + 1, count=number + 1, limit=30, sends=False)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return {"p50_ms": round(times[100], 2), "p99_ms": round(times[197], 2), "max_ms": round(times[-1], 2)}


def wait_until_counted(port: int, user: int, count: int, limit: float, sends: bool = True) -> None:
    if sends:
        send(port, user, f"mark-{time.time_ns()}")
    body = json.dumps({"features": ["user_purchases:purchases_1d"], "entities": {"user_id": [user]}}).encode()
    end = time.monotonic() + limit
    while time.monotonic() < end:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/get-online-features", body)
        answer = json.load(urllib.request.urlopen(request, timeout=10))
        if answer["results"][1]["values"][0] == count:
            return
    raise Failure(f"an event was not counted within {limit:.0f} s")


def send(port: int, user: int, name: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    event = {"event_id": name, "user_id": user, "amount": 1.5, "kind": "purchase", "at": now, "note": ""}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/events/purchases", json.dumps(event).encode(),
        {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).read()
