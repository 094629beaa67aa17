"""The Python package, as pip installs it, against a running server: every call, with pandas, Polars and PyArrow.

Run by `make test-peers`; MARTLET names the release binary.
"""

import contextlib
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from running import ROOT, Server, martlet, payments_repository

DEFINITIONS = """\
entity: driver
key: driver_id
type: int64
---
source: trips
columns:
  trip_id: {type: string, nullable: false}
  driver_id: {type: int64, nullable: false}
  rating: float64
  seats: int64
  city: string
  at: {type: timestamp, nullable: false}
event_time: at
arrival_time: at
id: trip_id
---
features: driver_stats
entity: driver
source: trips
latest: {rating: rating, seats: seats, city: city}
---
features: driver_trips
entity: driver
source: trips
windows: [1d, 30d]
aggregates: {trips: count, rating_mean: mean(rating)}
---
service: dispatch
features: [driver_stats, driver_trips]
"""


class PythonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="martlet-python-")
        cls.folder = pathlib.Path(cls.temporary.name)
        # The package as a user gets it; its only dependency is here already.
        source = cls.folder / "source"
        shutil.copytree(ROOT / "python", source)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
             "--no-deps", "--no-build-isolation", "--target", cls.folder / "site", source],
            check=True, capture_output=True)
        sys.path.insert(0, str(cls.folder / "site"))
        global Martlet, MartletError
        from martlet import Martlet, MartletError

        cls.payments = cls.folder / "payments"
        cls.payments.mkdir()
        payments_repository(cls.payments, 20_000)
        cls.labels = pq.read_table(cls.payments / "payments.parquet").filter(pc.field("kind") == "payment")[::7].select(
            ["is_fraud", "event_time", "card_id", "customer_id", "merchant_id", "amount"])
        cls.labels = cls.labels.rename_columns(
            ["is_fraud", "event_timestamp", "card_id", "customer_id", "merchant_id", "amount"])
        # A score is asked for before the payment happens: its own event does not count.
        before = pc.subtract(cls.labels["event_timestamp"], pa.scalar(1, pa.duration("us")))
        cls.labels = cls.labels.set_column(1, "event_timestamp", before)
        pq.write_table(cls.labels, cls.payments / "labels.parquet")
        cls.drivers = cls.folder / "drivers"
        cls.drivers.mkdir()
        (cls.drivers / "martlet.yaml").write_text("workspace: drivers\n")
        cls.servers = [Server(cls.payments), Server(cls.drivers)]
        cls.client = Martlet(cls.servers[0].url)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        for server in cls.servers:
            server.stop()
        cls.temporary.cleanup()

    def setUp(self):
        self.drive = Martlet(self.servers[1].url)
        self.addCleanup(self.drive.close)

    def expected(self, *options):
        """What the command line builds for the same labels."""
        martlet(self.payments, "training-set", "fraud_score", "--labels", "labels.parquet", "--out", "cli.parquet",
                *options)
        return pq.read_table(self.payments / "cli.parquet")

    def apply_drivers(self):
        folder = self.folder / "definitions"
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        (folder / "sub" / "drivers.yaml").write_text(DEFINITIONS)
        (folder / "martlet.yaml").write_text("workspace: somewhere_else\n")
        return folder

    def test_arrow_gives_what_the_command_line_gives(self):
        ways = [({}, []), ({"as_known": True}, ["--as-known"]), ({"full_names": True}, ["--full-names"])]
        for options, words in ways:
            found = self.client.training_set(self.labels, service="fraud_score", **options)
            self.assertTrue(found.equals(self.expected(*words)), options)
        self.assertEqual(found.num_columns, 6 + 54)

    def test_the_sent_labels_give_the_values_that_the_command_line_writes(self):
        self.client.training_set(self.labels, service="fraud_score")
        newest = self.client.datasets().list("fraud_score", limit=1)[0]
        self.expected()
        # The command line's own is the newest now.
        written = self.client.datasets().list("fraud_score", limit=1)[0]
        self.assertNotEqual(newest.id, written.id)
        self.assertEqual(newest.hash, written.hash)

    def test_pandas_keeps_index_types_and_order(self):
        labels = self.labels.to_pandas().sample(frac=1, random_state=3)
        labels["event_timestamp"] = labels["event_timestamp"].dt.tz_convert("Europe/Berlin")
        labels["channel"] = pd.Categorical(["chip"] * len(labels))
        before = labels.copy(deep=True)
        found = self.client.training_set(labels, service="fraud_score")
        pd.testing.assert_frame_equal(found[labels.columns], before)
        pd.testing.assert_frame_equal(labels, before)
        # The command line's rows, in this order.
        expected = self.expected().to_pandas().loc[labels.index]
        for name in found.columns.difference(labels.columns):
            pd.testing.assert_series_equal(found[name], expected[name], check_exact=True, check_dtype=False)
        # A merchant has no event before its first: integers stay integers beside the nulls.
        self.assertEqual(str(found["last_merchant"].dtype), "Int64")
        self.assertGreater(found["last_merchant"].isna().sum(), 0)

    def test_polars(self):
        labels = pl.from_arrow(self.labels)
        found = self.client.training_set(labels, service="fraud_score")
        self.assertIsInstance(found, pl.DataFrame)
        self.assertTrue(found.equals(pl.from_arrow(self.expected())))

    def test_datasets_list_show_and_rows(self):
        found = self.client.training_set(self.labels, service="fraud_score", idempotency_key="one")
        newest = self.client.datasets().list(limit=1)[0]
        self.assertEqual((newest.service, newest.rows, newest.created_by), ("fraud_score", len(self.labels), "http"))
        self.assertEqual(newest.options["as_known"], "false")
        self.assertIn("silver.payments", newest.tables)
        self.assertEqual(self.client.datasets().show(newest.id), newest)
        self.assertTrue(self.client.datasets().rows(newest.id).equals(found))
        # The same key makes no second set.
        self.client.training_set(self.labels, service="fraud_score", idempotency_key="one")
        self.assertEqual(self.client.datasets().list(limit=1)[0].id, newest.id)
        with self.assertRaises(MartletError) as caught:
            self.client.training_set(self.labels, service="fraud_score", as_known=True, idempotency_key="one")
        self.assertEqual(caught.exception.code, "conflict")
        # Built from what was kept, the bytes are the same.
        martlet(self.payments, "datasets", "rebuild", newest.id, "--out", "again.parquet")
        self.assertTrue(pq.read_table(self.payments / "again.parquet").equals(found))

    def test_plan_apply_push_and_read_online(self):
        folder = self.apply_drivers()
        plan = self.drive.plan(folder)
        self.assertEqual([(c.kind, c.name, c.action) for c in plan.changes][-1], ("service", "dispatch", "add"))
        self.assertIn("5 to add, 0 to change, 0 to remove", str(plan))
        done = self.drive.apply(folder, plan=plan, idempotency_key="first")
        self.assertEqual((done.revision, done.is_new), (1, True))
        again = self.drive.apply(folder, plan=plan, idempotency_key="first")
        self.assertEqual((again.revision, again.is_new), (1, False))
        self.assertFalse(self.drive.plan(folder))
        with self.assertRaises(MartletError) as caught:
            self.drive.apply(folder, plan=plan)
        self.assertEqual(caught.exception.code, "stale-plan")

        now = pd.Timestamp.now("UTC").floor("us")
        rows = pd.DataFrame({
            "trip_id": ["a", "b", "c"], "driver_id": [1, 1, 2], "rating": [4.5, 3.5, None],
            "seats": pd.array([3, 2**60 + 1, None], "Int64"), "city": ["Bern", "Basel", "Zug"],
            "at": [now - pd.Timedelta(hours=2), now - pd.Timedelta(hours=1), now - pd.Timedelta(hours=1)],
        })
        report = self.drive.push("trips", rows)
        self.assertEqual((report.rows, report.accepted, report.is_repeat), (3, 3, False))
        self.assertTrue(self.drive.push("trips", rows).is_repeat)
        report = self.drive.push("trips", pl.from_pandas(rows).with_columns(pl.lit(9).alias("driver_id")),
                                 idempotency_key="again")
        self.assertEqual((report.accepted, report.duplicates), (0, 3))
        martlet(self.drivers, "materialize")

        entities = {"driver_id": [2, 1, 9]}
        found = self.drive.get_online("dispatch", entities)
        self.assertEqual(list(found), ["driver_id", "rating", "seats", "city", "trips_1d", "trips_30d",
                                       "rating_mean_1d", "rating_mean_30d"])
        self.assertEqual(found["rating"], [None, 3.5, None])
        self.assertEqual(found["seats"], [None, 2**60 + 1, None])
        self.assertEqual(found["trips_30d"], [1, 2, 0])
        self.assertEqual(found["rating_mean_30d"], [None, 4.0, None])
        frame = self.drive.get_online(["driver_stats:city"], pd.DataFrame(entities), full_names=True)
        self.assertEqual(frame.to_dict("list"), {"driver_id": [2, 1, 9], "driver_stats__city": ["Zug", "Basel", None]})
        frame = self.drive.get_online("dispatch", pl.DataFrame(entities))
        self.assertEqual(frame["city"].to_list(), ["Zug", "Basel", None])
        table = self.drive.get_online("dispatch", pa.table(entities))
        self.assertEqual(table["seats"].to_pylist(), [None, 2**60 + 1, None])
        vectors = self.drive.vectors("dispatch", entities, features=["driver_stats:city"], row_snapshots=True)
        self.assertEqual(vectors.table.num_rows, 3)
        self.assertEqual(vectors.table["driver_id"].to_pylist(), entities["driver_id"])
        self.assertEqual(vectors.table["driver_stats:city"].to_pylist(), ["Zug", "Basel", None])
        self.assertEqual(vectors.table["driver_stats:seats"].type, pa.int64())
        self.assertEqual(vectors.table["driver_stats:seats"].to_pylist(), [None, 2**60 + 1, None])
        self.assertEqual(vectors.table["driver_trips:rating_mean_30d"].to_pylist(), [None, 4.0, None])
        self.assertEqual(vectors.status("driver_stats:seats"), ["NULL_VALUE", "PRESENT", "NOT_FOUND"])
        ages = vectors.table["driver_stats:age"].to_pylist()
        self.assertTrue(ages[0] > 0 and ages[1] > 0 and ages[2] is None, ages)
        self.assertEqual(vectors.table.schema.field("driver_stats:city").metadata[b"version"], b"1")
        self.assertEqual((vectors.stale, vectors.partial), (False, False))
        shots = vectors.table["snapshot"].to_pylist()
        explained = martlet(
            self.drivers, "explain", "driver_trips:rating_mean_30d", "--entity", "driver_id=1", "--snapshot", shots[1])
        self.assertIn("= 4.0", explained)

    def test_faults_of_definitions_come_with_their_places(self):
        folder = self.folder / "wrong"
        folder.mkdir()
        (folder / "wrong.yaml").write_text("entity: a\nkey: b\ntype: int46\n---\nservice: s\nfeatures: [nowhere]\n")
        with self.assertRaises(MartletError) as caught:
            self.drive.plan(folder)
        error = caught.exception
        self.assertEqual((error.code, error.place.file, error.place.line), ("invalid-definition", "wrong.yaml", 3))
        self.assertEqual([other.place.line for other in error.others], [6])
        self.assertIn("wrong.yaml:3:", str(error))

    def test_errors_say_what_to_do(self):
        with self.assertRaises(MartletError) as caught:
            self.client.training_set(self.labels, service="fraud_scor")
        self.assertEqual((caught.exception.code, caught.exception.status), ("unknown-name", 404))
        self.assertEqual(caught.exception.fix, "did you mean fraud_score?")
        with self.assertRaises(MartletError) as caught:
            self.client.training_set(self.labels.drop_columns(["card_id"]), service="fraud_score")
        self.assertEqual(caught.exception.code, "missing-column")
        with self.assertRaises(MartletError) as caught:
            self.client.push("payment", self.labels)
        self.assertEqual(caught.exception.fix, "did you mean payments?")
        with self.assertRaises(MartletError) as caught:
            self.client.get_online("nothing", {"card_id": [1]})
        self.assertEqual(caught.exception.code, "unknown-name")
        with self.assertRaises(MartletError) as caught:
            self.client.datasets().show(10_000)
        self.assertEqual(caught.exception.code, "not-found")
        with self.assertRaises(MartletError) as caught:
            Martlet("http://127.0.0.1:1").datasets().list()
        self.assertEqual(caught.exception.code, "unreachable")
        with self.assertRaises(MartletError) as caught:
            self.client.training_set([1, 2], service="fraud_score")
        self.assertEqual(caught.exception.code, "usage")

    def test_the_example_of_the_docs_prints_what_it_says(self):
        text = (ROOT / "docs" / "python.md").read_text()
        folder = self.folder / "cafe"
        folder.mkdir()
        (folder / "martlet.yaml").write_text("workspace: cafe\n")
        server = Server(folder)
        self.addCleanup(server.stop)
        names, compared = {}, 0
        blocks = re.findall(r"^```(python|sh|)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        for (kind, code), (next_kind, expected) in zip(blocks, [*blocks[1:], ("sh", "")]):
            if kind == "sh":
                martlet(folder, *code.split()[1:])
            if kind != "python":
                continue
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code.replace("http://127.0.0.1:6566", server.url), names)
            if next_kind == "":
                self.assertEqual([line.rstrip() for line in printed.getvalue().strip().splitlines()],
                                 [line.rstrip() for line in expected.strip().splitlines()])
                compared += 1
        self.assertEqual(compared, 6)
        names["martlet"].close()

    def test_times_without_a_zone_are_refused_before_they_are_sent(self):
        labels = self.labels.to_pandas()
        labels["event_timestamp"] = labels["event_timestamp"].dt.tz_localize(None)
        frames = [labels, pl.from_pandas(labels), pa.Table.from_pandas(labels)]
        for frame, word in zip(frames, ("tz_localize", "replace_time_zone", "assume_timezone")):
            with self.assertRaises(MartletError) as caught:
                self.client.training_set(frame, service="fraud_score")
            self.assertEqual(caught.exception.code, "missing-time-zone")
            self.assertIn(word, caught.exception.fix)
        labels["event_timestamp"] = (labels["event_timestamp"].astype("datetime64[ns]")
                                     + pd.Timedelta(nanoseconds=1)).dt.tz_localize("UTC")
        with self.assertRaises(MartletError) as caught:
            self.client.training_set(labels, service="fraud_score")
        self.assertEqual(caught.exception.code, "invalid-input")


if __name__ == "__main__":
    unittest.main()
