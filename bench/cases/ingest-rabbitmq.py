"""A RabbitMQ queue, read and acknowledged to its end; the broker is real."""

from harness.bench import Bench
from harness.result import Result
from harness.servers import compiled, rabbitmq

MESSAGES, BYTES = 200_000, 250


def run(bench: Bench) -> Result:
    program = compiled(bench, "rabbitmq_queue", "rabbitmq")
    with rabbitmq(bench.scratch("rabbitmq")) as port:
        bench.run([program, port, "events", MESSAGES, BYTES])
        found = bench.json([
            bench.kernels, "ingest-rabbitmq", "--url", f"amqp://guest:guest@127.0.0.1:{port}/%2F", "--queue", "events",
            "--messages", MESSAGES])
    ours = found["messages"] / (found["microseconds"] / 1e6)
    return Result(
        case="ingest-rabbitmq", unit="messages/s", better="higher", ours=round(ours), target="at least 15,000",
        met=ours >= 15_000, details=found,
        setup=f"{MESSAGES:,} persistent messages of {BYTES} bytes in a durable classic queue of RabbitMQ 3.10 on the"
        " same machine, prefetch 2,000, into a sink that counts and stores nothing; from the first append to the last")
