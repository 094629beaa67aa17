"""Reads and writes Delta tables with the packages that other people use, for Tests/MartletTablesTests.

Reads one JSON object a line from standard input, answers with one JSON object a line:
  {"do": "read", "with": "deltalake"|"duckdb", "path": ..., "version": N|null, "time": RFC3339|null}
      -> {"columns": [[name, type], ...], "rows": [[text|null, ...], ...]}
  {"do": "append", "path": ..., "start": N, "count": N}       one commit for each number, as a column `a`
  {"do": "write", "path": ...}                                a table with partitions, nulls, a checkpoint
Values are told as text that has one form for each value: see `canonical`.
"""

import datetime
import json
import math
import os
import struct
import sys

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

EXTENSION = sys.argv[1]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def canonical(value, type_):
    if value is None:
        return None
    if pa.types.is_boolean(type_):
        return "true" if value else "false"
    if pa.types.is_float32(type_):
        return "nan" if math.isnan(value) else format(struct.unpack("<I", struct.pack("<f", value))[0], "x")
    if pa.types.is_float64(type_):
        return "nan" if math.isnan(value) else format(struct.unpack("<Q", struct.pack("<d", value))[0], "x")
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    return str(value)


def column_texts(column):
    """The texts of a column; timestamps as microseconds, whatever Python makes of their years."""
    type_ = column.type
    if pa.types.is_timestamp(type_):
        assert type_.tz is not None, "a timestamp without a zone"
        column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        type_ = pa.int64()
        return [None if v is None else str(v) for v in column.to_pylist()]
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type_)
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        values = column_texts(column.values)
        bounds = column.offsets.to_pylist()
        lists = zip(bounds, bounds[1:], column.is_valid().to_pylist())
        return ["[%s]" % "|".join(values[a:b]) if valid else None for a, b, valid in lists]
    if pa.types.is_map(type_):
        keys, values = column_texts(column.keys), column_texts(column.items)
        bounds = column.offsets.to_pylist()
        maps = zip(bounds, bounds[1:], column.is_valid().to_pylist())
        return [
            "{%s}" % "|".join(k + "=" + v for k, v in sorted(zip(keys[a:b], values[a:b]))) if valid else None
            for a, b, valid in maps
        ]
    return [canonical(v, type_) for v in column.to_pylist()]


def type_name(type_):
    if pa.types.is_timestamp(type_):
        return "timestamp"
    for name, test in [
        ("bool", pa.types.is_boolean), ("int32", pa.types.is_int32), ("int64", pa.types.is_int64),
        ("float32", pa.types.is_float32), ("float64", pa.types.is_float64),
    ]:
        if test(type_):
            return name
    if type_ in (pa.string(), pa.large_string(), pa.string_view()):
        return "string"
    if type_ in (pa.binary(), pa.large_binary(), pa.binary_view()):
        return "bytes"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return "list<%s>" % type_name(type_.value_type)
    if pa.types.is_map(type_):
        return "map<%s,%s>" % (type_name(type_.key_type), type_name(type_.item_type))
    return str(type_)


def duck():
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute("LOAD '%s'" % EXTENSION.replace("'", "''"))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


CONNECTION = duck()


def read(job):
    if job["with"] == "deltalake":
        table = DeltaTable(job["path"], version=job.get("version"))
        if job.get("time"):
            table.load_as_version(job["time"])
        data = table.to_pyarrow_table() if job.get("filter") is None else table.to_pyarrow_table(filters=job["filter"])
    else:
        options = ", version := %d" % job["version"] if job.get("version") is not None else ""
        where = " WHERE " + job["where"] if job.get("where") else ""
        path = job["path"].replace("'", "''")
        data = CONNECTION.execute("SELECT * FROM delta_scan('%s'%s)%s" % (path, options, where)).to_arrow_table()
    columns = [column_texts(data.column(i).combine_chunks()) for i in range(data.num_columns)]
    return {
        "columns": [[f.name, type_name(f.type)] for f in data.schema],
        "rows": [list(row) for row in zip(*columns)],
    }


def append(job):
    for number in range(job["start"], job["start"] + job["count"]):
        write_deltalake(job["path"], pa.table({"a": pa.array([number], pa.int64())}), mode="append")
    return {}


def write(job):
    for batch in range(12):
        data = pa.table(
            {
                "i": pa.array([batch * 10, batch * 10 + 1, None], pa.int64()),
                "p": pa.array(["a b/c=%", None, "é"], pa.string()),
                "t": pa.array([batch * 1_000_001, -1, None], pa.timestamp("us", "UTC")),
                "d": pa.array([batch / 7, float("nan"), None], pa.float64()),
                "b": pa.array([b"\x00\xff", b"", None], pa.binary()),
            }
        )
        write_deltalake(job["path"], data, mode="append", partition_by=["p"])
    table = DeltaTable(job["path"])
    table.create_checkpoint()
    write_deltalake(
        job["path"], pa.table({"i": pa.array([1000], pa.int64()), "p": pa.array(["new"]), "z": pa.array([True])}),
        mode="append", partition_by=["p"], schema_mode="merge")
    DeltaTable(job["path"]).delete("i = 0")
    return {}


ACTIONS = {"read": read, "append": append, "write": write}

for line in sys.stdin:
    job = json.loads(line)
    try:
        answer = ACTIONS[job["do"]](job)
    except BaseException as error:  # the test shows it
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    print(json.dumps(answer), flush=True)

# Every answer is out. Interpreter and libraries are not taken down: threads of deltalake that still run then abort the
# process now and then.
os._exit(0)
