"""A Kafka topic, read to its end. The brokers are librdkafka's mock cluster: it keeps 5 MiB of a partition."""

import subprocess

from harness.bench import Bench
from harness.result import Result
from harness.servers import compiled

MESSAGES, BYTES, PARTITIONS = 1_000_000, 250, 64


def run(bench: Bench) -> Result:
    program = compiled(bench, "kafka_topic", "rdkafka")
    with subprocess.Popen(
            [program, "events", str(PARTITIONS), str(MESSAGES), str(BYTES)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True) as cluster:
        brokers = cluster.stdout.readline().strip()
        found = bench.json([
            bench.kernels, "ingest-kafka", "--brokers", brokers, "--topic", "events", "--messages", MESSAGES])
        cluster.stdin.close()
    ours = found["messages"] / (found["microseconds"] / 1e6)
    return Result(
        case="ingest-kafka", unit="messages/s", better="higher", ours=round(ours), target="at least 50,000",
        met=ours >= 50_000, details=found,
        setup=f"{MESSAGES:,} messages of {BYTES} bytes in {PARTITIONS} partitions of one mock broker on the same"
        " machine, into a sink that counts and stores nothing; from the first append to the last")
