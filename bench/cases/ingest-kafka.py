"""A Kafka topic, read to its end into the durable log of a server. The brokers are librdkafka's mock cluster: it keeps
5 MiB of a partition."""

import subprocess

from harness.bench import Bench
from harness.events import event_server, seconds_to_store, status
from harness.result import Result
from harness.servers import compiled

MESSAGES, BYTES, PARTITIONS = 1_000_000, 250, 64
DEFINITIONS = """
source: events
columns:
  number: {{type: int64, nullable: false}}
  at: {{type: timestamp, nullable: false}}
  note: string
event_time: at
from:
  kafka: {{brokers: [{brokers}], topic: events}}
"""


def run(bench: Bench) -> Result:
    program = compiled(bench, "kafka_topic", "rdkafka")
    with subprocess.Popen(
            [program, "events", str(PARTITIONS), str(MESSAGES), str(BYTES)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True) as cluster:
        brokers = ", ".join(f'"{broker}"' for broker in cluster.stdout.readline().strip().split(","))
        with event_server(bench, "ingest-kafka", DEFINITIONS.format(brokers=brokers)) as (port, _):
            seconds = seconds_to_store(port, MESSAGES, limit=180)
            found = status(port)
        cluster.stdin.close()
    ours = MESSAGES / seconds
    return Result(
        case="ingest-kafka", unit="messages/s", better="higher", ours=round(ours), target="at least 50,000",
        met=ours >= 50_000 and found["log"]["end_offset"] == MESSAGES and not found["dead_letters"],
        details={"seconds": seconds, "log": found["log"], "connectors": len(found["connectors"])},
        setup=f"{MESSAGES:,} JSON messages of {BYTES} bytes in {PARTITIONS} partitions of one mock broker on the same"
        " machine, by a server that reads them as columns, makes them durable in its log and lands them in tables"
        " meanwhile; from the first durable message to the last")
