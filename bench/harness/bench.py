"""Paths, processes and the machine, as the cases see them."""

import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

from harness.result import Result

TICKS = os.sysconf("SC_CLK_TCK")
# More than this many busy processors before a case begins means that its figures are not to be trusted.
QUIET_PROCESSORS = 0.2


class Failure(Exception):
    """Something that a case needs does not work; the message says what."""


class Bench:
    def __init__(self, root: pathlib.Path):
        self.root = root
        self.folder = root / "bench"
        self.data = self.folder / "data"
        self.results = self.folder / "results"
        self.martlet = root / ".build" / "release" / "martlet"
        self.kernels = root / ".build" / "release" / "martlet-bench"
        self.peer_python = root / ".deps" / "peers" / "bin" / "python"
        self.feast_command = root / ".deps" / "peers" / "bin" / "feast"

    def say(self, text: str) -> None:
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def build(self) -> None:
        """Our side, as a user builds it."""
        self.say("building the release binaries")
        for product in ("martlet", "martlet-bench"):
            self.run(["swift", "build", "-c", "release", "--product", product], env={"MARTLET_BENCH": "1"})

    def run(self, command: list, env: dict | None = None, cwd: pathlib.Path | None = None, limit: float = 900) -> str:
        """Standard output; raises Failure with the last lines of the error where the command fails."""
        try:
            done = subprocess.run(
                [str(word) for word in command], cwd=cwd or self.root, env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)
        except FileNotFoundError as error:
            raise Failure(f"{command[0]} is not there") from error
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{pathlib.Path(str(command[0])).name} took more than {limit:.0f} s") from error
        if done.returncode != 0:
            tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-3:])
            raise Failure(f"{pathlib.Path(str(command[0])).name} ended with {done.returncode}: {tail}")
        return done.stdout

    def json(self, command: list, **options) -> dict:
        """The last line of standard output, which is one JSON object."""
        lines = self.run(command, **options).strip().splitlines()
        try:
            return json.loads(lines[-1])
        except (IndexError, ValueError) as error:
            raise Failure(f"{command[0]} printed no JSON") from error

    def python(self, script: str, *arguments, **options) -> dict:
        return self.json([self.peer_python, self.folder / "peers" / script, *arguments], **options)

    def make_data(self, name: str, **sizes: int) -> pathlib.Path:
        """Seeded inputs; made once for each script, name and size."""
        script = self.folder / "peers" / "make_data.py"
        stamp = f"{name}-" + "-".join(f"{key}{value}" for key, value in sorted(sizes.items()))
        folder = self.data / stamp.rstrip("-")
        made = folder / "made"
        if not made.exists() or made.stat().st_mtime < script.stat().st_mtime:
            self.say(f"making the data set {folder.name}")
            options = [word for key, value in sizes.items() for word in (f"--{key}", value)]
            self.run([self.peer_python, script, name, folder, *options])
            made.touch()
        return folder

    def scratch(self, name: str) -> pathlib.Path:
        folder = self.data / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def measure_peer(self, result: Result, name: str, measure) -> None:
        """Adds a peer's figure, or why there is none; our own figure does not depend on it."""
        self.say(f"{result.case}: {name}")
        try:
            result.peers[name] = round(measure(), 6)
        except Failure as failure:
            result.absent[name] = str(failure).splitlines()[0]

    def same(self, ours: pathlib.Path, peer: pathlib.Path, *options) -> None:
        """Raises Failure where the two files hold different answers: their ratio would mean nothing."""
        self.run([self.peer_python, self.folder / "peers" / "compare.py", ours, peer, *options])


def median(values: list[float]) -> float:
    return statistics.median(values)


def busy_processors(seconds: float = 1.0) -> float:
    """How many processors the whole machine keeps busy."""

    def used() -> float:
        fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        return (sum(fields) - fields[3] - fields[4]) / TICKS

    before, start = used(), time.monotonic()
    time.sleep(seconds)
    return (used() - before) / (time.monotonic() - start)


def machine() -> dict:
    processor = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    return {
        "processors": os.cpu_count(), "processor": processor,
        "memory_mebibytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def stop(process: subprocess.Popen) -> None:
    """Ends a server that a case started, politely and then firmly, with the processes of its own group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
