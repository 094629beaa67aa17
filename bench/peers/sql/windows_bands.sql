-- The windows lie in one another: each joined pair is put into the narrowest window that holds it, five partial
-- aggregates are made for each label and band, and the bands are added up, narrow into wide.
-- Times as integers: time_bucket over 100,000 labels alone takes 1.8 s.
WITH edges AS (
    SELECT
        row_number() OVER ()::INTEGER AS label,
        user_id,
        epoch_us(event_timestamp) AS t,
        (epoch_us(event_timestamp) - 3600000000) // 300000000 * 300000000 AS h1,
        (epoch_us(event_timestamp) - 86400000000) // 3600000000 * 3600000000 AS d1,
        (epoch_us(event_timestamp) - 604800000000) // 3600000000 * 3600000000 AS d7,
        (epoch_us(event_timestamp) - 2592000000000) // 86400000000 * 86400000000 AS d30
    FROM labels
),
bands AS (
    SELECT
        label,
        (e.t < h1)::TINYINT + (e.t < d1)::TINYINT + (e.t < d7)::TINYINT AS band,
        count(*) AS n,
        sum(amount) AS s,
        sum(square) AS q,
        min(amount) AS lo,
        max(amount) AS hi
    FROM edges
    JOIN (
        -- Squares about a fixed middle, so that little is lost in them.
        SELECT user_id, epoch_us(event_timestamp) AS t, amount, (amount - 60) * (amount - 60) AS square FROM events
    ) AS e ON e.user_id = edges.user_id AND e.t >= d30 AND e.t < edges.t
    GROUP BY ALL
),
wide AS (
    SELECT
        label,
        sum(n) FILTER (band <= 0) AS n1h, sum(n) FILTER (band <= 1) AS n1d,
        sum(n) FILTER (band <= 2) AS n7d, sum(n) AS n30d,
        sum(s) FILTER (band <= 0) AS s1h, sum(s) FILTER (band <= 1) AS s1d,
        sum(s) FILTER (band <= 2) AS s7d, sum(s) AS s30d,
        sum(q) FILTER (band <= 0) AS q1h, sum(q) FILTER (band <= 1) AS q1d,
        sum(q) FILTER (band <= 2) AS q7d, sum(q) AS q30d,
        min(lo) FILTER (band <= 0) AS min_1h, min(lo) FILTER (band <= 1) AS min_1d,
        min(lo) FILTER (band <= 2) AS min_7d, min(lo) AS min_30d,
        max(hi) FILTER (band <= 0) AS max_1h, max(hi) FILTER (band <= 1) AS max_1d,
        max(hi) FILTER (band <= 2) AS max_7d, max(hi) AS max_30d
    FROM bands
    GROUP BY label
)
SELECT
    edges.label,
    coalesce(n1h, 0)::BIGINT AS count_1h, coalesce(n1d, 0)::BIGINT AS count_1d,
    coalesce(n7d, 0)::BIGINT AS count_7d, coalesce(n30d, 0)::BIGINT AS count_30d,
    coalesce(s1h, 0) AS sum_1h, coalesce(s1d, 0) AS sum_1d,
    coalesce(s7d, 0) AS sum_7d, coalesce(s30d, 0) AS sum_30d,
    s1h / n1h AS mean_1h, s1d / n1d AS mean_1d, s7d / n7d AS mean_7d, s30d / n30d AS mean_30d,
    min_1h, min_1d, min_7d, min_30d,
    max_1h, max_1d, max_7d, max_30d,
    CASE WHEN n1h > 1 THEN sqrt(greatest(q1h - (s1h - 60 * n1h) ** 2 / n1h, 0) / (n1h - 1)) END AS stddev_1h,
    CASE WHEN n1d > 1 THEN sqrt(greatest(q1d - (s1d - 60 * n1d) ** 2 / n1d, 0) / (n1d - 1)) END AS stddev_1d,
    CASE WHEN n7d > 1 THEN sqrt(greatest(q7d - (s7d - 60 * n7d) ** 2 / n7d, 0) / (n7d - 1)) END AS stddev_7d,
    CASE WHEN n30d > 1 THEN sqrt(greatest(q30d - (s30d - 60 * n30d) ** 2 / n30d, 0) / (n30d - 1)) END AS stddev_30d
FROM edges LEFT JOIN wide USING (label)
ORDER BY edges.label
