"""Times Feast on a repository made by repository.py and prints one JSON line.

Usage: measure.py history FOLDER --labels FILE [--runs N] [--out FILE]
       measure.py materialize FOLDER

`history` is get_historical_features of ten features for all labels, from Parquet to a data frame in memory; the label
frame is read before. `materialize` is the first load of an empty online store: a repetition would only compare times
and skip.
"""

import argparse
import contextlib
import datetime
import io
import json
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import feast  # noqa: E402
import pandas  # noqa: E402


def history(store: feast.FeatureStore, options: argparse.Namespace) -> dict:
    labels = pandas.read_parquet(options.labels)
    features = [f"user_history:f{index}" for index in range(10)]
    seconds = []
    for _ in range(options.runs):
        start = time.perf_counter()
        frame = store.get_historical_features(entity_df=labels, features=features).to_df()
        seconds.append(time.perf_counter() - start)
    if options.out:
        frame.to_parquet(options.out, index=False)
    return {"seconds": seconds, "rows": len(frame), "filled": int(frame["f0"].notna().sum())}


def materialize(store: feast.FeatureStore, options: argparse.Namespace) -> dict:
    since = datetime.datetime(2026, 9, 1, tzinfo=datetime.timezone.utc)
    until = datetime.datetime(2026, 10, 2, tzinfo=datetime.timezone.utc)
    start = time.perf_counter()
    store.materialize(since, until, feature_views=["user_online"])
    return {"seconds": [time.perf_counter() - start]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["history", "materialize"])
    parser.add_argument("folder")
    parser.add_argument("--labels")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out")
    options = parser.parse_args()
    # Feast prints progress to both streams; ours is the last line of standard output.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        store = feast.FeatureStore(repo_path=options.folder)
        answer = {"history": history, "materialize": materialize}[options.what](store, options)
    answer["version"] = feast.__version__
    answer["peak_mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    json.dump(answer, sys.stdout)
    print()


if __name__ == "__main__":
    main()
