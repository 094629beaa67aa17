"""Times the search for the 10 nearest by the cosine among the vectors of a file: by numpy, or by DuckDB.

Usage: vectors.py numpy|duckdb FILE --vectors N --dimensions D --queries Q [--threads N]

The file has the vectors, then the queries, as little-endian floats.
"""

import argparse
import json
import os
import time


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", choices=["numpy", "duckdb"])
    parser.add_argument("file")
    parser.add_argument("--vectors", type=int, required=True)
    parser.add_argument("--dimensions", type=int, required=True)
    parser.add_argument("--queries", type=int, required=True)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def by_numpy(matrix, queries):
    import numpy

    # As a server would keep it: the lengths are known.
    inverse = 1 / numpy.linalg.norm(matrix, axis=1)
    for query in queries:
        start = time.perf_counter()
        near = -(matrix @ query) * inverse
        nearest = numpy.argpartition(near, 10)[:10]
        nearest = nearest[numpy.argsort(near[nearest])]
        yield time.perf_counter() - start, [int(row) for row in nearest]


def by_duckdb(matrix, queries, threads: int):
    import duckdb
    import pyarrow

    dimensions = matrix.shape[1]
    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    vectors = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(matrix.reshape(-1)), dimensions)
    rows = pyarrow.table({"id": pyarrow.array(range(len(matrix)), pyarrow.int64()), "embedding": vectors})
    db.register("given", rows)
    db.execute("CREATE TABLE documents AS SELECT * FROM given")
    for query in queries:
        text = "[" + ", ".join(repr(float(value)) for value in query) + f"]::FLOAT[{dimensions}]"
        start = time.perf_counter()
        found = db.execute(
            f"SELECT id FROM documents ORDER BY array_cosine_distance(embedding, {text}), id LIMIT 10").fetchall()
        yield time.perf_counter() - start, [row[0] for row in found]


def main() -> None:
    options = arguments()
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import numpy

    values = numpy.fromfile(options.file, dtype="<f4").reshape(-1, options.dimensions)
    matrix, queries = values[:options.vectors], values[options.vectors:]
    assert len(queries) == options.queries
    search = by_numpy(matrix, queries) if options.peer == "numpy" else by_duckdb(matrix, queries, options.threads)
    seconds, found = [], []
    for took, rows in search:
        seconds.append(took)
        found += rows
    print(json.dumps({"seconds": seconds, "found": found}))


if __name__ == "__main__":
    main()
