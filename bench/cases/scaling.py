"""Cost and memory of a training set under a limit of 1 GiB, the whole command: from 1 to 100 million events, and of 10
million events from 1 to 100 million labels."""

from harness import large_set
from harness.bench import Bench
from harness.result import Result

MILLION = 1_000_000
# Events and keys, ten events a key or a hundred; labels.
EVENTS = [(MILLION, 10_000, 100_000), (10 * MILLION, 100_000, MILLION), (100 * MILLION, MILLION, MILLION)]
LABELS = [(10 * MILLION, 100_000, 10 * MILLION), (10 * MILLION, 100_000, 100 * MILLION)]
# A cost that is not more than this many times that of the size before is linear on a machine that others share.
LINEAR = 1.5
LIMIT_MEBIBYTES = 1024


def run(bench: Bench) -> Result:
    points = [measured(bench, *size) for size in EVENTS + LABELS]
    print("scaling: events      labels      seconds  us/event  us/label  peak MiB")
    for point in points:
        print(
            f"scaling: {point['events']:>11,} {point['labels']:>11,} {point['seconds']:>8.1f}"
            f" {1e6 * point['seconds'] / point['events']:>9.2f} {1e6 * point['seconds'] / point['labels']:>9.2f}"
            f" {point['peak_mebibytes']:>9,.0f}")
    few, some, many = points[0], points[1], points[2]
    events_growth = further(some, many, "events") / max(further(few, some, "events"), 1e-9)
    labels_growth = further(points[3], points[4], "labels") / max(further(some, points[3], "labels"), 1e-9)
    peaks = [point["peak_mebibytes"] for point in points]
    print(
        f"scaling: a further event costs {events_growth:.2f} times as much at 100,000,000 as at 10,000,000, a further"
        f" label {labels_growth:.2f} times")
    # The first is small enough to be built at once; from where the limit counts the peak must not grow with the input.
    is_flat = max(peaks) <= LIMIT_MEBIBYTES and max(peaks[1:]) <= LINEAR * min(peaks[1:])
    return Result(
        case="scaling", unit="s", better="lower", ours=round(points[-1]["seconds"], 1),
        setup="17 features of five columns, limits.memory 1 GiB, martlet training-set from Delta to Parquet, once: 1 to"
        " 100 million events, and of 10 million events 1 to 100 million labels, which is the figure",
        target="linear in events and labels, peak flat under 1 GiB",
        met=events_growth <= LINEAR and labels_growth <= LINEAR and is_flat,
        details={
            "points": points, "cost of a further event": round(events_growth, 2),
            "cost of a further label": round(labels_growth, 2)})


def measured(bench: Bench, events: int, keys: int, labels: int) -> dict:
    bench.say(f"scaling: {events:,} events, {labels:,} labels")
    # The data are made by the peers' Python, which has DuckDB.
    found = bench.json([
        bench.peer_python, large_set.__file__, bench.data / f"large-{events}", "--martlet", bench.martlet, "--events",
        events, "--keys", keys, "--labels", labels, "--memory", "1GiB"], limit=4_500)
    return {"events": events, "labels": labels, **found}


def further(smaller: dict, larger: dict, what: str) -> float:
    """Seconds of one more, between two sizes."""
    return (larger["seconds"] - smaller["seconds"]) / (larger[what] - smaller[what])
