"""From the start of the process to its first answer, with a million entities on the disk, and its memory then."""

import json
import os
import pathlib
import socket
import subprocess
import time

from harness import serving
from harness.bench import Bench, Failure, median, stop
from harness.result import Result

ENTITIES = 1_000_000
RUNS = 5
HOT_TIER_MEBIBYTES = 64


def ask(port: int, user: int) -> dict | None:
    """The answer; None where nobody listens yet."""
    body = json.dumps({
        "features": [f"user_online:f{index}" for index in range(10)], "entities": {"user_id": [user]}}).encode()
    head = f"POST /get-online-features HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.socket() as client:
        try:
            client.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return None
        client.sendall(head.encode() + body)
        answer = b""
        while part := client.recv(1 << 16):
            answer += part
    head, _, text = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise Failure(f"the first answer is {head.splitlines()[0].decode()}")
    return json.loads(text)


def memory(process: int) -> dict:
    found = {}
    for line in pathlib.Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(("VmRSS", "RssAnon", "RssFile")):
            found[line.split(":")[0]] = round(int(line.split()[1]) / 1024, 1)
    return found


def run(bench: Bench) -> list[Result]:
    many = bench.make_data("online", entities=ENTITIES)
    folder = serving.our_repository(bench, many, "start", hot_tier=HOT_TIER_MEBIBYTES)
    bench.run([bench.martlet, "materialize"], cwd=folder)
    times, memories = [], []
    for index in range(RUNS):
        port = serving.free_port()
        start = time.monotonic()
        process = subprocess.Popen(
            [str(bench.martlet), "serve", "--port", str(port)], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            while (answer := ask(port, 77_777 * (index + 1))) is None:
                if process.poll() is not None or time.monotonic() - start > 30:
                    raise Failure("the server did not start")
                time.sleep(0.001)
            times.append((time.monotonic() - start) * 1_000)
            statuses = [result["statuses"][0] for result in answer["results"]]
            if set(statuses) != {"PRESENT"}:
                raise Failure(f"the first answer has {statuses}")
            memories.append(memory(process.pid))
            # What it holds once it has served for a while.
            serving.load(bench, port, 1, seconds=2)
            memories[-1] |= {f"{name} after a load": size for name, size in memory(process.pid).items()}
        finally:
            stop(process)
    resident = median([found["VmRSS"] for found in memories])
    setup = f"{ENTITIES:,} entities with 10 features in LMDB, a hot tier of {HOT_TIER_MEBIBYTES} MiB, median of {RUNS}"
    details = {"milliseconds": times, "memory_mebibytes": memories, "os": os.uname().release}
    return [
        Result(
            case="start", unit="ms", better="lower", ours=round(median(times), 1), setup=setup,
            target="first answer under 150 ms", met=median(times) < 150, details=details),
        Result(
            case="start-memory", unit="MiB", better="lower", ours=resident,
            setup=setup + ", resident at that moment; after a load what the process itself holds, without the pages of"
            " the store's file, which the kernel keeps and takes back as it likes",
            target=f"under 80 MiB and the hot tier's {HOT_TIER_MEBIBYTES}, after a load too",
            met=max(resident, *(found["RssAnon after a load"] for found in memories)) < 80 + HOT_TIER_MEBIBYTES,
            details=details),
    ]
