"""The Python package behind a proxy that loses answers: what is sent again is not done again. And what a server tells
of recorded sets, against what the command line tells.

Run by `make test-peers`; MARTLET names the release binary.
"""

import dataclasses
import http.client
import http.server
import json
import pathlib
import sys
import tempfile
import threading
import time
import unittest
import uuid

import pandas as pd
from running import ROOT, Server, martlet

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
  at: {type: timestamp, nullable: false}
event_time: at
arrival_time: at
id: trip_id
---
features: driver_last
entity: driver
source: trips
latest: {rating: rating}
---
service: dispatch
features: [driver_last]
"""


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to a server. With `loses_next`, the answer to the next one is not passed back: the server has
    done what was asked, and the client cannot know."""

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Passing)
        self.target = target.removeprefix("http://")
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.loses_next = False
        # Path and idempotency key of each request that came.
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keys(self, path):
        return [key for seen, key in self.seen if seen.split("?")[0] == path]


class Passing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, self.headers.get("Idempotency-Key")))
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if self.server.loses_next:
            self.server.loses_next = False
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name in ("Content-Type", "Martlet-Dataset", "Martlet-Hash"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def log_message(self, *_):
        pass


class PythonRetries(unittest.TestCase):
    def setUp(self):
        if str(ROOT / "python") not in sys.path:
            sys.path.append(str(ROOT / "python"))
        from martlet import Martlet

        temporary = tempfile.TemporaryDirectory(prefix="martlet-retries-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        (self.folder / "martlet.yaml").write_text("workspace: drivers\n")
        (self.folder / "drivers.yaml").write_text(DEFINITIONS)
        martlet(self.folder, "apply")
        at = pd.date_range("2026-03-01", periods=200, freq="min", tz="UTC")
        self.trips = pd.DataFrame({
            "trip_id": [f"t{number}" for number in range(200)], "driver_id": [number % 4 for number in range(200)],
            "rating": [number / 2 for number in range(200)], "at": at})
        self.labels = pd.DataFrame({"driver_id": self.trips["driver_id"], "event_timestamp": at})
        # Honest labels: before their own trips.
        self.before = self.labels.assign(event_timestamp=at - pd.Timedelta(microseconds=1))
        server = Server(self.folder)
        self.addCleanup(server.stop)
        self.proxy = Proxy(server.url)
        self.addCleanup(self.proxy.server_close)
        self.addCleanup(self.proxy.shutdown)
        self.client = Martlet(self.proxy.url)
        self.addCleanup(self.client.close)
        # The connection is a kept one from here on.
        self.client.push("trips", self.trips)

    def test_a_training_set_whose_answer_is_lost_is_built_once(self):
        self.proxy.loses_next = True
        rows = self.client.training_set(self.before, service="dispatch")
        self.assertFalse(self.proxy.loses_next)
        self.assertEqual(rows["rating"].tolist()[4:8], [0.0, 0.5, 1.0, 1.5])
        self.assertEqual(len(self.client.datasets().list()), 1)
        first, again = self.proxy.keys("/v1/training-sets")
        self.assertEqual(first, again)
        self.assertEqual(uuid.UUID(first).version, 4)
        # Another call is another set.
        self.client.training_set(self.before, service="dispatch")
        self.assertEqual(len(self.client.datasets().list()), 2)
        self.assertNotEqual(self.proxy.keys("/v1/training-sets")[2], first)
        self.client.training_set(self.before, service="dispatch", idempotency_key="mine")
        self.assertEqual(self.proxy.keys("/v1/training-sets")[3], "mine")

    def test_an_apply_whose_answer_is_lost_is_done_once(self):
        folder = self.folder / "changed"
        folder.mkdir()
        changed = DEFINITIONS.replace("latest: {rating", "ttl: 1d\nlatest: {rating")
        (folder / "drivers.yaml").write_text(changed)
        plan = self.client.plan(folder)
        self.proxy.loses_next = True
        done = self.client.apply(folder, plan=plan)
        self.assertFalse(self.proxy.loses_next)
        self.assertEqual((done.revision, done.is_new), (2, False))
        first, again = self.proxy.keys("/v1/apply")
        self.assertEqual(first, again)
        self.assertEqual(uuid.UUID(first).version, 4)
        self.assertEqual(self.client.plan(folder).base_revision, 2)

    def test_rows_whose_answer_is_lost_are_taken_once(self):
        self.proxy.loses_next = True
        more = self.trips.assign(trip_id=[f"u{number}" for number in range(200)])
        report = self.client.push("trips", more)
        self.assertFalse(self.proxy.loses_next)
        self.assertTrue(report.is_repeat)
        self.assertEqual(len(self.proxy.keys("/v1/events/trips")), 3)

    def test_leakage_is_refused_unless_it_is_allowed(self):
        from martlet import MartletError

        with self.assertRaises(MartletError) as caught:
            self.client.training_set(self.labels, service="dispatch")
        self.assertEqual((caught.exception.code, caught.exception.status), ("label-leakage", 422))
        rows = self.client.training_set(self.labels, service="dispatch", allow_leakage=["rating"])
        self.assertEqual(rows["rating"].tolist(), self.trips["rating"].tolist())
        self.assertEqual(self.client.datasets().list()[0].options["allow_leakage"], "rating")
        with self.assertRaises(MartletError) as caught:
            self.client.training_set(self.labels, service="dispatch", allow_leakage="rating")
        self.assertEqual(caught.exception.code, "usage")

    def test_both_doors_tell_the_same_of_a_set(self):
        from martlet import DatasetColumn

        self.client.training_set(self.before, service="dispatch")
        shown = self.client.datasets().show(1)
        self.assertEqual([column.name for column in shown.columns], ["driver_id", "event_timestamp", "rating"])
        rating = shown.columns[2]
        self.assertIsInstance(rating, DatasetColumn)
        self.assertEqual((rating.type, rating.feature, rating.nulls), ("float64", "driver_last:rating", 4))
        self.assertEqual((rating.mean, rating.min, rating.max), (48.75, 0.0, 97.5))
        told = json.loads(martlet(self.folder, "datasets", "show", "1", "--json"))
        # Where the labels and the rows lie is told on the server's own machine only.
        self.assertTrue(told.pop("labels").startswith(str(self.folder.resolve())))
        self.assertTrue(told.pop("output").startswith(str(self.folder.resolve())))
        found = dataclasses.asdict(shown)
        found["columns"] = [
            {name: value for name, value in column.items() if value is not None} for column in found["columns"]]
        self.assertEqual(found, told)


def runs(process):
    """Whether a process is there and has not ended."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


class PythonStopping(unittest.TestCase):
    def test_a_server_that_stops_ends_the_spark_run_of_a_request(self):
        sys.path.append(str(ROOT / "python"))
        from martlet import Martlet, MartletError

        with tempfile.TemporaryDirectory(prefix="martlet-stopping-") as name:
            folder = pathlib.Path(name)
            (folder / "martlet.yaml").write_text("workspace: drivers\nengine: spark\n")
            (folder / "drivers.yaml").write_text(DEFINITIONS)
            (folder / "driver").write_text("sleep 600 & echo $$ $! > processes; wait\n")
            martlet(folder, "apply")
            server = Server(folder, {"MARTLET_SPARK_PYTHON": "/bin/sh", "MARTLET_SPARK_DRIVER": folder / "driver"})
            frame = pd.DataFrame({
                "trip_id": ["a"], "driver_id": [1], "rating": [1.0], "at": [pd.Timestamp("2026-03-01", tz="UTC")]})
            with Martlet(server.url) as client:
                client.push("trips", frame)
            labels = frame[["driver_id"]].assign(event_timestamp=frame["at"])
            errors = []

            def ask():
                try:
                    with Martlet(server.url) as client:
                        client.training_set(labels, service="dispatch")
                except MartletError as error:
                    errors.append(error)

            asking = threading.Thread(target=ask)
            asking.start()
            end = time.monotonic() + 60
            while not (folder / "processes").exists() or not (folder / "processes").read_text().endswith("\n"):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)
            server.stop()
            asking.join(60)
            self.assertEqual(len(errors), 1)
            self.assertEqual([runs(process) for process in (folder / "processes").read_text().split()], [False, False])
            kept = [path.name for path in (folder / ".martlet").rglob("*") if path.name.startswith(("spark", "labels"))]
            self.assertEqual(kept, [])


if __name__ == "__main__":
    unittest.main()
