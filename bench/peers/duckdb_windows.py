"""Times the windowed training set in DuckDB's SQL (windows_sql.py); events and labels are tables in memory.

Usage: duckdb_windows.py VARIANT COLUMN[,COLUMN…] EVENTS LABELS [--runs N] [--threads N] [--out FILE]
"""

import argparse
import json
import time

import duckdb
import windows_sql


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("variant", choices=windows_sql.VARIANTS)
    parser.add_argument("columns")
    parser.add_argument("events")
    parser.add_argument("labels")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out")
    options = parser.parse_args()
    db = duckdb.connect()
    db.execute(f"SET threads = {options.threads}; SET TimeZone = 'UTC'")
    db.execute(f"CREATE TABLE events AS FROM '{options.events}'; CREATE TABLE labels AS FROM '{options.labels}'")
    sql = windows_sql.text(options.variant, options.columns.split(","))
    seconds = []
    for run in range(options.runs + 1):
        start = time.perf_counter()
        db.execute(f"CREATE OR REPLACE TABLE answer AS {sql}")
        seconds.append(time.perf_counter() - start)
    if options.out:
        db.execute(f"COPY answer TO '{options.out}' (FORMAT parquet)")
    print(json.dumps({"seconds": seconds[1:] or seconds, "version": duckdb.__version__}))


if __name__ == "__main__":
    main()
