"""Compares two Parquet files that should hold the same training set; prints what differs and ends with 1 where they do.

Usage: compare.py OURS PEER --order COLUMN[,COLUMN…] [--columns a,b,c] [--tolerance 1e-9]

Doubles may differ by the tolerance, relative to the greater: a peer adds floats in whatever order its threads meet
them. All else is equal or different. Columns default to those of both files.
"""

import argparse
import sys

import duckdb


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("peer")
    parser.add_argument("--order", required=True)
    parser.add_argument("--columns")
    parser.add_argument("--tolerance", type=float, default=1e-9)
    options = parser.parse_args()
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    for name in ("ours", "peer"):
        db.execute(
            f"CREATE TABLE {name} AS SELECT row_number() OVER (ORDER BY {options.order}) AS place, *"
            f" FROM read_parquet('{getattr(options, name)}')")
    counts = [db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("ours", "peer")]
    if counts[0] != counts[1]:
        sys.exit(f"{counts[0]} rows, the peer has {counts[1]}")
    types = {name: {row[0]: row[1] for row in db.execute(f"DESCRIBE {name}").fetchall()} for name in ("ours", "peer")}
    columns = options.columns.split(",") if options.columns else [c for c in types["ours"] if c in types["peer"]]
    different = False
    for column in columns:
        left, right = f'ours."{column}"', f'peer."{column}"'
        if types["ours"][column] in ("DOUBLE", "FLOAT"):
            bound = f"{options.tolerance} * greatest(abs({left}), abs({right}), 1)"
            unequal = f"({left} IS NULL) <> ({right} IS NULL) OR abs({left} - {right}) > {bound}"
        else:
            unequal = f"{left} IS DISTINCT FROM {right}"
        bad, first = db.execute(
            f"SELECT count(*), min(place) FROM ours JOIN peer USING (place) WHERE {unequal}").fetchone()
        if bad:
            different = True
            print(f"{column}: {bad} of {counts[0]} rows differ, the first at {first}", file=sys.stderr)
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
