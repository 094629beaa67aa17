"""Starts feature servers and loads them with wrk: the same requests, the same processors, one after the other."""

import contextlib
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

from harness.bench import Bench, Failure, stop
from harness.result import Result

ENTITIES = 100_000
CONNECTIONS = 32
SECONDS = 8
# What most of the entities fit into.
HOT_TIER_MEBIBYTES = 64


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def load(
    bench: Bench, port: int, keys: int, rate: int = 0, seconds: int = SECONDS, constant: bool = False
) -> dict:
    """One run of wrk on one thread; `rate` 0 is as fast as it goes. `constant` asks for /ready, whose answer is a
    constant: what the HTTP library and the kernel allow."""
    if not shutil.which("wrk"):
        raise Failure("wrk is not there; scripts/bootstrap --peers installs it")
    found = bench.json(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "20s", "-s",
         bench.folder / "peers" / "request.lua", f"http://127.0.0.1:{port}"],
        env={"KEYS": str(keys), "RATE": str(rate), "ENTITIES": str(ENTITIES), "CONNECTIONS": str(CONNECTIONS),
             "CONSTANT": "1" if constant else "0"})
    found["rate"] = round(found["requests"] / found["seconds"], 1)
    if found["bad"]:
        raise Failure(f"{found['bad']} of {found['requests']} requests failed")
    return found


def load_at(bench: Bench, port: int, keys: int, rate: int, seconds: int = SECONDS) -> dict:
    """A run at about `rate` requests a second. wrk only waits between requests, so its wait is shortened by what the
    answers take until the rate is reached; where it cannot be, the answer says how far it came."""
    asked = rate
    for _ in range(4):
        trial = load(bench, port, keys, rate=asked, seconds=2)
        if trial["rate"] >= 0.98 * rate:
            break
        asked = round(asked * min(rate / trial["rate"], 2))
    return load(bench, port, keys, rate=asked, seconds=seconds) | {"wanted_rate": rate, "asked_rate": asked}


@contextlib.contextmanager
def server(command: list, port: int, folder: pathlib.Path, limit: float = 90):
    """A server process that answers on /health, ended when the block ends."""
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)
    try:
        end = time.monotonic() + limit
        while True:
            if process.poll() is not None:
                tail = (folder / "server.log").read_text(errors="replace").strip().splitlines()[-1:]
                raise Failure(f"the server ended with {process.returncode}: {''.join(tail)}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).read()
                break
            except (OSError, urllib.error.URLError) as error:
                if time.monotonic() > end:
                    raise Failure(f"the server did not answer within {limit:.0f} s") from error
                time.sleep(0.05)
        yield process
    finally:
        stop(process)


@contextlib.contextmanager
def redis(bench: Bench):
    """A private Redis without persistence; gives its port."""
    if not shutil.which("redis-server"):
        raise Failure("redis-server is not there; scripts/bootstrap --peers installs it")
    folder, port = bench.scratch("redis"), free_port()
    with open(folder / "redis.log", "wb") as log:
        process = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            if process.poll() is not None or time.monotonic() > end:
                raise Failure("redis-server did not start")
            time.sleep(0.05)
        yield port
    finally:
        stop(process)


def feast_repository(bench: Bench, data: pathlib.Path, online: str, redis_port: int = 0) -> pathlib.Path:
    folder = bench.scratch(f"feast-{online}")
    bench.run([
        bench.peer_python, bench.folder / "peers" / "feast" / "repository.py", folder, data, "--online", online,
        "--redis", f"127.0.0.1:{redis_port}"])
    return folder


def our_repository(
    bench: Bench, data: pathlib.Path, name: str, online: str = "", hot_tier: int = HOT_TIER_MEBIBYTES
) -> pathlib.Path:
    """bench/repository with its users ingested, in a folder of its own."""
    folder = bench.scratch(name)
    shutil.copytree(bench.folder / "repository", folder, dirs_exist_ok=True)
    with open(folder / "martlet.yaml", "a") as settings:
        if online:
            settings.write(f"online: {online}\n")
        # Of another store than ours it is the store that is measured: below 64 KiB none is kept.
        settings.write(f"limits:\n  hot_tier: {'1KiB' if online else f'{hot_tier}MiB'}\n")
    bench.run([bench.martlet, "apply"], cwd=folder)
    bench.run([bench.martlet, "ingest", "users", data / "online.parquet"], cwd=folder)
    return folder


def online_data(bench: Bench) -> pathlib.Path:
    return bench.make_data("online", entities=ENTITIES)


@contextlib.contextmanager
def our_server(bench: Bench, name: str, online: str = "", more: pathlib.Path | None = None):
    """`martlet serve` with all users loaded, in the folder `name` of the data; gives its port. The rows of `more` are in
    the tables and not yet in the online store."""
    folder = our_repository(bench, online_data(bench), name, online)
    bench.run([bench.martlet, "materialize"], cwd=folder)
    if more:
        bench.run([bench.martlet, "ingest", "users", more], cwd=folder)
    port = free_port()
    with server([bench.martlet, "serve", "--port", port], port, folder):
        yield port


@contextlib.contextmanager
def feast_server(bench: Bench):
    """Feast with all users in a Redis; gives its port."""
    with redis(bench) as redis_port:
        repository = feast_repository(bench, online_data(bench), "redis", redis_port)
        bench.python("feast/measure.py", "materialize", repository)
        port = free_port()
        command = [
            bench.feast_command, "-c", repository, "serve", "-h", "127.0.0.1", "-p", port, "--no-access-log",
            # Two workers; its default of a fresh worker every 1,000 requests would halve its speed.
            "-w", 2, "--max-requests", 0, "--max-requests-jitter", 0, "-r", 3600,
        ]
        with server(command, port, repository):
            yield port


def measure(bench: Bench, case: str, keys: int, target: int) -> Result:
    """Requests a second of /get-online-features with ten features, and the tail at half of the target."""
    with our_server(bench, "serving") as port:
        load(bench, port, keys, seconds=2)
        # The limit before and after, so that other work on the machine shows in both.
        limits = [load(bench, port, keys, constant=True, seconds=4)]
        full = load(bench, port, keys)
        limits.append(load(bench, port, keys, constant=True, seconds=4))
        half = load_at(bench, port, keys, target // 2)
    result = Result(
        case=case, unit="requests/s", better="higher", ours=full["rate"],
        setup=f"{keys} key(s) a request, 10 features, {ENTITIES:,} users, {CONNECTIONS} connections, wrk with one"
        " thread on the same processors; Feast with Redis and two workers",
        target=f"at least {target:,}, within 1.3x of the constant answer with one key, p99.9 under 3 ms at half",
        met=full["rate"] >= target and half["p999_ms"] < 3 and half["rate"] >= 0.95 * half["wanted_rate"]
        and (keys > 1 or sum(found["rate"] for found in limits) / len(limits) <= 1.3 * full["rate"]),
        peers={"constant answer (limit)": round(sum(found["rate"] for found in limits) / len(limits), 1)},
        details={"full": full, "half": half, "limits": limits})

    def feast() -> float:
        with feast_server(bench) as port:
            load(bench, port, keys, seconds=3)
            found = load(bench, port, keys)
        result.details["feast redis"] = found
        return found["rate"]

    bench.measure_peer(result, "feast redis", feast)
    return result
