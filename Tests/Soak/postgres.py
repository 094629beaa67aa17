"""A private PostgreSQL 15 that is killed and started again. It refuses to run as root, and its own user may not look
into our folder: its data lies among temporary files."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from support import Failed, free_port, wait_until

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


class Postgres:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="martlet-soak-"))
        self.folder.chmod(0o777)
        self.port, self.data = free_port(), self.folder / "data"
        self.elevated = ["/usr/sbin/runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.server = None
        self.run(
            [*self.elevated, BIN / "initdb", "-D", self.data, "-U", "martlet", "--auth=trust", "--no-locale", "-E",
             "UTF8"])

    @staticmethod
    def run(command: list, limit: float = 120, text: str | None = None) -> str:
        found = subprocess.run(
            [str(word) for word in command], cwd="/", input=text, capture_output=True, text=True, timeout=limit)
        if found.returncode != 0:
            raise Failed(f"{pathlib.Path(str(command[0])).name} ended with {found.returncode}: {found.stderr[-300:]}")
        return found.stdout

    @property
    def client(self) -> list:
        return ["-h", "127.0.0.1", "-p", self.port, "-U", "martlet"]

    @property
    def url(self) -> str:
        return f"postgresql://martlet@127.0.0.1:{self.port}/postgres"

    def is_ready(self) -> bool:
        return subprocess.run([BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "wal_level": "logical",
            "shared_buffers": "64MB", "max_wal_size": "512MB", "checkpoint_timeout": "30s"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        end = time.monotonic() + 60
        while True:
            self.server = subprocess.Popen(
                [str(word) for word in (*self.elevated, BIN / "postgres", "-D", self.data, *options)], cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while self.server.poll() is None and time.monotonic() < end:
                if self.is_ready():
                    return
                time.sleep(0.05)
            # What is left of the one that was killed may still hold its memory.
            if time.monotonic() > end:
                raise Failed("PostgreSQL did not start within 60 s")
            time.sleep(0.1)

    def signal(self, number: int) -> None:
        os.kill(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]), number)
        self.server.wait(60)

    def kill(self) -> None:
        """The postmaster alone: its children see that it is gone, and end."""
        self.signal(signal.SIGKILL)

    def close(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.signal(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text: str, limit: float = 120) -> str:
        options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        return self.run([BIN / "psql", *self.client, *options, "postgres"], limit,
                        text).strip()
