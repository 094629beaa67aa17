"""Hands the inputs of `windows` to limits/windows.c as plain arrays, and its answer back as Parquet.

Usage: windows_arrays.py to FOLDER EVENTS LABELS
       windows_arrays.py from FOLDER LABELS OUT
"""

import pathlib
import sys

import duckdb
import numpy
import pyarrow
import pyarrow.parquet

COLUMNS = ("amount", "fee", "items", "distance")
FUNCTIONS = ("count", "sum", "mean", "min", "max", "stddev")
WINDOWS = ("1h", "1d", "7d", "30d")


def make_arrays(folder: pathlib.Path, events: str, labels: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    select = "SELECT user_id::INTEGER AS key, epoch_us(event_timestamp) AS time{} FROM read_parquet('{}')"
    doubles = "".join(f", {name}::DOUBLE AS column_{place}" for place, name in enumerate(COLUMNS))
    for prefix, more, file in (("event_", doubles, events), ("label_", "", labels)):
        for name, array in duckdb.execute(select.format(more, file)).fetchnumpy().items():
            numpy.ascontiguousarray(array).tofile(folder / (name if name.startswith("column") else prefix + name))


def read_answer(folder: pathlib.Path, labels: int, out: str) -> None:
    answer = numpy.fromfile(folder / "answer.bin", dtype="float64").reshape(len(COLUMNS) * 6 * 4, labels)
    table = {"label": numpy.arange(1, labels + 1, dtype="int64")}
    names = [f"{f}_{c}_{w}" for c in COLUMNS for f in FUNCTIONS for w in WINDOWS]
    for name, values in zip(names, answer):
        table[name] = pyarrow.array(values, mask=numpy.isnan(values))
    pyarrow.parquet.write_table(pyarrow.table(table), out, compression="snappy")


def main() -> None:
    if sys.argv[1] == "to":
        make_arrays(pathlib.Path(sys.argv[2]), *sys.argv[3:])
    else:
        read_answer(pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])


if __name__ == "__main__":
    main()
