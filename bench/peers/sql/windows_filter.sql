-- One join by key over the longest window, then each aggregate with a filter for its window.
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
)
SELECT
    label,
    count(e.t) FILTER (e.t >= h1) AS count_1h,
    count(e.t) FILTER (e.t >= d1) AS count_1d,
    count(e.t) FILTER (e.t >= d7) AS count_7d,
    count(e.t) AS count_30d,
    coalesce(sum(amount) FILTER (e.t >= h1), 0) AS sum_1h,
    coalesce(sum(amount) FILTER (e.t >= d1), 0) AS sum_1d,
    coalesce(sum(amount) FILTER (e.t >= d7), 0) AS sum_7d,
    coalesce(sum(amount), 0) AS sum_30d,
    avg(amount) FILTER (e.t >= h1) AS mean_1h,
    avg(amount) FILTER (e.t >= d1) AS mean_1d,
    avg(amount) FILTER (e.t >= d7) AS mean_7d,
    avg(amount) AS mean_30d,
    min(amount) FILTER (e.t >= h1) AS min_1h,
    min(amount) FILTER (e.t >= d1) AS min_1d,
    min(amount) FILTER (e.t >= d7) AS min_7d,
    min(amount) AS min_30d,
    max(amount) FILTER (e.t >= h1) AS max_1h,
    max(amount) FILTER (e.t >= d1) AS max_1d,
    max(amount) FILTER (e.t >= d7) AS max_7d,
    max(amount) AS max_30d,
    stddev_samp(amount) FILTER (e.t >= h1) AS stddev_1h,
    stddev_samp(amount) FILTER (e.t >= d1) AS stddev_1d,
    stddev_samp(amount) FILTER (e.t >= d7) AS stddev_7d,
    stddev_samp(amount) AS stddev_30d
FROM edges
LEFT JOIN (SELECT user_id, epoch_us(event_timestamp) AS t, amount FROM events) AS e
    ON e.user_id = edges.user_id AND e.t >= d30 AND e.t < edges.t
GROUP BY label
ORDER BY label
