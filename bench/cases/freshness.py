"""From sending an event until a read has it, while 20,000 others a second come in."""

import http.client
import time

from harness.bench import Bench
from harness.events import Reader, SteadyLoad, event_server, freshness_of_all, spread
from harness.result import Result

RATE, SECONDS, WARM_SECONDS = 20_000, 20, 4
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
"""


def run(bench: Bench) -> Result:
    with event_server(bench, "freshness", DEFINITIONS) as (port, _):
        with SteadyLoad(port, "/v1/events/purchases", RATE) as load:
            time.sleep(WARM_SECONDS)
            before, begun = load.sent.value, time.monotonic()
            found = probe(port, SECONDS)
            rate = (load.sent.value - before) / (time.monotonic() - begun)
        found |= {"rate": round(rate), "all events, by the server": freshness_of_all(port)}
    return Result(
        case="freshness", unit="ms (p99)", better="lower", ours=found["p99_ms"], target="p99 at most 50 ms",
        met=found["p99_ms"] <= 50 and rate >= 0.98 * RATE, details=found,
        setup=f"{RATE:,} events of 250 bytes a second in batches of 100 by 4 connections, all tables landed and one"
        " view"
        f" followed meanwhile; {found['events']} single events, each from before its request until a read has the new"
        f" value; p50 {found['p50_ms']} ms, load {round(rate):,} a second")


def probe(port: int, seconds: float) -> dict:
    reader = Reader(port, "user_purchases:purchases_1d", "user_id")
    sender = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    times, end, run = [], time.monotonic() + seconds, time.time_ns()
    while time.monotonic() < end:
        number = len(times)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
        body = (f'{{"event_id":"probe-{run}-{number}","user_id":{10**9 + number},"amount":1.5,"kind":"probe",'
                f'"at":"{at}","note":""}}')
        begun = time.perf_counter()
        sender.request("POST", "/v1/events/purchases", body, {"Content-Type": "application/json"})
        sender.getresponse().read()
        reader.wait_for(10**9 + number, 1)
        times.append(time.perf_counter() - begun)
        time.sleep(0.005)
    return spread(times)
