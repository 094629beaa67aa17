"""The stock Feast client, with its remote online store, reads what `martlet serve` serves.

Run by `make test-peers`; MARTLET names the release binary.
"""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest
from datetime import timedelta

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64, Int64, String

MARTLET = os.environ["MARTLET"]

DEFINITIONS = """\
entity: driver
key: driver_id
type: int64
---
source: trips
columns:
  driver_id: {type: int64, nullable: false}
  rating: float64
  city: string
  at: {type: timestamp, nullable: false}
event_time: at
arrival_time: at
---
features: driver_stats
entity: driver
source: trips
latest: {rating: rating, city: city}
---
features: driver_trips
entity: driver
source: trips
windows: [30d]
aggregates: {trips: count, rating_mean: mean(rating)}
"""


class FeastClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="martlet-feast-")
        cls.path = pathlib.Path(cls.folder.name)
        (cls.path / "martlet.yaml").write_text("workspace: drivers\n")
        (cls.path / "definitions.yaml").write_text(DEFINITIONS)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))
        earlier = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7200))
        (cls.path / "trips.csv").write_text(
            f"driver_id,rating,city,at\n1,4.5,Bern,{earlier}\n1,3.5,Basel,{now}\n2,,Zug,{now}\n")
        for command in (["apply"], ["ingest", "trips", "trips.csv"], ["materialize"]):
            subprocess.run([MARTLET, *command], cwd=cls.path, check=True, capture_output=True)
        cls.log = open(cls.path / "server.log", "w+")
        cls.server = subprocess.Popen(
            [MARTLET, "serve", "--port", "0"], cwd=cls.path, stdout=cls.log, stderr=subprocess.STDOUT)
        cls.store = FeatureStore(config=RepoConfig(
            project="drivers", provider="local", registry=str(cls.path / "feast.db"),
            entity_key_serialization_version=3,
            online_store={"type": "remote", "path": f"http://127.0.0.1:{cls.port()}"}, offline_store={"type": "file"}))
        driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
        source = FileSource(name="none", path=str(cls.path / "none.parquet"), timestamp_field="at")

        def view(name, *fields):
            return FeatureView(name=name, entities=[driver], ttl=timedelta(0), schema=list(fields), source=source)

        cls.store.registry.apply_entity(driver, "drivers")
        for defined in (
            view("driver_stats", Field(name="rating", dtype=Float64), Field(name="city", dtype=String)),
            view("driver_trips", Field(name="trips_30d", dtype=Int64), Field(name="rating_mean_30d", dtype=Float64)),
        ):
            defined.entity_columns = [Field(name="driver_id", dtype=Int64)]
            cls.store.registry.apply_feature_view(defined, "drivers")

    @classmethod
    def port(cls):
        for _ in range(500):
            found = re.search(r"http://127\.0\.0\.1:(\d+)", (cls.path / "server.log").read_text())
            if found:
                return int(found[1])
            time.sleep(0.02)
        raise AssertionError("the server did not start: " + (cls.path / "server.log").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.server.send_signal(signal.SIGTERM)
        cls.server.wait(15)
        cls.log.close()
        cls.folder.cleanup()

    def read(self, features, *drivers):
        return self.store.get_online_features(
            features=features, entity_rows=[{"driver_id": driver} for driver in drivers]).to_dict()

    def test_latest_values_windows_and_strangers_in_request_order(self):
        answer = self.read(
            ["driver_stats:rating", "driver_stats:city", "driver_trips:trips_30d", "driver_trips:rating_mean_30d"],
            2, 1, 9)
        self.assertEqual(answer["driver_id"], [2, 1, 9])
        self.assertEqual(answer["rating"], [None, 3.5, None])
        self.assertEqual(answer["city"], ["Zug", "Basel", None])
        self.assertEqual(answer["trips_30d"], [1, 2, 0])
        self.assertEqual(answer["rating_mean_30d"], [None, 4.0, None])

    def test_repeated_keys_are_answered_each(self):
        self.assertEqual(self.read(["driver_stats:rating"], 1, 1, 1)["rating"], [3.5, 3.5, 3.5])


if __name__ == "__main__":
    unittest.main()
