"""Serving one key a request."""

from harness import serving
from harness.bench import Bench
from harness.result import Result


def run(bench: Bench) -> Result:
    return serving.measure(bench, "serve-1", keys=1, target=70_000)
