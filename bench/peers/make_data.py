"""Writes the inputs of the benchmarks as Parquet, the same bytes for the same arguments.

Usage: make_data.py NAME FOLDER [--entities N] [--rows N] [--labels N]

  latest   history.parquet  rows of 10 features (6 float, 2 int, 2 text), spread evenly over entities and 30 days
           labels.parquet   entity and time pairs within the same 30 days
  asof     history.parquet  entity, time and one value, in the order of time over 30 days, as an event log has them
           labels.parquet   entity and time pairs within the same 30 days, in any order
  online   online.parquet   one row of the same 10 features for each entity
  windows  events.parquet   entity, time, amount, fee, items and distance, spread over 60 days
           labels.parquet   entity and time pairs within the last 30 of them
"""

import argparse
import pathlib

import numpy
import pyarrow
import pyarrow.parquet

END = 1_790_812_800_000_000  # 2026-10-01T00:00:00Z
SECOND = 1_000_000
DAY = 86_400 * SECOND
# As DuckDB writes them, and about what Spark does: engines that read groups in parallel can.
ROWS_OF_A_GROUP = 122_880
TIME = pyarrow.timestamp("us", tz="UTC")


def times(random, count: int, days: int, until: int = END) -> numpy.ndarray:
    """Whole seconds, so that labels and rows meet at equal times now and then."""
    return until - random.integers(0, days * 86_400, count, dtype="int64") * SECOND


def ten_features(random, count: int) -> dict:
    columns = {f"f{index}": random.standard_normal(count).astype("float32") for index in range(6)}
    columns |= {f"f{index}": random.integers(0, 1_000_000, count, dtype="int64") for index in (6, 7)}
    columns["f8"] = numpy.char.add("category-", random.integers(0, 500, count).astype("str"))
    columns["f9"] = numpy.char.add("tier-", random.integers(0, 5, count).astype("str"))
    return columns


def write(folder: pathlib.Path, name: str, columns: dict) -> None:
    arrays = {
        key: pyarrow.array(values, type=TIME) if key in ("event_timestamp", "created") else pyarrow.array(values)
        for key, values in columns.items()
    }
    beside = folder / f"{name}.parquet.new"
    pyarrow.parquet.write_table(pyarrow.table(arrays), beside, compression="snappy", row_group_size=ROWS_OF_A_GROUP)
    beside.rename(folder / f"{name}.parquet")


def latest(folder: pathlib.Path, random, entities: int, rows: int, labels: int) -> None:
    ids = numpy.repeat(numpy.arange(entities, dtype="int64"), rows // entities)
    at = times(random, len(ids), 30)
    write(folder, "history", {
        "user_id": ids, "event_timestamp": at,
        # No two are equal, so that of rows with equal event time every engine must choose the same.
        "created": at + 300 * SECOND + numpy.arange(len(ids), dtype="int64"), **ten_features(random, len(ids)),
    })
    write(folder, "labels", {
        "user_id": random.integers(0, entities, labels, dtype="int64"),
        "event_timestamp": times(random, labels, 30),
        "label": random.integers(0, 2, labels, dtype="int64"),
    })


def asof(folder: pathlib.Path, random, entities: int, rows: int, labels: int) -> None:
    # Whole milliseconds, all different, so that there is one right answer.
    at = END - numpy.sort(random.choice(30 * 86_400 * 1_000, rows, replace=False))[::-1] * 1_000
    write(folder, "history", {
        "user_id": random.integers(0, entities, rows, dtype="int64"), "event_timestamp": at,
        "value": random.standard_normal(rows),
    })
    write(folder, "labels", {
        "user_id": random.integers(0, entities, labels, dtype="int64"),
        "event_timestamp": times(random, labels, 30),
    })


def online(folder: pathlib.Path, random, entities: int, rows: int, labels: int) -> None:
    write(folder, "online", {
        "user_id": numpy.arange(entities, dtype="int64"),
        "event_timestamp": numpy.full(entities, END - 3_600 * SECOND, dtype="int64"),
        "created": numpy.full(entities, END, dtype="int64"),
        **ten_features(random, entities),
    })


def windows(folder: pathlib.Path, random, entities: int, rows: int, labels: int) -> None:
    write(folder, "events", {
        "user_id": random.integers(0, entities, rows, dtype="int64"),
        "event_timestamp": times(random, rows, 60),
        # Amounts in cents, log-normal like those of payments.
        "amount": numpy.round(random.lognormal(3.5, 1.2, rows), 2),
        "fee": numpy.round(random.lognormal(-0.5, 0.8, rows), 2),
        "items": random.integers(1, 20, rows, dtype="int64"),
        # Doubles with all their digits.
        "distance": random.lognormal(1.8, 1.1, rows),
    })
    write(folder, "labels", {
        "user_id": random.integers(0, entities, labels, dtype="int64"),
        "event_timestamp": times(random, labels, 30),
    })


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=["asof", "latest", "online", "windows"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--labels", type=int, default=100_000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    make = {"asof": asof, "latest": latest, "online": online, "windows": windows}[options.name]
    make(options.folder, numpy.random.default_rng(20_261_001), options.entities, options.rows, options.labels)


if __name__ == "__main__":
    main()
