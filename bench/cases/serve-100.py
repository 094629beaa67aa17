"""Serving a hundred keys a request."""

from harness import serving
from harness.bench import Bench
from harness.result import Result


def run(bench: Bench) -> Result:
    return serving.measure(bench, "serve-100", keys=100, target=8_000)
