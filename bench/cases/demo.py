"""The main job, from a million synthetic payments to the proof."""

import os
import subprocess
import time

from harness.bench import Bench, Failure
from harness.result import Result


def run(bench: Bench) -> Result:
    folder = bench.scratch("demo")
    with open(folder / "demo.log", "wb") as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            [bench.martlet, "demo", "--no-serve", "--directory", folder / "workspace"], cwd=bench.root,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    # wait4 took the exit status: Popen must not wait for it again.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = (folder / "demo.log").read_text(errors="replace").strip().splitlines()[-2:]
        raise Failure(f"martlet demo ended with {process.returncode}: {' '.join(tail)}")
    gibibytes = usage.ru_maxrss / 2**20
    return Result(
        case="demo", unit="s", better="lower", ours=round(seconds, 2),
        setup="martlet demo --no-serve: 1,000,000 payments, once; peak resident memory of the process",
        target="under 60 s and 2 GiB", met=seconds < 60 and gibibytes < 2,
        details={"peak_gibibytes": round(gibibytes, 2), "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1)})
