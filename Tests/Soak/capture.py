"""A PostgreSQL whose table is captured, and the capturing server, are killed by turns: what the sink holds in the end
is what the source holds."""

import pathlib
import random
import subprocess
import time

from postgres import BIN, Postgres
from support import Failed, Server, done, martlet, query, rows, say, verify_stream, wait_until

DEFINITIONS = """
entity: owner
key: owner
type: int64
---
source: accounts
columns:
  id: {{type: int64, nullable: false}}
  owner: {{type: int64, nullable: false}}
  balance: int64
  version: int64
  at: {{type: timestamp, nullable: false}}
event_time: at
id: id
from:
  postgres: {{url: "{url}", table: public.accounts, slot: soak, publication: martlet}}
---
features: wealth
entity: owner
source: accounts
stream: true
windows: [30d]
aggregates: {{accounts: count, balance_sum: sum(balance), largest: max(balance)}}
"""
SETTINGS = "workspace: soak\nlimits: {land_every: 1s, checkpoint_every: 1s}\n"
TABLE = """
CREATE TABLE accounts (
    id bigint PRIMARY KEY, owner bigint NOT NULL, balance bigint, version bigint, at timestamptz NOT NULL);
CREATE SEQUENCE ids;
CREATE PUBLICATION martlet FOR TABLE accounts;
INSERT INTO accounts SELECT nextval('ids'), i % 200, i, 0, now() - interval '1 day' FROM generate_series(1, 2000) AS i;
"""
# Inserts, updates that move an account to another owner, deletes, and transactions that are taken back.
SCRIPT = """
\\set target random(1, 2000000)
\\set owner random(0, 199)
\\set choice random(1, 10)
BEGIN;
INSERT INTO accounts SELECT nextval('ids'), (:owner + i) % 200, :target + i, 0, now() FROM generate_series(1, 4) AS i;
UPDATE accounts SET balance = balance + :target, version = version + 1, owner = :owner
WHERE id IN (SELECT 1 + (:target + i * 7919) % (SELECT last_value FROM ids) FROM generate_series(1, 4) AS i);
DELETE FROM accounts WHERE id = 1 + (:target * 31) % (SELECT last_value FROM ids);
\\if :choice = 1
ROLLBACK;
\\else
COMMIT;
\\endif
"""
SUM = "coalesce(md5(string_agg(concat_ws(':', id, owner, balance, version), ',' ORDER BY id)), 'none')"


class Writers:
    """pgbench, ended and begun again with its server."""

    def __init__(self, database: Postgres, transactions_a_second: int):
        self.database, self.rate = database, transactions_a_second
        self.script = database.folder / "changes.sql"
        self.script.write_text(SCRIPT)
        self.process = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(word) for word in (
                BIN / "pgbench", *self.database.client, "-n", "-c", 2, "-f", self.script, "-R", self.rate, "-T", 3_600,
                "postgres")],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def compare(folder: pathlib.Path, database: Postgres, limit: float) -> tuple[int, str]:
    """Waits until the rows of both are the same."""
    # Transactions whose client is gone end first.
    wait_until(
        lambda: database.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgbench'") == "0",
        "pgbench's sessions end", seconds=30)
    count, wanted = database.sql(f"SELECT count(*) || ' ' || {SUM} FROM accounts").split()
    found = None

    def same() -> bool:
        nonlocal found
        held = rows(folder, "silver.accounts", "id, owner, balance, version, _position")
        gone = rows(folder, "removed.accounts", "_position")
        try:
            found = query(
                f"SELECT count(*), {SUM} FROM ({held}) AS held WHERE _position NOT IN ({gone})")[0]
        except Exception:  # noqa: BLE001 a file that is written at this moment
            return False
        return found[1] == wanted

    try:
        wait_until(same, "checksums", seconds=limit, pause=0.25)
    except Failed as error:
        raise Failed(f"the source has {count} rows, {wanted}; the sink {found}") from error
    return int(count), wanted


def run(folder: pathlib.Path, kills: int, rate: int, seed: int, samples: int) -> dict:
    draw = random.Random(seed)
    database = Postgres()
    begun = time.monotonic()
    server = Server(folder)
    writers = Writers(database, rate)
    killed = {"PostgreSQL": 0, "Martlet": 0}
    values = compared = 0
    try:
        database.start()
        database.sql(TABLE)
        (folder / "martlet.yaml").write_text(SETTINGS)
        (folder / "definitions.yaml").write_text(DEFINITIONS.format(url=database.url))
        done(martlet(folder, "apply"))
        writers.start()
        server.start()
        for number in range(1, kills + 1):
            time.sleep(draw.uniform(0.2, 1.6))
            # The first ones fall into the first reading of the table.
            if draw.random() < 0.5:
                killed["PostgreSQL"] += 1
                database.kill()
                writers.stop()
                database.start()
                writers.start()
            else:
                killed["Martlet"] += 1
                server.kill()
                server.start()
            if number % 10 == 0 or number == kills:
                writers.stop()
                count, checksum = compare(folder, database, limit=120)
                compared += 1
                say(f"kill {number}: {count:,} rows, checksums equal ({checksum})")
                values += verify_stream(folder, seed + number, samples)["values"]
                writers.start()
        writers.stop()
        count, checksum = compare(folder, database, limit=120)
        server.stop()
        values += verify_stream(folder, seed, samples)["values"]
        changes = query(f"SELECT count(*) FROM ({rows(folder, 'bronze.accounts', '_position')})")[0][0]
    finally:
        writers.stop()
        server.stop()
        database.close()
    return {
        "kills": kills, "of": killed, "seed": seed, "changes": changes, "rows": count, "source": checksum,
        "sink": checksum, "checksums_compared": compared + 1, "values_compared": values, "differences": 0,
        "seconds": round(time.monotonic() - begun)}
