"""What the soak tests share: a server that is killed and started again, its tables read from their files, figures."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import duckdb

MARTLET = os.environ["MARTLET"]


class Failed(Exception):
    """What was to hold does not; the message says what, with the seed."""


def say(text: str) -> None:
    print(f"soak: {text}", flush=True)


def martlet(folder: pathlib.Path, *words, limit: float = 600) -> subprocess.CompletedProcess:
    return subprocess.run(
        [MARTLET, *map(str, words)], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=limit)


def done(result: subprocess.CompletedProcess) -> str:
    if result.returncode != 0:
        raise Failed(f"{' '.join(result.args[1:])} ended with {result.returncode}: {result.stderr.strip()[-500:]}")
    return result.stdout


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(holds, what: str, seconds: float = 60, pause: float = 0.05) -> float:
    """How long it took."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return time.monotonic() - begun


class Server:
    """`martlet serve` over a folder, started and killed by turns."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.log = open(folder / "server.log", "ab")

    def start(self, limit: float = 60) -> float:
        """Until it answers; how long that took."""
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [MARTLET, "serve", "--port", str(self.port)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        while True:
            if self.process.poll() is not None:
                tail = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()[-2:]
                raise Failed(f"the server ended with {self.process.returncode}: {' '.join(tail)}")
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=2).read()
                return time.monotonic() - begun
            except (OSError, urllib.error.URLError) as error:
                if time.monotonic() - begun > limit:
                    raise Failed(f"the server did not answer within {limit:.0f} s") from error
                time.sleep(0.02)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def post(self, path: str, body: bytes, kind: str = "application/x-ndjson", limit: float = 60) -> dict:
        request = urllib.request.Request(self.url + path, body, {"Content-Type": kind})
        return json.load(urllib.request.urlopen(request, timeout=limit))

    def status(self) -> dict:
        return json.load(urllib.request.urlopen(f"{self.url}/v1/status", timeout=10))

    def served(self, features: list[str], key: str, entities: list[int]) -> list[list]:
        """Of each feature its values."""
        body = json.dumps({"features": features, "entities": {key: entities}}).encode()
        answer = self.post("/get-online-features", body, "application/json")
        return [found["values"] for found in answer["results"][1:]]


def verify_stream(folder: pathlib.Path, seed: int, samples: int) -> dict:
    """What `martlet verify --stream` says; its differences raise."""
    found = martlet(folder, "verify", "--stream", "--json", "--seed", seed, "--samples", samples)
    if found.returncode not in (0, 1):
        done(found)
    report = json.loads(found.stdout)
    if not report["equal"]:
        raise Failed(f"online is not offline: {json.dumps(report['differences'][:3])}")
    return report


def tables_folder(folder: pathlib.Path) -> pathlib.Path:
    return folder / ".martlet" / "tables" / "default" / "soak"


def table_files(folder: pathlib.Path, name: str) -> list[str]:
    """The data files of a table's newest version, from its Delta log: what a crash left beside them is not among
    them."""
    table = tables_folder(folder) / name
    files: dict[str, None] = {}
    for commit in sorted((table / "_delta_log").glob("*.json")):
        if not re.fullmatch(r"\d{20}", commit.stem):
            continue
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                files[str(table / action["add"]["path"])] = None
            elif "remove" in action:
                files.pop(str(table / action["remove"]["path"]), None)
    return list(files)


def rows(folder: pathlib.Path, table: str, columns: str) -> str:
    """A SELECT of these columns of a table; of no rows where it is not there yet."""
    files, names = table_files(folder, table), [f'"{name}"' for name in columns.split(", ")]
    if not files:
        return f"SELECT {', '.join('NULL AS ' + name for name in names)} WHERE false"
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"SELECT {', '.join(names)} FROM read_parquet([{listed}], union_by_name = true)"


def query(sql: str) -> list[tuple]:
    with duckdb.connect(config={"threads": 2}) as connection:
        return connection.execute(sql).fetchall()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
