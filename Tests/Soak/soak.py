"""Runs the soak tests and prints their figures, one JSON line each. See --help."""

import argparse
import json
import pathlib
import shutil
import sys
import tempfile
import time

import capture
import kills
import poison
from support import Failed, say


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--kills", type=int, help="kill the server so often (default: 100; with --cdc 50)")
    parser.add_argument("--rate", type=int, help="events a second (default: 10000); with --cdc transactions (200)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--samples", type=int, default=3_000, help="values compared of each view after each kill")
    parser.add_argument("--cdc", action="store_true", help="kill a captured PostgreSQL and the server by turns")
    parser.add_argument("--poison", action="store_true", help="one event in a hundred does not fit")
    parser.add_argument("--all", action="store_true", help="all three, one after another")
    wanted = parser.parse_args()
    if wanted.all:
        cases = ["kills", "cdc", "poison"]
    else:
        cases = [name for name in ("cdc", "poison") if getattr(wanted, name)] or ["kills"]
    status = 0
    for case in cases:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"martlet-soak-{case}-"))
        say(f"{case}, seed {wanted.seed}")
        try:
            if case == "kills":
                found = kills.run(folder, wanted.kills or 100, wanted.rate or 10_000, wanted.seed, wanted.samples)
            elif case == "cdc":
                found = capture.run(folder, wanted.kills or 50, wanted.rate or 200, wanted.seed, wanted.samples)
            else:
                found = poison.run(folder, batches=3_000, rounds=5)
                status = status if found["is_met"] else 1
        except Failed as failure:
            print(f"soak: {case} FAILED (seed {wanted.seed}; {folder} is kept): {failure}", file=sys.stderr)
            status = 1
            continue
        print(json.dumps({"soak": case} | found), flush=True)
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
