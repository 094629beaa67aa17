"""One event in a hundred does not fit: the others come in as fast as ever, and all that do not fit are kept."""

import http.client
import json
import pathlib
import threading
import time

from kills import DEFINITIONS, FILLER, SETTINGS
from support import Failed, Server, done, martlet, percentile, say

BATCH, SENDERS = 100, 6
KINDS = 4


def poison(number: int, kind: int) -> bytes:
    """No event, each in its own way: a text for a number, no time, a time far ahead, no JSON."""
    return (
        b'{"event_id":%d,"user_id":"nobody","amount":1,"at":"2026-01-01T00:00:00Z"}\n' % number,
        b'{"event_id":%d,"user_id":1,"amount":1}\n' % number,
        b'{"event_id":%d,"user_id":1,"amount":1,"at":"2226-01-01T00:00:00Z"}\n' % number,
        b'{"event_id":%d,"user_id":1,"amount":\n' % number,
    )[kind % KINDS]


def bodies(run: int, count: int, share: float) -> tuple[list[bytes], int]:
    """Requests made beforehand, and how many of their events are poison."""
    made, poisoned, now = [], 0, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
    for batch in range(count):
        lines = []
        for index in range(BATCH):
            number = (run * 1_000_000 + batch) * BATCH + index
            if share and (batch * BATCH + index) % round(1 / share) == 37:
                lines.append(poison(number, poisoned))
                poisoned += 1
            else:
                lines.append(
                    f'{{"event_id":{number},"user_id":{number % 5_000},"amount":{number % 997}.25,'
                    f'"shop":"s{number % 40}","at":"{now}","note":"{FILLER}"}}\n'.encode())
        made.append(b"".join(lines))
    return made, poisoned


def push(server: Server, made: list[bytes]) -> tuple[float, int]:
    """Sends all as fast as it goes; seconds, and how many were refused."""
    rest, lock, refused, failures = list(reversed(made)), threading.Lock(), [], []

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while True:
            with lock:
                if not rest:
                    return
                body = rest.pop()
            connection.request("POST", "/v1/events/purchases", body, {"Content-Type": "application/x-ndjson"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                failures.append(text[:200])
                return
            refused.append(json.loads(text)["misfits"])

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Failed(f"requests failed: {failures[:2]}")
    return time.monotonic() - begun, sum(refused)


def run(folder: pathlib.Path, batches: int, rounds: int) -> dict:
    (folder / "martlet.yaml").write_text(SETTINGS)
    (folder / "definitions.yaml").write_text(DEFINITIONS)
    done(martlet(folder, "apply"))
    server = Server(folder)
    clean, poisoned, sent = [], [], 0
    try:
        server.start()
        push(server, bodies(0, batches // 4, 0)[0])
        for number in range(rounds):
            # By turns, so that other work on the machine shows in both.
            for share, rates in ((0, clean), (0.01, poisoned)):
                made, bad = bodies(2 * number + (1 if share else 2), batches, share)
                seconds, refused = push(server, made)
                if refused != bad:
                    raise Failed(f"{bad} events were poison, and {refused} were refused")
                sent += bad
                rates.append(batches * BATCH / seconds)
        rates = ([round(rate) for rate in found] for found in (clean, poisoned))
        say("clean {}, with poison {} events a second".format(*rates))
        letters = server.status()
        kept = sum(found["count"] for found in letters["dead_letters"])
        future = letters["future_events"]
    finally:
        server.stop()
    if kept != sent:
        raise Failed(f"{sent} poison events were sent, and {kept} dead letters are kept")
    if abs(future - sent / KINDS) > rounds:
        raise Failed(f"of {sent} poison events a fourth was from the future, and {future} are counted so")
    ratios = sorted(bad / good for bad, good in zip(poisoned, clean))
    fall = 1 - percentile(ratios, 0.5)
    return {
        "poison": sent, "dead_letters": kept, "future": future, "clean_events_a_second": round(percentile(clean, 0.5)),
        "poisoned_events_a_second": round(percentile(poisoned, 0.5)), "throughput_falls_percent": round(100 * fall, 1),
        "is_met": fall <= 0.05}
