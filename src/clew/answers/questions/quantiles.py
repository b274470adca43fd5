"""How long it took, of the requests, calls or tasks of a group."""

# Engines interpolate in different orders of operations. As durations are whole microseconds, a
# median has one further decimal and the others two: rounding to more than that leaves all the same.
MEDIAN = "round(quantile_cont(durationUs, 0.5), 4) AS median"
P95 = "round(quantile_cont(durationUs, 0.95), 4) AS p95"
P99 = "round(quantile_cont(durationUs, 0.99), 4) AS p99"
