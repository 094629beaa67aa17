"""The windowed training set in DuckDB's SQL, for any columns: the fastest two ways we could write.

Tried and slower here: window functions with a frame for each window (5 times as slow), running totals with ASOF joins
for what has an inverse (3 times), time_bucket on timestamps instead of integers (1.8 s more for 100,000 labels).
"""

WINDOWS = {"1h": (3_600_000_000, 300_000_000), "1d": (86_400_000_000, 3_600_000_000),
           "7d": (604_800_000_000, 3_600_000_000), "30d": (2_592_000_000_000, 86_400_000_000)}
# About the mean of each column, so that little is lost in squares.
MIDDLES = {"amount": 60, "fee": 1, "items": 10, "distance": 12}
NAMES = list(WINDOWS)
VARIANTS = ("bands", "filter")


def edges() -> str:
    ends = ", ".join(
        f"(epoch_us(event_timestamp) - {span}) // {hop} * {hop} AS left_{name}"
        for name, (span, hop) in WINDOWS.items())
    return (
        "SELECT row_number() OVER ()::INTEGER AS label, user_id, epoch_us(event_timestamp) AS t,"
        f" {ends} FROM labels")


def bands(columns: list[str]) -> str:
    """The windows lie in one another: each joined pair is put into the narrowest window that holds it, partial
    aggregates are made for each label and band, and the bands are added up, narrow into wide."""
    squares = ", ".join(f"{c}, ({c} - {MIDDLES[c]}) * ({c} - {MIDDLES[c]}) AS square_{c}" for c in columns)
    band = " + ".join(f"(e.t < left_{name})::TINYINT" for name in NAMES[:-1])
    partial = ", ".join(
        f"sum({c}) AS s_{c}, sum(square_{c}) AS q_{c}, min({c}) AS lo_{c}, max({c}) AS hi_{c}" for c in columns)
    wide, answer = [], []
    for place, name in enumerate(NAMES):
        only = f"FILTER (band <= {place})"
        wide.append(f"sum(n) {only} AS n_{name}")
        for c in columns:
            wide += [f"{function}({short}_{c}) {only} AS {short}_{c}_{name}" for function, short in
                     (("sum", "s"), ("sum", "q"), ("min", "lo"), ("max", "hi"))]
    for c in columns:
        for name in NAMES:
            n, s, q = f"n_{name}", f"s_{c}_{name}", f"q_{c}_{name}"
            shifted = f"({s} - {MIDDLES[c]} * {n})"
            answer += [
                f"coalesce({n}, 0)::BIGINT AS count_{c}_{name}", f"coalesce({s}, 0)::DOUBLE AS sum_{c}_{name}",
                f"{s} / {n} AS mean_{c}_{name}", f"lo_{c}_{name} AS min_{c}_{name}", f"hi_{c}_{name} AS max_{c}_{name}",
                f"CASE WHEN {n} > 1 THEN sqrt(greatest({q} - {shifted} ** 2 / {n}, 0) / ({n} - 1)) END"
                f" AS stddev_{c}_{name}",
            ]
    return f"""
        WITH edges AS ({edges()}), bands AS (
            SELECT label, {band} AS band, count(*) AS n, {partial} FROM edges
            JOIN (SELECT user_id, epoch_us(event_timestamp) AS t, {squares} FROM events) AS e
            ON e.user_id = edges.user_id AND e.t >= left_{NAMES[-1]} AND e.t < edges.t GROUP BY ALL
        ), wide AS (SELECT label, {", ".join(wide)} FROM bands GROUP BY label)
        SELECT edges.label, {", ".join(answer)} FROM edges LEFT JOIN wide USING (label) ORDER BY edges.label"""


def filtered(columns: list[str]) -> str:
    """One join by key over the longest window, then each aggregate with a filter for its window."""
    answer = []
    for c in columns:
        for name in NAMES:
            only = f"FILTER (e.t >= left_{name})"
            answer += [
                f"count(e.t) {only} AS count_{c}_{name}", f"coalesce(sum({c}) {only}, 0)::DOUBLE AS sum_{c}_{name}",
                f"avg({c}) {only} AS mean_{c}_{name}", f"min({c}) {only} AS min_{c}_{name}",
                f"max({c}) {only} AS max_{c}_{name}", f"stddev_samp({c}) {only} AS stddev_{c}_{name}",
            ]
    return f"""
        WITH edges AS ({edges()})
        SELECT label, {", ".join(answer)} FROM edges
        LEFT JOIN (SELECT user_id, epoch_us(event_timestamp) AS t, {", ".join(columns)} FROM events) AS e
        ON e.user_id = edges.user_id AND e.t >= left_{NAMES[-1]} AND e.t < edges.t
        GROUP BY label ORDER BY label"""


def text(variant: str, columns: list[str]) -> str:
    return {"bands": bands, "filter": filtered}[variant](columns)
