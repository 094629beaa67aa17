"""Changes of a PostgreSQL table, from their commit until the sink has them, at 20,000 row changes a second."""

import json
import subprocess
import time

from harness.bench import Bench, Failure
from harness.result import Result
from harness.servers import POSTGRES, postgres

ROWS_A_SECOND, SECONDS, ROWS_A_TRANSACTION = 20_000, 20, 100


def run(bench: Bench) -> Result:
    folder = bench.scratch("cdc")
    changes = ROWS_A_SECOND * SECONDS
    with postgres() as port:
        where = ["-h", "127.0.0.1", "-p", str(port), "-U", "martlet"]
        bench.run([
            POSTGRES / "psql", *where, "-q", "-c",
            "CREATE TABLE payments (id bigint PRIMARY KEY, amount double precision, note text, at timestamptz);"
            "CREATE SEQUENCE ids CACHE 1000; CREATE PUBLICATION martlet FOR TABLE payments", "postgres"])
        script = folder / "changes.sql"
        script.write_text(
            "INSERT INTO payments SELECT nextval('ids'), random(), repeat('x', 100), now()"
            f" FROM generate_series(1, {ROWS_A_TRANSACTION});\n")
        capture = subprocess.Popen(
            [str(word) for word in (
                bench.kernels, "cdc", "--url", f"postgresql://martlet@127.0.0.1:{port}/postgres", "--table", "payments",
                "--slot", "bench", "--publication", "martlet", "--messages", changes)],
            stdout=subprocess.PIPE, text=True)
        try:
            if capture.stdout.readline().strip() != "ready":
                raise Failure("the capture did not begin")
            began = time.monotonic()
            bench.run([
                POSTGRES / "pgbench", *where, "-n", "-c", "2", "-f", script, "-R", ROWS_A_SECOND // ROWS_A_TRANSACTION,
                "-t", changes // ROWS_A_TRANSACTION // 2, "postgres"])
            writing = time.monotonic() - began
            found = json.loads(capture.stdout.read().strip().splitlines()[-1])
        finally:
            capture.kill()
            capture.wait()
    found["rows a second written"] = round(changes / writing)
    ours = found["latency_p99_microseconds"] / 1e6
    return Result(
        case="cdc", unit="s (p99)", better="lower", ours=ours, target="at most 2 s",
        met=ours <= 2 and found["rows a second written"] >= 0.95 * ROWS_A_SECOND, details=found,
        setup=f"{changes:,} inserted rows in transactions of {ROWS_A_TRANSACTION}, {ROWS_A_SECOND:,} a second by"
        " pgbench, PostgreSQL 15 on the same machine; from the commit to a sink that counts and stores nothing")
