"""Real servers for a case: private folders, free ports, ended with the block."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

from harness.bench import Bench, Failure

POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
RABBITMQ = pathlib.Path("/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def postgres():
    """The port of a PostgreSQL with wal_level = logical; its user is `martlet`.

    It refuses to run as root, and its own user may not look into our folder: its data lies among temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="martlet-bench-") as folder:
        with running_postgres(pathlib.Path(folder)) as port:
            yield port


@contextlib.contextmanager
def running_postgres(folder: pathlib.Path):
    port, data = free_port(), folder / "data"
    elevated = ["/usr/sbin/runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder.chmod(0o777)
    made = subprocess.run(
        [*elevated, POSTGRES / "initdb", "-D", data, "-U", "martlet", "--auth=trust", "--no-locale", "-E", "UTF8"],
        cwd="/", capture_output=True, text=True)
    if made.returncode != 0:
        raise Failure(f"initdb ended with {made.returncode}: {made.stderr.strip()[-200:]}")
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "wal_level": "logical",
                "shared_buffers": "128MB", "max_wal_size": "2GB"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [*elevated, POSTGRES / "postgres", "-D", data, *options], cwd="/", stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: subprocess.run(
            [POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode == 0, "PostgreSQL")
        yield port
    finally:
        owner = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(owner, signal.SIGINT)
        server.wait(timeout=60)


@contextlib.contextmanager
def rabbitmq(folder: pathlib.Path):
    """The port of a RabbitMQ with the user guest."""
    port, mapper_port = free_port(), free_port()
    (folder / "enabled_plugins").write_text("[].\n")
    (folder / "rabbitmq.conf").write_text("log.file.level = error\ndisk_free_limit.absolute = 10MB\n")
    environment = {
        **os.environ, "HOME": str(folder), "ERL_EPMD_PORT": str(mapper_port), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"bench{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port), "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RUNNING_UNDER_SYSTEMD": "true"}
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    mapper = subprocess.Popen(["/usr/bin/epmd", "-port", str(mapper_port), "-address", "127.0.0.1"], **quiet)
    server = subprocess.Popen([RABBITMQ], env=environment, cwd=folder, **quiet)

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return bool(client.recv(1))
        except OSError:
            return False

    try:
        wait_for(answers, "RabbitMQ")
        yield port
    finally:
        for process in (server, mapper):
            process.kill()
            process.wait(timeout=60)


def wait_for(holds, name: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Failure(f"{name} does not answer")
        time.sleep(0.1)


def compiled(bench: Bench, name: str, *libraries: str) -> pathlib.Path:
    """A C program of bench/peers."""
    program = bench.scratch(f"{name}-program") / name
    bench.run(["cc", "-O2", "-o", program, bench.folder / "peers" / f"{name}.c", *(f"-l{lib}" for lib in libraries)])
    return program
