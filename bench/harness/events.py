"""Events into a server at a steady rate, and how long they take until they are served."""

import contextlib
import http.client
import json
import multiprocessing
import shutil
import threading
import time
import urllib.request

from harness.bench import Bench, Failure
from harness.serving import free_port, server


@contextlib.contextmanager
def event_server(bench: Bench, name: str, definitions: str):
    """A server over a workspace of its own, removed with the block: its port and its folder."""
    folder = bench.scratch(name)
    (folder / "martlet.yaml").write_text("workspace: bench\n")
    (folder / "definitions.yaml").write_text(definitions)
    bench.run([bench.martlet, "apply"], cwd=folder)
    port = free_port()
    try:
        with server([bench.martlet, "serve", "--port", port], port, folder):
            yield port, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def status(port: int) -> dict:
    return json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/status", timeout=10))


def seconds_to_store(port: int, count: int, limit: float) -> float:
    """From the first durable event to the last of so many."""
    end, first = time.monotonic() + limit, None
    while True:
        offset, now = status(port)["log"]["end_offset"], time.monotonic()
        if first is None and offset > 0:
            first = (now, offset)
        if offset >= count:
            # What the first look found was there before its time.
            return (now - first[0]) * count / max(1, count - first[1])
        if now > end:
            raise Failure(f"{offset} of {count} messages within {limit:.0f} s")
        time.sleep(0.005)


def freshness_of_all(port: int) -> dict:
    """What the server itself says of all events: the buckets in which half and 99 of 100 are reached."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    buckets = [
        (float(line.split('le="')[1].split('"')[0].replace("+Inf", "inf")), int(line.rsplit(" ", 1)[1]))
        for line in text.splitlines() if line.startswith("martlet_stream_freshness_seconds_bucket")]
    total = buckets[-1][1] if buckets else 0
    found = {"events": total}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        found[f"{name}_at_most_ms"] = next((bound * 1000 for bound, count in buckets if count >= share * total), None)
    return found


class SteadyLoad:
    """A process of its own that posts batches of events at a rate."""

    def __init__(self, port: int, path: str, rate: int, batch: int = 100, connections: int = 4):
        context = multiprocessing.get_context("fork")
        self.sent = context.Value("q", 0)
        self.worst = context.Value("d", 0.0)
        self.ending = context.Event()
        self.process = context.Process(target=self._run, args=(port, path, rate, batch, connections), daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.process.join(30)

    def _run(self, port, path, rate, batch, connections):
        run = time.time_ns()
        lock = threading.Lock()

        def send(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            due, count, filler = time.monotonic(), 0, "x" * 96
            while not self.ending.is_set():
                due += connections * batch / rate
                late = time.monotonic() - due
                if late < 0:
                    time.sleep(-late)
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
                body = "".join(
                    f'{{"event_id":"{run}-{number}-{count + index:09d}","user_id":{(count + index) * 7 % 100000},'
                    f'"amount":{index}.25,"kind":"purchase","at":"{at}","note":"{filler}"}}\n'
                    for index in range(batch))
                count += batch
                connection.request("POST", path, body.encode(), {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    return
                with lock:
                    self.sent.value += batch
                    self.worst.value = max(self.worst.value, late)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Reader:
    """Reads one feature of one entity over a connection that is kept."""

    def __init__(self, port: int, feature: str, key: str):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.feature, self.key = feature, key

    def value(self, entity: int):
        body = json.dumps({"features": [self.feature], "entities": {self.key: [entity]}})
        self.connection.request("POST", "/get-online-features", body)
        return json.loads(self.connection.getresponse().read())["results"][1]["values"][0]

    def wait_for(self, entity: int, wanted, limit: float = 30, pause: float = 0) -> None:
        end = time.monotonic() + limit
        while self.value(entity) != wanted:
            if time.monotonic() > end:
                raise Failure(f"an event was not served within {limit:.0f} s")
            if pause:
                time.sleep(pause)


def spread(times: list[float]) -> dict:
    """Of seconds the middle and the tail, milliseconds."""
    ordered = sorted(times)

    def share(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000, 2)

    return {"events": len(ordered), "p50_ms": share(0.5), "p99_ms": share(0.99), "max_ms": share(1)}
