"""Times the as-of join of other engines in memory: for each label the newest row of its key, at most seven days old.

Usage: asof.py duckdb|polars HISTORY LABELS [--from-parquet] [--out FILE] [--threads N] [--runs N]

With --from-parquet the files are read as part of the work and the join gives each label the row's `value`; --out keeps
that answer. Otherwise the join is in memory: what is timed is the join of key and time giving each label the place of
its row; payload columns would be gathered by that place in every engine alike. The inputs are tables in memory, as each
engine holds them, in the order of the files. Polars wants both sides sorted by time, which is part of the work.
"""

import argparse
import json
import os
import time


def duckdb_join(options: argparse.Namespace) -> tuple[list[float], int, str]:
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {options.threads}; SET TimeZone = 'UTC'")
    if options.from_parquet:
        return duckdb_from_parquet(options, db)
    db.execute(
        f"CREATE TABLE history AS SELECT user_id, epoch_us(event_timestamp) AS t, row_number() OVER () AS place"
        f" FROM '{options.history}'")
    db.execute(f"CREATE TABLE labels AS SELECT user_id, epoch_us(event_timestamp) AS t FROM '{options.labels}'")
    seconds = []
    for _ in range(options.runs + 1):
        start = time.perf_counter()
        db.execute(
            "CREATE OR REPLACE TABLE answer AS SELECT CASE WHEN labels.t - history.t <= 604800000000 THEN place END AS"
            " place FROM labels ASOF LEFT JOIN history ON labels.user_id = history.user_id AND labels.t >= history.t")
        seconds.append(time.perf_counter() - start)
    return seconds[1:], db.execute("SELECT count(place) FROM answer").fetchone()[0], duckdb.__version__


def duckdb_from_parquet(options: argparse.Namespace, db) -> tuple[list[float], int, str]:
    seconds = []
    for _ in range(options.runs + 1):
        start = time.perf_counter()
        db.execute(
            "CREATE OR REPLACE TABLE answer AS SELECT labels.user_id, labels.event_timestamp, CASE WHEN"
            " labels.event_timestamp - history.event_timestamp <= INTERVAL 7 DAY THEN value END AS value"
            f" FROM '{options.labels}' AS labels ASOF LEFT JOIN '{options.history}' AS history"
            " ON labels.user_id = history.user_id AND labels.event_timestamp >= history.event_timestamp")
        seconds.append(time.perf_counter() - start)
    if options.out:
        db.execute(f"COPY answer TO '{options.out}' (FORMAT parquet)")
    return seconds[1:], db.execute("SELECT count(value) FROM answer").fetchone()[0], db.execute(
        "SELECT version()").fetchone()[0]


def polars_join(options: argparse.Namespace) -> tuple[list[float], int, str]:
    os.environ["POLARS_MAX_THREADS"] = str(options.threads)
    import polars

    if options.from_parquet:
        seconds = []
        for _ in range(options.runs + 1):
            start = time.perf_counter()
            labels = polars.read_parquet(options.labels).sort("event_timestamp")
            history = polars.read_parquet(options.history).set_sorted("event_timestamp")
            answer = labels.join_asof(
                history, on="event_timestamp", by="user_id", strategy="backward", tolerance="7d")
            seconds.append(time.perf_counter() - start)
        return seconds[1:], answer["value"].count(), polars.__version__
    history = polars.read_parquet(options.history, columns=["user_id", "event_timestamp"]).with_row_index("place")
    labels = polars.read_parquet(options.labels, columns=["user_id", "event_timestamp"])
    seconds = []
    for _ in range(options.runs + 1):
        start = time.perf_counter()
        answer = labels.sort("event_timestamp").join_asof(
            history.sort("event_timestamp"), on="event_timestamp", by="user_id", strategy="backward", tolerance="7d")
        seconds.append(time.perf_counter() - start)
    return seconds[1:], answer["place"].count(), polars.__version__


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["duckdb", "polars"])
    parser.add_argument("history")
    parser.add_argument("labels")
    parser.add_argument("--from-parquet", action="store_true")
    parser.add_argument("--out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    seconds, filled, version = {"duckdb": duckdb_join, "polars": polars_join}[options.engine](options)
    print(json.dumps({"seconds": seconds, "filled": filled, "version": version}))


if __name__ == "__main__":
    main()
