"""How long it took, of the requests, calls or tasks of a group."""

# Engines interpolate in different orders of operations. As durations are whole microseconds, a
# median has one further decimal and the others two: rounding to more than that leaves all the same.
MEDIAN = "round(quantile_cont(durationUs, 0.5), 4) AS median"
P95 = "round(quantile_cont(durationUs, 0.95), 4) AS p95"

# All three at once, which is a third of the work. Each row has a time: engines differ in what they
# make of a group without one.
SPREAD = "quantile_cont(durationUs, [0.5, 0.95, 0.99]) AS spread"
OF_SPREAD = """round(spread[1], 4) AS median, round(spread[2], 4) AS p95,
                round(spread[3], 4) AS p99"""
