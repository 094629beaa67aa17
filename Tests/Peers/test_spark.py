"""A local Spark and Martlet's kernels compute the same training sets: equal values, row for row, to the last bit.

Run by `make test-peers`; MARTLET names the release binary.
"""

import pathlib
import random
import struct
import tempfile
import unittest

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from running import martlet, payments_repository

SEED = 20261121

# Every function over every type that it takes, exact and rounded windows, a composite key, ties, and what SQL tells
# apart otherwise than the kernels: NaN, -0, infinities, numbers of all sizes.
DEFINITIONS = """\
entity: device
keys: {region: string, device: int64}
---
source: readings
columns:
  region: string
  device: int64
  value: float64
  small: float32
  whole: int64
  half: int32
  good: bool
  note: string
  raw: bytes
  seen: timestamp
  at: {type: timestamp, nullable: false}
  known: {type: timestamp, nullable: false}
event_time: at
arrival_time: known
---
features: numbers
entity: device
source: readings
windows: [1h, 12h, 12d]
aggregates:
  n: count
  value_count: count(value)
  value_sum: sum(value)
  value_mean: mean(value)
  value_stddev: stddev(value)
  value_min: min(value)
  value_max: max(value)
  value_first: first(value)
  value_last: last(value)
  value_distinct: distinct(value)
  small_sum: sum(small)
  small_stddev: stddev(small)
  small_min: min(small)
  small_max: max(small)
  small_distinct: distinct(small)
  whole_sum: sum(whole)
  whole_mean: mean(whole)
  whole_stddev: stddev(whole)
  whole_max: max(whole)
  half_stddev: stddev(half)
---
features: others
entity: device
source: readings
where: good = true AND (note <> 'it''s \\ "x"' OR note IS NULL)
aggregates:
  note_first: {function: first, column: note, windows: [90m], exact: true}
  note_last: {function: last, column: note, windows: [1d]}
  notes: {function: distinct, column: note, windows: [1d, 12d]}
  raws: {function: distinct, column: raw, windows: [12d]}
  goods: {function: distinct, column: good, windows: [1d]}
  seen_last: {function: last, column: seen, windows: [1d]}
  seen_max: {function: max, column: seen, windows: [1d]}
  since_seen: {function: days_since, column: seen, windows: [12d]}
---
features: newest
entity: device
source: readings
sql: newest.sql
ttl: 1d
latest: {last_value: value, last_note: note, last_raw: raw, last_seen: seen, last_good: good, last_half: half,
  last_doubled: {column: doubled, type: float64}}
---
service: everything
features: [numbers, others, newest]
"""

HOUR = 3_600_000_000
START = 1_767_225_600_000_000


def random_readings(count):
    """Few entities, times that often coincide, on both sides of the windows' ends."""
    choose = random.Random(SEED)

    def value():
        kind = choose.randrange(12)
        if kind < 6:
            return round(choose.uniform(-500, 500), 2)
        if kind == 6:
            return struct.unpack("<d", struct.pack("<Q", choose.getrandbits(64)))[0]
        return choose.choice([0.0, -0.0, float("nan"), 1e-300, 5e-324, 0.1, -3e17, 1e300, 2.0**63, None])

    def often(make):
        return [make() if choose.random() < 0.9 else None for _ in range(count)]

    at = [START + choose.randrange(30 * 24) * HOUR + choose.choice([0, 0, 1, -1, choose.randrange(HOUR)])
          for _ in range(count)]
    infinities = {choose.randrange(count): choose.choice([float("inf"), float("-inf")]) for _ in range(20)}
    values = [infinities.get(row, value()) for row in range(count)]
    return pa.table({
        "region": pa.array(often(lambda: choose.choice(["é", "b", ""]))),
        "device": pa.array(often(lambda: choose.randrange(4)), pa.int64()),
        "value": pa.array(values, pa.float64()),
        "small": pa.array(often(lambda: choose.choice([0.1, -0.0, 0.0, 1e-40, 3.4e38, float("nan")])), pa.float32()),
        "whole": pa.array(often(lambda: choose.choice([2**63 - 1, -(2**63), 2**53 + 1, choose.randrange(100)])),
                          pa.int64()),
        "half": pa.array(often(lambda: choose.randrange(-2**31, 2**31)), pa.int32()),
        "good": pa.array(often(lambda: choose.random() < 0.7), pa.bool_()),
        "note": pa.array(often(lambda: choose.choice(["a", "B", "ß", "", 'it\'s \\ "x"']))),
        "raw": pa.array(often(lambda: choose.choice([b"\x00", b"\xff\x00", b"", b"\x7f"])), pa.binary()),
        "seen": pa.array(often(lambda: START + choose.randrange(30 * 24) * HOUR), pa.timestamp("us", "UTC")),
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "known": pa.array([time + choose.choice([0, 1, HOUR, 26 * HOUR]) for time in at], pa.timestamp("us", "UTC")),
    })


