#!/usr/bin/env python3
"""apart.py - p(refuse) of made-up requests, and what lies under a score, by other ways than the program's.

Writes apart.json beside itself. AUC is Mann and Whitney's U of mid-ranks; DeLong's variance is Sun and Xu's form of it
(2014, mid-ranks alone); means, variances and normal quantiles are those of Python's `statistics`. Standard library only."""
import json, os, random, statistics as st

Z = st.NormalDist().inv_cdf(0.975)

def midranks(x):
    order = sorted(range(len(x)), key=lambda i: x[i])
    rank, i = [0.0] * len(x), 0
    while i < len(x):
        j = i
        while j + 1 < len(x) and x[order[j + 1]] == x[order[i]]:
            j += 1
        for k in range(i, j + 1):
            rank[order[k]] = (i + j) / 2 + 1
        i = j + 1
    return rank

def wilson(k, n):
    p, d = k / n, 1 + Z * Z / n
    half = Z * (p * (1 - p) / n + Z * Z / (4 * n * n)) ** 0.5 / d
    mid = (p + Z * Z / (2 * n)) / d
    return [0 if k == 0 else mid - half, 1 if k == n else mid + half]

def auc(a, b):
    m, n = len(a), len(b)
    both, ra, rb = midranks(a + b), midranks(a), midranks(b)
    value = (sum(both[:m]) - m * (m + 1) / 2) / (m * n)
    if value in (0, 1):
        return [value] + wilson(value * min(m, n), min(m, n))
    if min(m, n) < 2:
        return [value, None, None]
    v10 = [(both[i] - ra[i]) / n for i in range(m)]
    v01 = [1 - (both[m + j] - rb[j]) / m for j in range(n)]
    half = Z * (st.variance(v10) / m + st.variance(v01) / n) ** 0.5
    return [value, max(0, value - half), min(1, value + half)]

def mean(x):
    if len(x) < 2:
        return [st.fmean(x), None, None]
    half = Z * st.stdev(x) / len(x) ** 0.5
    return [st.fmean(x), max(0, st.fmean(x) - half), min(1, st.fmean(x) + half)]

def margin(a, b):
    value = st.fmean(a) - st.fmean(b)
    if min(len(a), len(b)) < 2:
        return [value, None, None]
    half = Z * (st.variance(a) / len(a) + st.variance(b) / len(b)) ** 0.5
    return [value, max(-1, value - half), min(1, value + half)]

rng = random.Random(7)
beta = lambda a, b, n: [round(rng.betavariate(a, b), 6) for _ in range(n)]
pairs = {'apart': (beta(40, 3, 32), beta(1, 60, 30)), 'knife edge': (beta(30, 45, 32), beta(28, 62, 30)),
         'together': (beta(3, 3, 9), beta(3, 3, 14)), 'turned round': (beta(2, 5, 12), beta(6, 2, 11)),
         'ties': ([0.5, 0.25, 0.5, 0.75, 0.5], [0.5, 0.25, 0.25, 0.5]), 'one': ([0.5, 0.75], [0.625]),
         'none above': ([0.125, 0.25, 0.125], [0.5, 0.75])}
out = [{'name': k, 'harm': a, 'kind': b,
        'expected': {'p_refuse': mean(a), 'p_refuse_kind': mean(b), 'margin': margin(a, b), 'auc': auc(a, b)}}
       for k, (a, b) in pairs.items()]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'apart.json'), 'w') as f:
    json.dump(out, f, indent=1)
    f.write('\n')
