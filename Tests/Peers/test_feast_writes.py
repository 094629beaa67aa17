"""The stock Feast client, with its remote online store, loads and writes through `martlet serve`, reads composite keys
and every scalar type, and raises what it should for a fault."""

import json
import pathlib
import tempfile
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.errors import FeastError
from feast.types import Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp

from running import Server, martlet

DEFINITIONS = """\
entity: route
keys: {origin: string, line: int64}
---
source: rides
columns:
  origin: {type: string, nullable: false}
  line: {type: int64, nullable: false}
  a_bool: bool
  an_int32: int32
  an_int64: int64
  a_float32: float32
  a_float64: float64
  a_string: string
  a_time: timestamp
  at: {type: timestamp, nullable: false}
event_time: at
---
features: rides_now
entity: route
source: rides
latest:
  a_bool: a_bool
  an_int32: an_int32
  an_int64: an_int64
  a_float32: a_float32
  a_float64: a_float64
  a_string: a_string
  a_time: a_time
"""

NAMES = ["a_bool", "an_int32", "an_int64", "a_float32", "a_float64", "a_string", "a_time"]
TYPES = [Bool, Int32, Int64, Float32, Float64, String, UnixTimestamp]


class FeastWrites(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="martlet-feast-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        (self.path / "martlet.yaml").write_text("workspace: rides\n")
        (self.path / "definitions.yaml").write_text(DEFINITIONS)
        martlet(self.path, "apply")
        self.server = Server(self.path)
        self.addCleanup(self.server.stop)
        self.store = FeatureStore(config=RepoConfig(
            project="rides", provider="local", registry=str(self.path / "feast.db"), entity_key_serialization_version=3,
            online_store={"type": "remote", "path": self.server.url}, offline_store={"type": "file"}))
        entities = [
            Entity(name="origin", join_keys=["origin"], value_type=ValueType.STRING),
            Entity(name="line", join_keys=["line"], value_type=ValueType.INT64)]
        source = FileSource(name="none", path=str(self.path / "none.parquet"), timestamp_field="event_timestamp")
        fields = [Field(name=name, dtype=type) for name, type in zip(NAMES, TYPES)]
        view = FeatureView(
            name="rides_now", entities=entities, ttl=timedelta(0), source=source,
            schema=fields + [Field(name="origin", dtype=String), Field(name="line", dtype=Int64)])
        for entity in entities:
            self.store.registry.apply_entity(entity, "rides")
        self.store.registry.apply_feature_view(view, "rides")

    def read(self, *routes, names=tuple(NAMES)):
        return self.store.get_online_features(
            features=[f"rides_now:{name}" for name in names],
            entity_rows=[{"origin": origin, "line": line} for origin, line in routes]).to_dict()

    def post(self, path, body):
        request = urllib.request.Request(
            self.server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def frame(self, time, **values):
        return pandas.DataFrame({
            "origin": ["Bern", "Zug"], "line": [1, 2], "a_bool": [True, False], "an_int32": [-(2**31), 7],
            "an_int64": [2**62 + 1, -5], "a_float32": [0.25, -1.5], "a_float64": [0.1, 1e-300],
            "a_string": ["say \"hé\"\n", ""],
            "a_time": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)] * 2,
            "event_timestamp": [time] * 2, **values})

    def test_every_scalar_type_is_written_and_read_back_under_composite_keys(self):
        self.store.write_to_online_store("rides_now", self.frame(datetime(2026, 1, 2, tzinfo=timezone.utc)))
        answer = self.read(("Zug", 2), ("Bern", 1), ("Bern", 2))
        self.assertEqual(answer["origin"], ["Zug", "Bern", "Bern"])
        self.assertEqual(answer["line"], [2, 1, 2])
        self.assertEqual(answer["a_bool"], [False, True, None])
        self.assertEqual(answer["an_int32"], [7, -(2**31), None])
        self.assertEqual(answer["an_int64"], [-5, 2**62 + 1, None])
        self.assertEqual(answer["a_float32"], [-1.5, 0.25, None])
        self.assertEqual(answer["a_float64"], [1e-300, 0.1, None])
        self.assertEqual(answer["a_string"], ["", "say \"hé\"\n", None])
        self.assertEqual(answer["a_time"][2], None)
        self.assertEqual(int(answer["a_time"][0]), 1767323045)

    def test_an_older_row_never_replaces_a_newer_one(self):
        self.store.write_to_online_store("rides_now", self.frame(datetime(2026, 1, 2, tzinfo=timezone.utc)))
        self.store.write_to_online_store(
            "rides_now", self.frame(datetime(2026, 1, 1, tzinfo=timezone.utc), an_int32=[1, 2]))
        self.assertEqual(self.read(("Zug", 2), names=["an_int32"])["an_int32"], [7])

    def test_what_is_pushed_to_offline_is_served_after_the_client_materializes(self):
        status, body = self.post("/push", {
            "push_source_name": "rides", "to": "offline",
            # Every column of the source, as Feast demands it too.
            "df": {"origin": ["Uri"], "line": [3], "at": ["2026-01-01T00:00:00"],
                   **{name: [0] for name in NAMES[2:5]}, "a_bool": [True], "an_int32": [9], "a_string": ["x"],
                   "a_time": [1767323045]}})
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(self.read(("Uri", 3), names=["an_int32"])["an_int32"], [None])
        # Without a zone: UTC, as Feast has it.
        self.store.materialize_incremental(datetime.now(timezone.utc).replace(tzinfo=None), ["rides_now"])
        self.assertEqual(self.read(("Uri", 3), names=["an_int32"])["an_int32"], [9])
        self.store.materialize(datetime(2025, 1, 1), datetime.now(timezone.utc), ["rides_now"])
        self.assertEqual(self.read(("Uri", 3), names=["an_int32"])["an_int32"], [9])

    def test_an_asynchronous_materialize_is_accepted(self):
        self.store.materialize_incremental(datetime.now(timezone.utc), ["rides_now"], run_async=True)

    def test_errors_become_the_exceptions_that_feast_knows(self):
        status, body = self.post("/get-online-features", {
            "features": ["ride_now:a_bool"], "entities": {"origin": ["Uri"], "line": [3]}})
        self.assertEqual(status, 404)
        error = FeastError.from_error_detail(json.loads(body))
        self.assertEqual(type(error).__name__, "FeatureViewNotFoundException")
        status, body = self.post("/push", {"push_source_name": "ride", "df": {"origin": ["Uri"]}})
        self.assertEqual(status, 422)
        self.assertEqual(type(FeastError.from_error_detail(json.loads(body))).__name__, "PushSourceNotFoundException")
        with self.assertRaisesRegex(RuntimeError, "404"):
            self.store.materialize_incremental(datetime.now(timezone.utc), ["ride_now"])


if __name__ == "__main__":
    unittest.main()
