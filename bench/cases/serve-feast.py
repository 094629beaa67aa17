"""Feast's feature server and ours, the same requests in the same minutes: one key, a hundred keys, and the tails."""

from harness import serving
from harness.bench import Bench, Failure
from harness.result import Result

SETUP = (f"10 features, {serving.ENTITIES:,} users, {serving.CONNECTIONS} connections as fast as they go, wrk with one"
         " thread on the same processors; Feast with Redis and two workers")


def run(bench: Bench) -> list[Result]:
    ours, feast, reason = {}, {}, ""
    with serving.our_server(bench, "serving") as port:
        for keys in (1, 100):
            serving.load(bench, port, keys, seconds=2)
            ours[keys] = serving.load(bench, port, keys)
    try:
        with serving.feast_server(bench) as port:
            for keys in (1, 100):
                serving.load(bench, port, keys, seconds=3)
                feast[keys] = serving.load(bench, port, keys)
    except Failure as failure:
        reason = str(failure).splitlines()[0]
    results = []
    for keys, times in ((1, 25), (100, 40)):
        for case, unit, better, field, least in (
                (f"serve-feast-{keys}", "requests/s", "higher", "rate", times),
                (f"serve-feast-{keys}-p99", "ms", "lower", "p99_ms", 20)):
            result = Result(
                case=case, unit=unit, better=better, ours=ours[keys][field], setup=f"{keys} key(s) a request, {SETUP}",
                target=f"{least}x Feast", details={"ours": ours[keys], "feast": feast.get(keys)})
            if keys in feast:
                result.peers["feast redis"] = feast[keys][field]
                result.met = result.ratios["feast redis"] >= least
            else:
                result.absent["feast redis"] = reason
            results.append(result)
    return results
