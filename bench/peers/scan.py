"""Times DuckDB reading every value of Parquet files: what a join of them cannot fall below with this library.

Usage: scan.py FILE… [--threads N] [--runs N]
"""

import argparse
import json
import time

import duckdb


def reading(db, file: str) -> str:
    """An aggregate of each column, so that each value is decoded and none is kept."""
    columns = db.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()
    terms = []
    for name, kind, *_ in columns:
        value = f"epoch_us({name})" if kind.startswith("TIMESTAMP") else name
        terms.append(f"sum(strlen({name}))" if kind == "VARCHAR" else f"sum({value})")
    return f"SELECT {', '.join(terms)} FROM '{file}'"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    db = duckdb.connect()
    db.execute(f"SET threads = {options.threads}")
    queries = [reading(db, file) for file in options.files]
    seconds = []
    for _ in range(options.runs + 1):
        start = time.perf_counter()
        for query in queries:
            db.execute(query).fetchall()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds[1:]}))


if __name__ == "__main__":
    main()
