"""The payments training set by the kernels and by a local Spark, at growing numbers of events: where Spark takes over.

SPARK_CURVE="100000 1000000 10000000" chooses the sizes. Told are wall time, processor time of all processes, and the
peak of memory."""

import os
import subprocess
import time

from harness.bench import TICKS, Bench, Failure, stop
from harness.result import Result

SIZES = [100_000, 1_000_000]
# Labels grow with the events, as they do where every tenth payment is scored.
EVENTS_PER_LABEL = 50
LIMIT_SECONDS = 3_000


def measured(command: list, folder) -> dict:
    """Wall seconds, processor seconds and the largest process of a command and of what it starts."""
    start = time.monotonic()
    sampler = Sampler()
    with open(folder / "command.log", "w+") as log:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, stdout=log, stderr=log, start_new_session=True)
        while process.poll() is None:
            sampler.sample(process.pid)
            if time.monotonic() - start > LIMIT_SECONDS:
                stop(process)
                raise Failure(f"more than {LIMIT_SECONDS} s")
            time.sleep(0.05)
        if process.returncode != 0:
            log.seek(0)
            raise Failure(f"{command[1]} ended with {process.returncode}: {log.read().strip()[-300:]}")
    return {
        "seconds": round(time.monotonic() - start, 2),
        "processor_seconds": round(sum(sampler.ticks.values()) / TICKS, 2),
        "peak_mebibytes": sampler.peak_kibibytes >> 10,
    }


class Sampler:
    """The most memory that a process and its descendants held together, and their processor time: Spark's Java is
    nobody's child in the end, so that its parent's account misses it."""

    def __init__(self):
        self.peak_kibibytes = 0
        self.ticks: dict[int, int] = {}

    def sample(self, root: int) -> None:
        parents, resident, ticks = {}, {}, {}
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(name)], resident[int(name)] = int(fields[1]), int(fields[21]) * 4
            ticks[int(name)] = int(fields[11]) + int(fields[12])
        family, grew = {root}, True
        while grew:
            more = {pid for pid, parent in parents.items() if parent in family} - family
            family |= more
            grew = bool(more)
        self.ticks |= {pid: ticks[pid] for pid in family if pid in ticks}
        self.peak_kibibytes = max(self.peak_kibibytes, sum(resident.get(pid, 0) for pid in family))


def run(bench: Bench) -> Result:
    sizes = [int(word) for word in os.environ.get("SPARK_CURVE", "").split()] or SIZES
    curve = []
    result = Result(
        case="spark-curve", unit="s", better="lower", ours=0,
        setup="examples/payments, 54 features, a label for every 50 events, local Spark 4.1 on two processors with"
        " 4 GiB",
        target="equal values", details={"curve": curve})
    for size in sizes:
        folder = bench.scratch(f"spark-curve-{size}")
        for name in ("definitions", "sql"):
            (folder / name).symlink_to(bench.root / "examples" / "payments" / name)
        settings = "workspace: payments\nlimits: {memory: 4GiB}\n"
        (folder / "martlet.yaml").write_text(settings)
        bench.run([bench.martlet, "apply"], cwd=folder)
        bench.run([bench.martlet, "synth", "payments", "--rows", size, "--out", "payments.parquet"], cwd=folder)
        bench.run([bench.martlet, "ingest", "payments", "payments.parquet"], cwd=folder, limit=LIMIT_SECONDS)
        bench.python("spark_labels.py", folder / "payments.parquet", folder / "labels.parquet", EVENTS_PER_LABEL)
        point = {"events": size}
        for engine in ("duckdb", "spark:local[2]"):
            bench.say(f"spark-curve: {size:,} events, {engine}")
            (folder / "martlet.yaml").write_text(settings + f"engine: {engine}\n")
            name = "kernels" if engine == "duckdb" else "spark"
            try:
                point[name] = measured(
                    [bench.martlet, "training-set", "fraud_score", "--labels", "labels.parquet", "--out",
                     f"{name}.parquet"], folder)
            except Failure as failure:
                point[name] = {"failed": str(failure)}
        if "seconds" in point["spark"] and "seconds" in point["kernels"]:
            if (folder / "kernels.parquet").read_bytes() != (folder / "spark.parquet").read_bytes():
                raise Failure(f"the two engines differ at {size} events")
            result.ours = point["kernels"]["seconds"]
            result.peers["spark"] = point["spark"]["seconds"]
            result.met = True
        curve.append(point)
        bench.say(f"spark-curve: {point}")
    return result