def random_labels(count):
    choose = random.Random(SEED + 1)
    return pa.table({
        "label": pa.array(range(count), pa.int64()),
        "device": pa.array([choose.choice([0, 1, 2, 3, 99, None]) for _ in range(count)], pa.int64()),
        "region": pa.array([choose.choice(["é", "b", "", "nowhere"]) for _ in range(count)]),
        "event_timestamp": pa.array(
            [START + choose.randrange(31 * 24) * HOUR + choose.choice([0, 0, 1, HOUR // 2]) for _ in range(count)],
            pa.timestamp("us", "UTC")),
    })


def bits(column):
    """Values that are equal where all their bits are, with every NaN the same."""
    column = column.combine_chunks()
    if not pa.types.is_floating(column.type):
        return column.to_pylist()
    code = "<d" if column.type == pa.float64() else "<f"
    return [None if v is None else "nan" if v != v else struct.pack(code, v) for v in column.to_pylist()]


class Spark(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="martlet-spark-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def build(self, service, engine, *options, check=True):
        settings = self.folder / "martlet.yaml"
        lines = [line for line in settings.read_text().splitlines() if not line.startswith("engine:")]
        settings.write_text("\n".join([*lines, f"engine: {engine}", ""]))
        name = engine.split(":")[0] + ".parquet"
        done = martlet(
            self.folder, "training-set", service, "--labels", "labels.parquet", "--out", name, *options, check=check)
        return pq.read_table(self.folder / name) if check else done

    def assert_same(self, service, *options):
        kernels = self.build(service, "duckdb", *options)
        spark = self.build(service, "spark:local[2]", *options)
        self.assertEqual(spark.schema, kernels.schema)
        self.assertEqual(spark.num_rows, kernels.num_rows)
        for name in kernels.column_names:
            expected, found = bits(kernels[name]), bits(spark[name])
            different = [row for row, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]]
            row = different[0] if different else 0
            self.assertEqual(
                different, [], f"{name} differs, first in row {row}: {kernels[name][row]} and {spark[name][row]}"
                f" at {kernels['event_timestamp'][row]} (seed {SEED})")
        return kernels

    def test_the_payments_features_as_true_and_as_known(self):
        payments_repository(self.folder, 30_000)
        labels = pq.read_table(self.folder / "payments.parquet").filter(pc.field("kind") == "payment")[::6]
        before = pc.subtract(labels["event_time"], pa.scalar(1, pa.duration("us")))
        labels = labels.select(["payment_id", "card_id", "customer_id", "merchant_id"]).append_column(
            "event_timestamp", before)
        pq.write_table(labels, self.folder / "labels.parquet")
        true = self.assert_same("fraud_score")
        known = self.assert_same("fraud_score", "--as-known")
        self.assertGreater(true.num_rows, 4_000)
        # The clocks differ, so that the second comparison says something of its own.
        self.assertNotEqual(true["attempts_1d"], known["attempts_1d"])
        self.assertEqual(
            list((self.folder / ".martlet" / "temporary").glob("spark-*")), [], "what passed is cleared away")

    def test_every_function_over_every_type(self):
        (self.folder / "martlet.yaml").write_text("workspace: readings\n")
        (self.folder / "definitions.yaml").write_text(DEFINITIONS)
        (self.folder / "newest.sql").write_text(
            "-- of good devices\nSELECT *, CASE WHEN good THEN value + value ELSE 3 END AS doubled FROM readings\n"
            "WHERE device BETWEEN 0 AND 2;\n")
        martlet(self.folder, "apply")
        readings = random_readings(3_000)
        # Two files in the table's snapshot.
        for part, rows in (("one", readings[:2_000]), ("two", readings[2_000:])):
            pq.write_table(rows, self.folder / f"{part}.parquet")
            martlet(self.folder, "ingest", "readings", f"{part}.parquet")
        pq.write_table(random_labels(800), self.folder / "labels.parquet")
        kernels = self.assert_same("everything", "--as-known")
        self.assertGreater(sum(v is not None and v != v for v in kernels["value_stddev_12d"].to_pylist()), 0)

    def test_distinct_is_exact_or_ends_the_job(self):
        (self.folder / "martlet.yaml").write_text("workspace: readings\n")
        source = DEFINITIONS.split("---\nfeatures: numbers")[0]
        (self.folder / "definitions.yaml").write_text(
            source + "---\nfeatures: f\nentity: device\nsource: readings\nwindows: [1d]\n"
            "aggregates: {notes: distinct(note), n: count}\n---\nservice: s\nfeatures: [f]\n")
        martlet(self.folder, "apply")
        limit = 1_024
        readings = random_readings(limit + 1).to_pydict()
        readings["region"], readings["device"] = ["b"] * (limit + 1), [1] * (limit + 1)
        readings["note"] = [f"note {row}" for row in range(limit + 1)]
        times = [START + row * 1_000_000 for row in range(limit + 1)]
        readings["at"] = readings["known"] = pa.array(times, pa.timestamp("us", "UTC"))
        readings = pa.table(readings, schema=random_readings(1).schema)
        labels = pa.table({"device": [1], "region": ["b"], "event_timestamp": readings["at"][-1:]})
        pq.write_table(labels, self.folder / "labels.parquet")
        pq.write_table(readings, self.folder / "rows.parquet")
        martlet(self.folder, "ingest", "readings", "rows.parquet")
        # The window ends before the last reading: it has as many values as are counted exactly.
        self.assertEqual(self.assert_same("s")["notes_1d"].to_pylist(), [limit])
        after = pc.add(labels["event_timestamp"], pa.scalar(1, pa.duration("us")))
        pq.write_table(labels.set_column(2, "event_timestamp", after), self.folder / "labels.parquet")
        done = self.build("s", "spark:local[2]", check=False)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertIn("[store-unavailable]", done.stderr)
        (log,) = (self.folder / ".martlet" / "temporary").glob("spark-*/spark.log")
        self.assertIn(
            "notes_1d: a window has more than 1024 different values, which Spark does not estimate", log.read_text())

    def test_what_spark_would_read_otherwise_is_refused(self):
        (self.folder / "martlet.yaml").write_text("workspace: readings\n")
        pq.write_table(random_readings(50), self.folder / "rows.parquet")
        pq.write_table(random_labels(5), self.folder / "labels.parquet")
        source = DEFINITIONS.split("---\nfeatures: numbers")[0]
        for where, name in (
            ("note LIKE 'a%'", "LIKE"), ("value / 2 > 1", "/"), ("small > 0.1", "the float32 column small"),
            ("length(note) > 1", "length(…)"), ("note || 'x' = 'ax'", "||"),
        ):
            (self.folder / "definitions.yaml").write_text(
                source + "---\nfeatures: f\nentity: device\nsource: readings\nwhere: " + where
                + "\nwindows: [1d]\naggregates: {n: count}\n---\nservice: s\nfeatures: [f]\n")
            martlet(self.folder, "apply")
            martlet(self.folder, "ingest", "readings", "rows.parquet")
            done = self.build("s", "spark:local[2]", check=False)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"features f: `{name}` does not run on Spark", done.stderr)


if __name__ == "__main__":
    unittest.main()
