"""Runs one job of Martlet on Spark: the features of a training set, from exactly the files that Martlet names.

Usage: martlet_spark.py JOB MASTER DRIVER_MEMORY       Martlet calls it; MASTER as spark-submit's --master takes it

The job is a JSON file:

  {"labels": PATH,                         Parquet: row, t (microseconds) and the label keys
   "sources": {NAME: {"columns": [[NAME, TYPE], …],
                      "groups": [{"values": {COLUMN: TEXT|null}, "files": [PATH, …]}, …]}},
   "views": [{"sql": TEXT, "output": PATH,
              "features": [{"name", "type", "column"} |
                           {"name", "type", "function", "count", "sums", "squares", "wide"}, …]}, …]}

For each view it writes Parquet with `row` and one column a feature. The SQL gives the sums as whole numbers of 32 bits
(limbs); `moment` puts them together with exact integers and rounds once, so that the values are those of Martlet's
kernels to the last bit. Ends with 3 where pyspark, pyarrow or Java is missing.
"""

import json
import math
import os
import sys

SUM_POSITION, SQUARE_POSITION, LIMB_BITS = -80, -160, 32
# Of the numbers listed apart: no double has a bit below it.
WIDE_POSITION = -1074


def scaled(number, position):
    """number * 2^position as a significand of magnitude 1 up to 2 (0 for zero) and an exponent: rounded to 53 bits, to
    nearest, ties to even."""
    if number == 0:
        return 0.0, 0
    magnitude = abs(number)
    extra = magnitude.bit_length() - 53
    if extra > 0:
        kept, cut, half = magnitude >> extra, magnitude & ((1 << extra) - 1), 1 << (extra - 1)
        if cut > half or (cut == half and kept & 1):
            kept += 1
    else:
        kept = magnitude << -extra
    # Exact: `kept` has at most 53 bits, or is 2^53.
    significand, exponent = kept / (1 << 52), extra + 52 + position
    if significand == 2.0:
        significand, exponent = 1.0, exponent + 1
    return (-significand if number < 0 else significand), exponent


def unscaled(significand, exponent):
    try:
        return math.ldexp(significand, exponent)
    except OverflowError:
        return math.copysign(math.inf, significand)


def whole(value):
    """A finite number as an integer in units of 2^WIDE_POSITION."""
    if isinstance(value, (bool, int)):
        return int(value) << -WIDE_POSITION
    numerator, denominator = value.as_integer_ratio()
    return numerator << (-WIDE_POSITION - (denominator.bit_length() - 1))


def joined(limbs):
    total = 0
    for limb in reversed(limbs):
        total = (total << LIMB_BITS) + limb
    return total


def moment(function, count, sums, squares, wide):
    """sum, mean or stddev (of the sample) of `count` values: the correctly rounded sum, that sum divided by the count,
    and sqrt((count * squares - sum^2) / (count * (count - 1))) of exact integers."""
    if function == "mean" and count == 0 or function == "stddev" and count < 2:
        return None
    if count == 0:
        return 0.0
    total, position = joined(sums), SUM_POSITION
    finite = wide
    if wide:
        infinities = {value for value in wide if isinstance(value, float) and math.isinf(value)}
        if infinities:
            if function == "stddev" or len(infinities) == 2:
                return math.nan
            return infinities.pop()
        finite = [whole(value) for value in wide]
        total = (total << (SUM_POSITION - WIDE_POSITION)) + sum(finite)
        position = WIDE_POSITION
    if function != "stddev":
        significand, exponent = scaled(total, position)
        return unscaled(significand / count if function == "mean" else significand, exponent)
    square = joined(squares)
    if wide:
        square = (square << (SQUARE_POSITION - 2 * WIDE_POSITION)) + sum(value * value for value in finite)
    significand, exponent = scaled(count * square - total * total, 2 * position)
    variance = significand / (float(count) * float(count - 1))
    if exponent % 2:
        variance, exponent = variance * 2, exponent - 1
    return unscaled(math.sqrt(variance), exponent // 2)


def finisher(features):
    """A function over Arrow batches: the columns of the query as features."""

    def finish(batches):
        import pyarrow as pa

        for batch in batches:
            columns = {name: batch.column(index) for index, name in enumerate(batch.schema.names)}
            lists = {}

            def values(name):
                if name not in lists:
                    lists[name] = columns[name].to_pylist()
                return lists[name]

            arrays = [columns["row"]]
            for feature in features:
                if "column" in feature:
                    arrays.append(columns[feature["column"]])
                    continue
                rows = []
                sums = zip(*(values(name) for name in feature["sums"]))
                squares = zip(*(values(name) for name in feature["squares"]))
                wide = values(feature["wide"])
                for index, count in enumerate(values(feature["count"])):
                    limbs, square = next(sums), next(squares, ())
                    count = count or 0
                    # Where every value is listed apart, the sums are null.
                    limbs = [limb or 0 for limb in limbs] if count else ()
                    square = [limb or 0 for limb in square] if count else ()
                    rows.append(moment(feature["function"], count, limbs, square, wide[index]))
                arrays.append(pa.array(rows, pa.float64()))
            yield pa.RecordBatch.from_arrays(arrays, ["row"] + [feature["name"] for feature in features])

    return finish


def read_source(session, source):
    """The rows of a table's snapshot: of exactly these files, a partition's values as the log has them."""
    from pyspark.sql import functions

    def quoted(name):
        return "`" + name.replace("`", "``") + "`"

    def described(columns):
        return ", ".join(f"{quoted(name)} {type_name}" for name, type_name in columns)

    columns = source["columns"]
    # In Spark's paths these are patterns.
    for path in (path for group in source["groups"] for path in group["files"]):
        if any(letter in path for letter in "{}[]*?\\"):
            raise ValueError("Spark cannot be given a path with one of {}[]*?\\ in it")
    frames = []
    for group in source["groups"]:
        stored = described(column for column in columns if column[0] not in group["values"])
        frame = session.read.schema(stored).parquet(*group["files"])
        values = [
            functions.lit(group["values"][name]).cast(type_name).alias(name) if name in group["values"]
            else functions.col(quoted(name)) for name, type_name in columns]
        frames.append(frame.select(*values))
    if not frames:
        return session.createDataFrame([], described(columns))
    rows = frames[0]
    for frame in frames[1:]:
        rows = rows.union(frame)
    return rows


def main():
    job_path, master, memory = sys.argv[1:]
    with open(job_path, encoding="utf-8") as file:
        job = json.load(file)
    try:
        import pyarrow  # noqa: F401
        from pyspark.sql import SparkSession
    except ImportError as error:
        print(error, file=sys.stderr)
        return 3
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = (
        SparkSession.builder.appName("martlet").master(master)
        .config("spark.driver.memory", memory)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        # An overflow is an error, never a wrong number.
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.ui.showConsoleProgress", "false")
    )
    if master.startswith("local"):
        # The default of 200 is for clusters; on one machine small stages cost more than they spread.
        builder = builder.config("spark.sql.shuffle.partitions", "32")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    session.read.parquet(job["labels"]).createOrReplaceTempView("labels")
    for name, source in job["sources"].items():
        read_source(session, source).createOrReplaceTempView(name)
    for view in job["views"]:
        schema = "row BIGINT, " + ", ".join(f"{feature['name']} {feature['type']}" for feature in view["features"])
        result = session.sql(view["sql"]).mapInArrow(finisher(view["features"]), schema)
        result.write.mode("overwrite").parquet(view["output"])
    session.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
