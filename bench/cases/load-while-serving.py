"""What a load of a million entities does to those who are served meanwhile, at half of the speed they could have."""

import subprocess
import threading

from harness import serving
from harness.bench import Bench, Failure, median
from harness.result import Result

ENTITIES = 1_000_000
SECONDS = 3


def run(bench: Bench) -> Result:
    many = bench.make_data("online", entities=ENTITIES)
    # The rows are there before the clock starts: what is measured is their way into the online store.
    with serving.our_server(bench, "serving-load", more=many / "online.parquet") as port:
        folder = bench.data / "serving-load"
        serving.load(bench, port, 1, seconds=2)
        rate = round(serving.load(bench, port, 1)["rate"] / 2)
        asked = serving.load_at(bench, port, 1, rate, seconds=SECONDS)["asked_rate"]
        before = [serving.load(bench, port, 1, rate=asked, seconds=SECONDS) for _ in range(3)]
        process = subprocess.Popen(
            [str(bench.martlet), "materialize", "--full"], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output: list[str] = []
        reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
        reader.start()
        during = []
        # A failed request, or a server gone dark, raises.
        while process.poll() is None:
            during.append(serving.load(bench, port, 1, rate=asked, seconds=SECONDS))
        reader.join()
        if process.returncode != 0:
            raise Failure(f"the load ended with {process.returncode}: {''.join(output).strip()[-200:]}")
        after = serving.load(bench, port, 1, seconds=SECONDS)
    quiet, busy = median([run["p99_ms"] for run in before]), median([run["p99_ms"] for run in during])
    result = Result(
        case="load-while-serving", unit="ms", better="lower", ours=busy,
        setup=f"p99 of one key a request at half load while `martlet materialize` loads {ENTITIES:,} entities into the"
        f" store that is served, median of runs of {SECONDS} s; beside it without the load. No request failed",
        target="p99 less than 2x", met=busy < 2 * quiet,
        details={"before": before, "during": during, "after": after, "wanted_rate": rate, "load": "".join(output)})
    result.peers["without the load"] = quiet
    return result
