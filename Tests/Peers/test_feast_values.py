"""Every value type of Feast's that has a column type here goes through the stock client's remote online store and comes
back, written by the client itself and pushed as Feast's server takes it; and the client searches embeddings."""

import json
import pathlib
import tempfile
import unittest
import urllib.request
from datetime import datetime, timedelta, timezone

import pandas
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.filter_models import ComparisonFilter, CompoundFilter
from feast.types import (
    Array, Bool, Float32, Float64, Int32, Int64, Json, Map, Set, String, TimeUuid, UnixTimestamp, Uuid)

from running import Server, martlet

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
SECONDS = 1767323045
UUIDS = ["0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"]

# Feast's type, the column here, what is written, what the client gives back.
WRITTEN = {
    "a_bool": (Bool, "bool", True, True),
    "an_int32": (Int32, "int32", -(2**31), -(2**31)),
    "an_int64": (Int64, "int64", 2**62 + 1, 2**62 + 1),
    "a_float32": (Float32, "float32", 0.25, 0.25),
    "a_float64": (Float64, "float64", 0.1, 0.1),
    "a_string": (String, "string", "say \"hé\"\n", "say \"hé\"\n"),
    "a_time": (UnixTimestamp, "timestamp", TIME, SECONDS),
    "a_json": (Json, "string", '{"a": [1, 2]}', '{"a": [1, 2]}'),
    "a_uuid": (Uuid, "string", UUIDS[0], UUIDS[0]),
    "a_time_uuid": (TimeUuid, "string", UUIDS[1], UUIDS[1]),
    "a_map": (Map, "map<string,int64>", {"b": 2, "a": 1}, {"a": 1, "b": 2}),
    "a_map_of_texts": (Map, "map<string,string>", {"a": "x"}, {"a": "x"}),
    "bools": (Array(Bool), "list<bool>", [True, False], [True, False]),
    "int32s": (Array(Int32), "list<int32>", [1, -2], [1, -2]),
    "int64s": (Array(Int64), "list<int64>", [2**62 + 1], [2**62 + 1]),
    "float32s": (Array(Float32), "list<float32>", [0.5, 1.0], [0.5, 1.0]),
    "float64s": (Array(Float64), "list<float64>", [0.1, 1e-300], [0.1, 1e-300]),
    "strings": (Array(String), "list<string>", ["a", "ü\"", ""], ["a", "ü\"", ""]),
    "times": (Array(UnixTimestamp), "list<timestamp>", [TIME, TIME], [SECONDS, SECONDS]),
    "jsons": (Array(Json), "list<string>", ['{"a": 1}', "[2]"], ['{"a": 1}', "[2]"]),
    "uuids": (Array(Uuid), "list<string>", UUIDS, UUIDS),
}
# The client cannot send a set to a remote store: only pushed.
SETS = {
    "a_set": (Set(Int64), "list<int64>", {7}, [7]),
    "a_set_of_texts": (Set(String), "list<string>", {"x"}, ["x"]),
}
VALUES = WRITTEN | SETS


def yaml(columns):
    return "".join(f"  {name}: {{type: \"{kind}\"}}\n" for name, kind in columns)


DEFINITIONS = f"""\
entity: thing
key: thing_id
type: int64
---
source: things
columns:
  thing_id: {{type: int64, nullable: false}}
{yaml((name, kind) for name, (_, kind, _, _) in VALUES.items())}\
  at: {{type: timestamp, nullable: false}}
event_time: at
---
features: things_now
entity: thing
source: things
latest: [{", ".join(VALUES)}]
---
entity: document
key: doc_id
type: int64
---
source: documents
columns:
  doc_id: {{type: int64, nullable: false}}
  title: string
  year: int64
  embedding: list<float32>
  at: {{type: timestamp, nullable: false}}
event_time: at
---
features: documents_now
entity: document
source: documents
latest:
  title: title
  year: year
  embedding: {{column: embedding, vector: {{dimensions: 2, metric: l2}}}}
"""


def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


