"""A server is killed again and again while events come in: nothing that was acknowledged is lost, nothing is there
twice, and what is served is what the log says."""

import http.client
import json
import pathlib
import random
import threading
import time

from support import Failed, Server, done, martlet, percentile, query, rows, say, verify_stream, wait_until

DEFINITIONS = """
entity: user
key: user_id
type: int64
---
source: purchases
columns:
  event_id: {type: int64, nullable: false}
  user_id: {type: int64, nullable: false}
  amount: float64
  shop: string
  at: {type: timestamp, nullable: false}
  note: string
event_time: at
id: event_id
---
features: activity
entity: user
source: purchases
stream: true
windows: [1h, 30d]
aggregates:
  purchases: count
  amount_sum: sum(amount)
  amount_max: max(amount)
  shops: distinct(shop)
  middle: median(amount)
  newest: last(amount)
---
features: newest
entity: user
source: purchases
stream: true
latest: {last_amount: amount}
"""
SETTINGS = "workspace: soak\nlimits: {land_every: 1s, checkpoint_every: 700ms}\n"
USERS, BATCH, SENDERS = 5_000, 100, 4
FILLER = "x" * 110


class Load:
    """Events at a steady rate by several connections. A batch whose answer did not come is sent again, as clients do:
    it may be durable or not."""

    def __init__(self, server: Server, rate: int, seed: int):
        self.server, self.rate, self.seed = server, rate, seed
        self.lock = threading.Lock()
        self.next_batch = 0
        self.acknowledged: set[int] = set()
        self.unanswered: list[int] = []
        self.repeated = self.duplicates = self.resent = 0
        self.is_open = threading.Event()
        self.is_ending = False
        self.failures: list[str] = []
        self.latencies: list[float] = []
        self.threads = [threading.Thread(target=self.send, args=(number,), daemon=True) for number in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def body(self, number: int) -> bytes:
        """The same events for the same number; their times, too."""
        draw = random.Random(self.seed * 1_000_003 + number)
        now = self.started[number]
        lines = []
        for index in range(BATCH):
            age = draw.random() * 5 if draw.random() < 0.9 else draw.random() * 86_400 * 20
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - 1 - age))
            lines.append(
                f'{{"event_id":{number * BATCH + index},"user_id":{draw.randrange(USERS)},'
                f'"amount":{draw.randrange(100_000) / 7!r},"shop":"s{draw.randrange(40)}","at":"{at}Z",'
                f'"note":"{FILLER}"}}\n')
        return "".join(lines).encode()

    started: dict[int, float] = {}

    def take(self) -> int:
        with self.lock:
            if self.unanswered:
                self.resent += 1
                return self.unanswered.pop(0)
            # One batch in twenty came before.
            if self.acknowledged and self.next_batch % 20 == 19 and self.repeated * 19 < self.next_batch:
                self.repeated += 1
                return random.Random(self.next_batch).choice(range(max(0, self.next_batch - 2_000), self.next_batch))
            number = self.next_batch
            self.next_batch += 1
            self.started[number] = time.time()
            return number

    def send(self, sender: int) -> None:
        connection, due = None, time.monotonic()
        while not self.is_ending:
            if not self.is_open.wait(0.05):
                due = time.monotonic()
                continue
            due = max(due + SENDERS * BATCH / self.rate, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))
            number = self.take()
            try:
                begun = time.monotonic()
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
                connection.request(
                    "POST", "/v1/events/purchases", self.body(number), {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    raise Failed(f"{answer.status} {text[:200]!r}")
                found = json.loads(text)
                if found["rows"] != BATCH or found["misfits"]:
                    raise Failed(f"an answer that does not fit its request: {found}")
                with self.lock:
                    self.latencies.append(time.monotonic() - begun)
                    self.duplicates += found["duplicates"]
                    self.acknowledged.add(number)
            except (OSError, http.client.HTTPException, Failed) as error:
                if isinstance(error, Failed) and not str(error).startswith("503"):
                    self.failures.append(str(error))
                if connection:
                    connection.close()
                connection = None
                with self.lock:
                    if number not in self.acknowledged:
                        self.unanswered.append(number)
                time.sleep(0.02)

    def end(self) -> None:
        self.is_ending = True
        for thread in self.threads:
            thread.join(30)


def check_tables(folder: pathlib.Path, server: Server, load: Load) -> dict:
    """All that was acknowledged is in bronze once and in silver once."""
    marker = f'{{"event_id":{-time.time_ns()},"user_id":-1,"amount":1,"at":"2026-01-01T00:00:00Z"}}\n'.encode()
    with load.lock:
        acknowledged = sorted(load.acknowledged)
    server.post("/v1/events/purchases?wait=landed", marker, limit=120)
    spans, first = [], None
    for place, number in enumerate(acknowledged):
        first = number if first is None else first
        if place + 1 == len(acknowledged) or acknowledged[place + 1] != number + 1:
            spans.append((first * BATCH, (number + 1) * BATCH))
            first = None
    events = ", ".join(f"({low}::BIGINT, {high}::BIGINT)" for low, high in spans)
    found = {}
    for table in ("bronze.purchases", "silver.purchases"):
        held = rows(folder, table, "event_id")
        ids, different, missing = query(
            f"WITH held AS ({held}), acknowledged AS (SELECT unnest(range(low, high)) AS id "
            f"FROM (VALUES {events}) AS spans(low, high)) "
            "SELECT (SELECT count(*) FROM held), (SELECT count(DISTINCT event_id) FROM held), "
            "(SELECT count(*) FROM acknowledged ANTI JOIN held ON id = event_id)")[0]
        found[table] = {"rows": ids, "duplicates": ids - different, "missing": missing}
    return found


def check_served(folder: pathlib.Path, server: Server, draw: random.Random) -> None:
    """What is served of some users is what silver has of them, counted by another program."""
    users = draw.sample(range(USERS), 20)
    listed = ", ".join(map(str, users))
    # No event is older than the window.
    held = rows(folder, "silver.purchases", "user_id")
    expected = dict(query(f"SELECT user_id, count(*) FROM ({held}) WHERE user_id IN ({listed}) GROUP BY 1"))
    wanted = [expected.get(user, 0) for user in users]

    def holds() -> bool:
        return server.served(["activity:purchases_30d"], "user_id", users)[0] == wanted

    wait_until(holds, f"served counts of users are not those of silver: users {users}, {wanted}", seconds=30)


def run(folder: pathlib.Path, kills: int, rate: int, seed: int, samples: int) -> dict:
    draw = random.Random(seed)
    (folder / "martlet.yaml").write_text(SETTINGS)
    (folder / "definitions.yaml").write_text(DEFINITIONS)
    done(martlet(folder, "apply"))
    server = Server(folder)
    load = Load(server, rate, seed)
    ready, values, begun = [], 0, time.monotonic()
    busy = 0.0
    try:
        server.start()
        for number in range(1, kills + 1):
            load.is_open.set()
            opened = time.monotonic()
            time.sleep(draw.uniform(0.2, 1.6))
            server.kill()
            load.is_open.clear()
            busy += time.monotonic() - opened
            # As the crash left it: what a server would have that starts now.
            values += verify_stream(folder, seed + number, samples)["values"]
            ready.append(server.start())
            found = check_tables(folder, server, load)
            for table, counts in found.items():
                if counts["missing"] or counts["duplicates"]:
                    raise Failed(f"after kill {number}: {table} has {counts}")
            check_served(folder, server, draw)
            if load.failures:
                raise Failed(f"requests failed: {load.failures[:3]}")
            if number % 10 == 0 or number == kills:
                say(f"kill {number}: {found['silver.purchases']['rows']:,} events, equal, ready in {ready[-1]:.2f} s")
        # And beside the running server.
        live = verify_stream(folder, seed, samples)
        if not live["live"]:
            raise Failed("the comparison beside a running server did not see it")
        values += live["values"]
    finally:
        load.end()
        server.stop()
    values += verify_stream(folder, seed, samples)["values"]
    acknowledged = len(load.acknowledged) * BATCH
    return {
        "kills": kills, "seed": seed, "acknowledged": acknowledged, "missing": 0, "visible_duplicates": 0,
        "sent_again": load.resent, "duplicates_refused": load.duplicates,
        "events_a_second_under_load": round((acknowledged + load.duplicates) / max(busy, 0.001)),
        "values_compared": values, "differences": 0, "ready_p50_s": round(percentile(ready, 0.5), 2),
        "ready_max_s": round(max(ready), 2), "acknowledged_p99_ms": round(percentile(load.latencies, 0.99) * 1000, 1),
        "seconds": round(time.monotonic() - begun)}
