"""Data frames of pandas, Polars and PyArrow as Parquet, and back as the kind they came in."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any, TypeVar, Union

import pyarrow as pa
import pyarrow.parquet as pq

from martlet.errors import MartletError

if TYPE_CHECKING:
    import pandas
    import polars

    Frame = TypeVar("Frame", pandas.DataFrame, polars.DataFrame, pa.Table)
    AnyFrame = Union[pandas.DataFrame, polars.DataFrame, pa.Table]
else:
    Frame = TypeVar("Frame")
    AnyFrame = Any


def kind_of(frame: object) -> str:
    """`pandas`, `polars` or `pyarrow`; neither library is imported unless the caller has done so."""
    if isinstance(frame, pa.Table):
        return "pyarrow"
    for name in ("pandas", "polars"):
        module = sys.modules.get(name)
        if module is not None and isinstance(frame, module.DataFrame):
            return name
    raise MartletError(
        "usage", f"a {type(frame).__name__} is no data frame", "give a pandas or Polars DataFrame or a PyArrow Table")


def to_table(frame: object) -> pa.Table:
    """The frame's columns (a pandas index is left out), its times in microseconds and UTC.

    Raises MartletError `missing-time-zone` for a column of times without a zone, `invalid-input` for times finer than
    a microsecond.
    """
    kind = kind_of(frame)
    if kind == "pandas":
        try:
            table = pa.Table.from_pandas(frame, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise MartletError(
                "type-mismatch", f"the frame has a column of mixed types: {error.args[0]}",
                "give each column one type") from error
    else:
        table = frame.to_arrow() if kind == "polars" else frame
    columns, fields = [], []
    for field, column in zip(table.schema, table.columns):
        if pa.types.is_timestamp(field.type):
            if field.type.tz is None:
                raise MartletError("missing-time-zone", f"the times in column {field.name} have no zone", _zone_fix(
                    kind, field.name))
            try:
                column = column.cast(pa.timestamp("us", "UTC"))
            except pa.ArrowInvalid as error:
                raise MartletError(
                    "invalid-input", f"column {field.name} has times finer than a microsecond",
                    "round them down to microseconds") from error
        elif pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        columns.append(column)
        fields.append(pa.field(field.name, column.type))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _zone_fix(kind: str, name: str) -> str:
    if kind == "pandas":
        return f'say which zone they are in: frame["{name}"] = frame["{name}"].dt.tz_localize("UTC")'
    if kind == "polars":
        return f'say which zone they are in: frame.with_columns(pl.col("{name}").dt.replace_time_zone("UTC"))'
    return 'say which zone they are in: pyarrow.compute.assume_timezone(column, "UTC")'


def to_parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="snappy", store_schema=False)
    return buffer.getvalue()


def from_parquet(body: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(body))


def with_columns(frame: Frame, table: pa.Table, names: list[str]) -> Frame:
    """The frame with the named columns of the table at its right, row by row."""
    kind = kind_of(frame)
    added = table.select(names)
    if kind == "pyarrow":
        for name in names:
            frame = frame.append_column(added.schema.field(name), added.column(name))
        return frame
    if kind == "polars":
        return frame.hstack(from_table(added, "polars"))
    columns = from_table(added, "pandas")
    columns.index = frame.index
    # One copy of the whole: inserting column by column would fragment the frame.
    return sys.modules["pandas"].concat([frame, columns], axis=1)


def from_table(table: pa.Table, kind: str) -> Any:
    """As pandas, Polars or PyArrow. In pandas integers and booleans with nulls become its nullable types, so that no
    value passes through a float."""
    if kind == "pyarrow":
        return table
    if kind == "polars":
        import polars

        return polars.from_arrow(table)
    import pandas

    frame = table.to_pandas(date_as_object=False)
    nullable = {pa.int64(): "Int64", pa.int32(): "Int32", pa.bool_(): "boolean"}
    for field, column in zip(table.schema, table.columns):
        if column.null_count and field.type in nullable:
            values = column.combine_chunks()
            frame[field.name] = pandas.array(values.to_pylist(), dtype=nullable[field.type])
    return frame
