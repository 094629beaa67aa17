"""Cost and memory of a training set from 1 to 100 million events under a limit of 1 GiB: the whole command."""

from harness import large_set
from harness.bench import Bench, Failure
from harness.result import Result

MILLION = 1_000_000
# Events, keys, labels: ten events a key, ten for each label.
SIZES = [(MILLION, 10_000, 100_000), (10 * MILLION, 100_000, MILLION), (100 * MILLION, MILLION, MILLION)]


def run(bench: Bench) -> Result:
    points = []
    for events, keys, labels in SIZES:
        folder = bench.data / f"large-{events}"
        # The data are made by the peers' Python, which has DuckDB.
        bench.say(f"scaling: {events:,} events, {labels:,} labels")
        found = bench.json([
            bench.peer_python, large_set.__file__, folder, "--martlet", bench.martlet, "--events", events, "--keys",
            keys, "--labels", labels, "--memory", "1GiB"], limit=3_600)
        points.append({"events": events, "labels": labels, **found})
    print("scaling: events      labels     seconds  us/event  peak MiB")
    for point in points:
        print(
            f"scaling: {point['events']:>11,} {point['labels']:>9,} {point['seconds']:>10.1f}"
            f" {1e6 * point['seconds'] / point['events']:>9.2f} {point['peak_mebibytes']:>9,.0f}")
    if not points:
        raise Failure("no size was measured")
    last, before = points[-1], points[-2]
    growth = (last["seconds"] / last["events"]) / (before["seconds"] / before["events"])
    peak = max(point["peak_mebibytes"] for point in points)
    return Result(
        case="scaling", unit="s", better="lower", ours=round(last["seconds"], 1),
        setup="100,000,000 events, 1,000,000 labels, 17 features of five columns, limits.memory 1 GiB, martlet"
        " training-set from Delta to Parquet; once",
        target="linear, peak flat at 1 GiB", met=growth <= 1.5 and peak <= 1.25 * 1024,
        details={"points": points, "cost an event, last to the one before": round(growth, 2)})
