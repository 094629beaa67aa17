"""What the tests here share: a repository in a folder of its own, and a server over it."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

MARTLET = os.environ["MARTLET"]
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def martlet(folder, *words, check=True):
    """Runs the built tool in a repository; its standard output, or the failure with what it said."""
    done = subprocess.run([MARTLET, *map(str, words)], cwd=folder, capture_output=True, text=True, timeout=600)
    if check and done.returncode != 0:
        raise AssertionError(f"martlet {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr}")
    return done.stdout if check else done


def payments_repository(folder, rows, seed=11):
    """The example's definitions with synthetic payments ingested."""
    for name in ("martlet.yaml", "definitions", "sql"):
        source = ROOT / "examples" / "payments" / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    martlet(folder, "apply")
    martlet(folder, "synth", "payments", "--rows", rows, "--seed", seed, "--out", "payments.parquet")
    martlet(folder, "ingest", "payments", "payments.parquet")


class Server:
    """`martlet serve` on a free port; `url` says where. `environment` is set beside this process's own."""

    def __init__(self, folder, environment=()):
        self.log = open(folder / "server.log", "w+")
        self.process = subprocess.Popen(
            [MARTLET, "serve", "--port", "0"], cwd=folder, stdout=self.log, stderr=subprocess.STDOUT,
            env=os.environ | dict(environment))
        for _ in range(500):
            text = (folder / "server.log").read_text()
            found = re.search(r"http://127\.0\.0\.1:\d+", text)
            if found:
                self.url = found[0]
                return
            time.sleep(0.02)
        raise AssertionError("the server did not start: " + text)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()
