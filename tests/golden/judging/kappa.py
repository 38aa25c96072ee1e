#!/usr/bin/env python3
"""kappa.py - Cohen's kappa of made-up tables of verdicts, and its variance by the delta method with complex steps.

Writes kappa.json beside itself. The program has the closed form of Fleiss, Cohen and Everitt (1969) instead."""
import json, os, statistics as st

Z = st.NormalDist().inv_cdf(0.975)

def kappa(p):
    seen = sum(p[i][i] for i in range(3))
    chance = sum(sum(p[i]) * sum(p[k][i] for k in range(3)) for i in range(3))
    return (seen - chance) / (1 - chance)

def interval(table):
    n = sum(map(sum, table))
    p = [[complex(x / n) for x in row] for row in table]
    grad = {}
    for i in range(3):
        for k in range(3):
            q = [row[:] for row in p]
            q[i][k] += 1e-30j
            grad[i, k] = kappa(q).imag / 1e-30
    mean = sum(p[i][k].real * g for (i, k), g in grad.items())
    half = Z * (sum(p[i][k].real * (g - mean) ** 2 for (i, k), g in grad.items()) / n) ** 0.5
    value = kappa(p).real
    return [value, max(-1, value - half), min(1, value + half)]

tables = [[[20, 3, 1], [2, 30, 0], [1, 1, 6]], [[5, 5, 0], [5, 5, 0], [0, 0, 0]], [[12, 0, 0], [0, 20, 0], [0, 0, 3]],
          [[0, 9, 0], [11, 0, 1], [0, 0, 0]], [[40, 1, 2], [0, 3, 0], [7, 0, 1]]]
out = [{'table': t, 'expected': interval(t)} for t in tables] + [{'table': [[0, 0, 0], [0, 8, 0], [0, 0, 0]], 'expected': None}]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'kappa.json'), 'w') as f:
    json.dump(out, f, indent=1)
    f.write('\n')
