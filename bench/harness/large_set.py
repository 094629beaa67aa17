"""A training set of any size: its repository, its events as a Delta table, its labels, and what building it takes.

Usage: large_set.py FOLDER --martlet FILE [--events N] [--keys N] [--labels N] [--memory 1GiB]
                    [--clock as-true|as-known]

Prints one JSON line with the seconds, those of processors, the peak of the resident memory (VmHWM) and the hash of the
values. Needs DuckDB.
The events are made by its `range` and stand in the silver table as `martlet ingest` would have put them there: five
columns of numbers, a year long, each arriving within ten minutes.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

DEFINITIONS = """\
entity: user
key: user
type: int64
---
source: events
columns:
  id: {type: int64, nullable: false}
  user: {type: int64, nullable: false}
  at: {type: timestamp, nullable: false}
  seen: {type: timestamp, nullable: false}
  a: float64
  b: float64
  c: float64
  d: float64
  e: float64
event_time: at
arrival_time: seen
id: id
---
features: sums
entity: user
source: events
windows: [1d, 7d, 30d]
aggregates:
  events: count
  a_sum: sum(a)
  b_mean: mean(b)
  c_max: max(c)
  d_deviation: stddev(d)
---
features: newest
entity: user
source: events
latest: {last_e: e, last_a: a}
---
service: all
features: [sums, newest]
"""

FIELDS = [
    ("id", "long"), ("user", "long"), ("at", "timestamp"), ("seen", "timestamp"), ("a", "double"), ("b", "double"),
    ("c", "double"), ("d", "double"), ("e", "double"), ("_arrival_time", "timestamp"), ("_position", "long"),
    ("_batch", "string"),
]
START = 1_735_689_600_000_000
YEAR = 365 * 86_400_000_000
ROWS_A_FILE = 5_000_000


def make(folder: pathlib.Path, events: int, keys: int, labels: int) -> None:
    """The events are made once for each folder, and each number of labels once beside them."""
    make_events(folder, events, keys)
    target = folder / labels_file(labels)
    if target.exists():
        return
    import duckdb

    beside = target.with_suffix(".new")
    duckdb.connect(config={"memory_limit": "2GiB"}).execute(
        f"COPY (SELECT (hash(i + 3) % {keys})::BIGINT AS user, "
        f"make_timestamptz({START} + (hash(i + 1) % {YEAR})::BIGINT) AS event_timestamp, i % 2 = 0 AS label "
        f"FROM range({labels}) AS r(i)) TO '{beside}' (FORMAT parquet)")
    beside.rename(target)


def labels_file(labels: int) -> str:
    return f"labels-{labels}.parquet"


def make_events(folder: pathlib.Path, events: int, keys: int) -> None:
    stamp = f"{events} {keys}"
    made = folder / "made"
    if made.exists() and made.read_text() == stamp:
        return
    import duckdb

    shutil.rmtree(folder, ignore_errors=True)
    table = folder / ".martlet" / "tables" / "default" / "large" / "silver.events"
    (table / "_delta_log").mkdir(parents=True)
    (folder / "definitions.yaml").write_text(DEFINITIONS)
    engine = duckdb.connect(config={"memory_limit": "2GiB"})
    actions: list[dict] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": {
            "id": "00000000-0000-0000-0000-000000000001", "name": "silver.events",
            "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "configuration": {},
            "createdTime": 0, "schemaString": json.dumps({"type": "struct", "fields": [
                {"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in FIELDS]})}},
    ]
    for start in range(0, events, ROWS_A_FILE):
        end = min(events, start + ROWS_A_FILE)
        path = table / f"part-{start:012}.parquet"
        at = f"make_timestamptz({START} + (i * {YEAR / events})::BIGINT)"
        seen = f"{at} + to_seconds((hash(i + 5) % 600)::BIGINT)"
        numbers = ", ".join(
            f"(hash(i * {factor}) % 1000000)::DOUBLE / 100 AS {name}"
            for name, factor in zip("abcde", (7, 11, 13, 17, 19)))
        engine.execute(
            f"COPY (SELECT i::BIGINT AS id, (hash(i) % {keys})::BIGINT AS user, {at} AS at, {seen} AS seen, {numbers}, "
            f"{seen} AS _arrival_time, i::BIGINT AS _position, 'made' AS _batch FROM range({start}, {end}) AS r(i)) "
            f"TO '{path}' (FORMAT parquet, COMPRESSION snappy)")
        actions.append({"add": {
            "path": path.name, "partitionValues": {}, "size": path.stat().st_size, "modificationTime": 0,
            "dataChange": True, "stats": json.dumps({"numRecords": end - start})}})
    log = table / "_delta_log" / f"{0:020}.json"
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    made.write_text(stamp)


def measure(
    folder: pathlib.Path, martlet: pathlib.Path, labels: int, memory: str, clock: str = "as-true",
    limit: float = 3_600
) -> dict:
    """Builds the set with the limit; the peak is that of the one process."""
    (folder / "martlet.yaml").write_text(f"workspace: large\nlimits: {{memory: {memory}}}\n")
    subprocess.run([martlet, "apply"], cwd=folder, check=True, capture_output=True)
    output = folder / "set.parquet"
    output.unlink(missing_ok=True)
    start = time.monotonic()
    process = subprocess.Popen(
        [martlet, "training-set", "all", "--labels", labels_file(labels), "--out", output, f"--{clock}", "--json"],
        cwd=folder, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(limit, process.kill)
    timer.start()
    answer = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    timer.cancel()
    output.unlink(missing_ok=True)
    if status != 0:
        raise RuntimeError(f"martlet ended with {status}")
    found = json.loads(answer)
    return {
        "seconds": round(seconds, 1), "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mebibytes": usage.ru_maxrss // 1024,
        "hash": found["hash"], "rows": found["rows"], "memory": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--martlet", type=pathlib.Path, required=True)
    parser.add_argument("--events", type=int, default=100_000_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--clock", choices=["as-true", "as-known"], default="as-true")
    options = parser.parse_args()
    make(options.folder, options.events, options.keys, options.labels)
    print(json.dumps(measure(
        options.folder.resolve(), options.martlet.resolve(), options.labels, options.memory, options.clock)))


if __name__ == "__main__":
    main()
