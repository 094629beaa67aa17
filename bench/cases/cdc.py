"""Rows of a PostgreSQL table, from their commit until a read has them, at 20,000 row changes a second."""

import subprocess
import threading
import time

from harness.bench import Bench, Failure
from harness.events import Reader, event_server, freshness_of_all, spread, status
from harness.result import Result
from harness.servers import POSTGRES, postgres

ROWS_A_SECOND, SECONDS, ROWS_A_TRANSACTION, PROBES = 20_000, 20, 100, 4
TABLE = """
CREATE TABLE payments (id bigint PRIMARY KEY, account bigint, amount double precision, note text, at timestamptz);
CREATE SEQUENCE ids CACHE 1000; CREATE PUBLICATION martlet FOR TABLE payments
"""
DEFINITIONS = """
entity: account
key: account
type: int64
---
source: payments
columns:
  id: {{type: int64, nullable: false}}
  account: {{type: int64, nullable: false}}
  amount: float64
  note: string
  at: {{type: timestamp, nullable: false}}
event_time: at
from:
  postgres:
    url: "postgresql://martlet@127.0.0.1:{port}/postgres"
    table: public.payments
    slot: bench
    publication: martlet
---
features: account_payments
entity: account
source: payments
stream: true
windows: [1h, 1d]
aggregates: {{payments: count, amount_sum: sum(amount), amount_max: max(amount)}}
"""


def run(bench: Bench) -> Result:
    changes = ROWS_A_SECOND * SECONDS
    folder = bench.scratch("cdc-load")
    with postgres() as database:
        where = ["-h", "127.0.0.1", "-p", str(database), "-U", "martlet"]
        bench.run([POSTGRES / "psql", *where, "-q", "-c", TABLE, "postgres"])
        script = folder / "changes.sql"
        script.write_text(
            "INSERT INTO payments SELECT nextval('ids'), i * 997 % 10000, random(), repeat('x', 100),"
            f" now() - interval '1 second' FROM generate_series(1, {ROWS_A_TRANSACTION}) AS i;\n")
        with event_server(bench, "cdc", DEFINITIONS.format(port=database)) as (port, _):
            wait_for_streaming(port)
            probes = Probes(where, port)
            began = time.monotonic()
            bench.run([
                POSTGRES / "pgbench", *where, "-n", "-c", "2", "-f", script, "-R", ROWS_A_SECOND // ROWS_A_TRANSACTION,
                "-t", changes // ROWS_A_TRANSACTION // 2, "postgres"])
            writing = time.monotonic() - began
            found = spread(probes.end())
            found |= {"rows a second written": round(changes / writing), "log": status(port)["log"]["end_offset"],
                      "from the log on, by the server": freshness_of_all(port)}
    seconds = found["p99_ms"] / 1000
    return Result(
        case="cdc", unit="s (p99)", better="lower", ours=round(seconds, 3), target="at most 2 s",
        met=seconds <= 2 and found["rows a second written"] >= 0.95 * ROWS_A_SECOND, details=found,
        setup=f"{changes:,} inserted rows in transactions of {ROWS_A_TRANSACTION}, {ROWS_A_SECOND:,} a second by"
        " pgbench,"
        f" PostgreSQL 15 on the same machine, a source without an id; {found['events']} rows beside them, each from"
        f" before its commit until a read has the new value; p50 {found['p50_ms']} ms")


def wait_for_streaming(port: int) -> None:
    end = time.monotonic() + 30
    while [found["state"] for found in status(port)["connectors"]] != ["streaming"]:
        if time.monotonic() > end:
            raise Failure("the capture did not begin")
        time.sleep(0.05)


class Probes:
    """Rows of accounts of their own, by several sessions."""

    def __init__(self, where: list, port: int):
        self.times: list[float] = []
        self.failures: list[Exception] = []
        self.is_ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(where, port, number)) for number in range(PROBES)]
        for thread in self.threads:
            thread.start()

    def run(self, where: list, port: int, session: int) -> None:
        reader = Reader(port, "account_payments:payments_1d", "account")
        command = [str(word) for word in (POSTGRES / "psql", *where, "-X", "-q", "-A", "-t", "postgres")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as psql:
            account = 10**9 * (session + 1)
            try:
                while not self.is_ending.is_set():
                    account += 1
                    begun = time.perf_counter()
                    psql.stdin.write(
                        f"INSERT INTO payments VALUES ({-account}, {account}, 1, '', now() - interval '1 second');\n")
                    psql.stdin.flush()
                    reader.wait_for(account, 1, pause=0.002)
                    self.times.append(time.perf_counter() - begun)
            except Exception as error:  # noqa: BLE001 told by `end`
                self.failures.append(error)
            psql.stdin.close()

    def end(self) -> list[float]:
        self.is_ending.set()
        for thread in self.threads:
            thread.join(60)
        if self.failures:
            raise Failure(str(self.failures[0]))
        return self.times
