"""A RabbitMQ queue, read to its end into the durable log of a server, and acknowledged; the broker is real."""

import os

from harness.bench import Bench
from harness.events import event_server, seconds_to_store, status
from harness.result import Result
from harness.servers import compiled, rabbitmq

MESSAGES, BYTES = 200_000, 250
DEFINITIONS = """
source: events
columns:
  number: {{type: int64, nullable: false}}
  at: {{type: timestamp, nullable: false}}
  note: string
event_time: at
from:
  rabbitmq: {{url: "amqp://guest:${{RABBIT_PASSWORD}}@127.0.0.1:{port}/%2F", queue: events, prefetch: 2000}}
"""


def run(bench: Bench) -> Result:
    program = compiled(bench, "rabbitmq_queue", "rabbitmq")
    # No password may stand in a definition.
    os.environ["RABBIT_PASSWORD"] = "guest"
    with rabbitmq(bench.scratch("rabbitmq")) as broker:
        bench.run([program, broker, "events", MESSAGES, BYTES])
        with event_server(bench, "ingest-rabbitmq", DEFINITIONS.format(port=broker)) as (port, _):
            seconds = seconds_to_store(port, MESSAGES, limit=120)
            found = status(port)
    ours = MESSAGES / seconds
    return Result(
        case="ingest-rabbitmq", unit="messages/s", better="higher", ours=round(ours), target="at least 15,000",
        met=ours >= 15_000 and found["log"]["end_offset"] == MESSAGES and not found["dead_letters"],
        details={"seconds": seconds, "log": found["log"]},
        setup=f"{MESSAGES:,} persistent JSON messages of {BYTES} bytes in a durable classic queue of RabbitMQ 3.10 on"
        " the same machine, prefetch 2,000, by a server that makes them durable in its log, acknowledges them and"
        " lands them"
        " in tables meanwhile; from the first durable message to the last")
