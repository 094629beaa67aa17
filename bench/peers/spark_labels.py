"""Labels for the payments of a file: every Nth payment, at the moment before it happens.

Usage: spark_labels.py PAYMENTS OUT N; prints {"labels": COUNT}."""

import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def main() -> None:
    payments, out, every = sys.argv[1], sys.argv[2], int(sys.argv[3])
    columns = ["payment_id", "card_id", "customer_id", "merchant_id", "event_time", "kind"]
    rows = pq.read_table(payments, columns=columns)
    rows = rows.filter(pc.equal(rows["kind"], "payment"))
    rows = rows.take(pa.array(range(0, rows.num_rows, every)))
    before = pc.subtract(rows["event_time"], pa.scalar(1, pa.duration("us")))
    pq.write_table(rows.drop_columns(["event_time", "kind"]).append_column("event_timestamp", before), out)
    print(json.dumps({"labels": rows.num_rows}))


if __name__ == "__main__":
    main()