class FeastValues(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="martlet-feast-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        (self.path / "martlet.yaml").write_text("workspace: things\n")
        (self.path / "definitions.yaml").write_text(DEFINITIONS)
        martlet(self.path, "apply")
        self.server = Server(self.path)
        self.addCleanup(self.server.stop)
        self.store = FeatureStore(config=RepoConfig(
            project="things", provider="local", registry=str(self.path / "feast.db"),
            entity_key_serialization_version=3, online_store={"type": "remote", "path": self.server.url},
            offline_store={"type": "file"}))
        self.declare("thing", "things_now", [Field(name=name, dtype=kind) for name, (kind, *_) in WRITTEN.items()])
        self.declare("doc", "documents_now", [
            Field(name="title", dtype=String), Field(name="year", dtype=Int64),
            Field(name="embedding", dtype=Array(Float32), vector_index=True, vector_length=2,
                  vector_search_metric="L2")])

    def declare(self, entity, view, fields):
        key = f"{entity}_id"
        entity = Entity(name=entity, join_keys=[key], value_type=ValueType.INT64)
        source = FileSource(name="none", path=str(self.path / "none.parquet"), timestamp_field="event_timestamp")
        self.store.registry.apply_entity(entity, "things")
        self.store.registry.apply_feature_view(FeatureView(
            name=view, entities=[entity], ttl=timedelta(0), source=source,
            schema=fields + [Field(name=key, dtype=Int64)]), "things")

    def check(self, *things, values=VALUES):
        answer = self.store.get_online_features(
            features=[f"things_now:{name}" for name in values],
            entity_rows=[{"thing_id": thing} for thing in things]).to_dict()
        self.assertEqual(answer["thing_id"], list(things))
        for name, (_, _, _, expected) in values.items():
            for value, thing in zip(answer[name], things):
                with self.subTest(name=name, thing=thing):
                    self.assertEqual(value, expected if thing == 1 else None)

    def test_every_type_is_written_by_the_client_and_read_back(self):
        frame = {name: [written] for name, (_, _, written, _) in WRITTEN.items()}
        self.store.write_to_online_store(
            "things_now", pandas.DataFrame({"thing_id": [1], **frame, "event_timestamp": [TIME]}))
        self.check(9, 1, 1, values=WRITTEN)

    def test_every_type_is_pushed_and_read_back(self):
        def sent(value):
            if isinstance(value, datetime):
                return value.isoformat()
            return [sent(item) for item in value] if isinstance(value, (list, set)) else value

        post(self.server.url + "/push", {
            "push_source_name": "things",
            "df": {"thing_id": [1, 2], "at": ["2026-01-01T00:00:00"] * 2,
                   **{name: [sent(written), None] for name, (_, _, written, _) in VALUES.items()}}})
        self.check(2, 1)

    def write_documents(self):
        self.store.write_to_online_store("documents_now", pandas.DataFrame({
            "doc_id": [1, 2, 3], "title": ["near", "far", "middle"], "year": [2001, 2002, 2003],
            "embedding": [[1.0, 0.0], [0.0, 5.0], [3.0, 0.0]], "event_timestamp": [TIME] * 3}))

    def test_the_client_retrieves_documents_nearest_first(self):
        self.write_documents()
        found = self.store.retrieve_online_documents_v2(
            features=["documents_now:title", "documents_now:embedding", "documents_now:year"], query=[0.0, 0.0],
            top_k=2).to_dict()
        self.assertEqual(found["title"], ["near", "middle"])
        self.assertEqual(found["embedding"], [[1.0, 0.0], [3.0, 0.0]])
        self.assertEqual(found["distance"], [1.0, 3.0])
        self.assertEqual(found["doc_id"], [1, 3])
        filtered = self.store.retrieve_online_documents_v2(
            features=["documents_now:title"], query=[0.0, 0.0], top_k=3,
            filters=CompoundFilter(type="or", filters=[
                ComparisonFilter(type="eq", key="title", value="far"),
                ComparisonFilter(type="in", key="year", value=[2003, 2004])])).to_dict()
        # The client puts the features, but not the keys, in an order of its own: that of the keys.
        self.assertEqual(dict(zip(filtered["title"], filtered["distance"])), {"middle": 3.0, "far": 5.0})
        nothing = self.store.retrieve_online_documents_v2(
            features=["documents_now:title"], query=[0.0, 0.0], top_k=3,
            filters=ComparisonFilter(type="gt", key="year", value=3000)).to_dict()
        self.assertEqual(nothing["title"], [])

    def test_the_clients_first_version_of_retrieval_works_too(self):
        self.write_documents()
        found = self.store.retrieve_online_documents(
            features=["documents_now:doc_id", "documents_now:embedding", "documents_now:distance"],
            query=[0.0, 4.0], top_k=2).to_dict()
        self.assertEqual(found["doc_id"], [2, 1])
        self.assertEqual(found["distance"][0], 1.0)
        # The client keeps it in single precision.
        self.assertAlmostEqual(found["distance"][1], 17 ** 0.5, places=6)

    def test_a_query_of_another_length_is_a_fault_of_the_client(self):
        with self.assertRaisesRegex(RuntimeError, "422.*2"):
            self.store.retrieve_online_documents_v2(
                features=["documents_now:title"], query=[1.0], top_k=1)


if __name__ == "__main__":
    unittest.main()
