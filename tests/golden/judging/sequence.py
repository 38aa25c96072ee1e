#!/usr/bin/env python3
"""sequence.py - confidence sequences of a rate by another way than the program's, and how often they miss.

Writes sequence.json beside itself. The interval is that of the mixture martingale itself, exact: with a flat prior the
odds of k in n against rate p are M(p) = B(k + 1, n - k + 1) / (p^k (1 - p)^(n - k)), in fractions of integers, and p is
left where M(p) < 1 / a (Robbins 1970; Ville's inequality). The ends are found in 60 digits. `missed` are shares of
simulated streams that were outside at some time: within one look after every answer, and at every of 60 looks at the same
80 prompts while the rate wanders, where Wilson's intervals of the same looks stand beside. Needs numpy."""
import json, os
from decimal import Decimal, getcontext
from fractions import Fraction
from math import factorial
import numpy as np

getcontext().prec = 60
A = Fraction(1, 20)

def level(look):
    return A / (look * (look + 1))

def odds(k, n, p):
    beta = Decimal(factorial(k) * factorial(n - k)) / Decimal(factorial(n + 1))
    return beta / ((p ** k if k else 1) * ((1 - p) ** (n - k) if k < n else 1))

def ends(k, n, look):
    most = Decimal(level(look).denominator) / Decimal(level(look).numerator)
    out = []
    for away, none in ((Decimal(0), k == 0), (Decimal(1), k == n)):
        inside, far = Decimal(k) / n, away
        for _ in range(150):
            p = (inside + far) / 2
            if p in (0, 1) or odds(k, n, p) >= most:
                far = p
            else:
                inside = p
        out.append(away if none else far)
    return [float(x) for x in out]

def wilson(k, n, z=1.959963984540054):
    p, d = k / n, 1 + z * z / n
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / d
    mid = (p + z * z / (2 * n)) / d
    return mid - half, mid + half

cases = [(0, 1), (1, 1), (0, 20), (1, 20), (10, 20), (19, 20), (20, 20), (3, 50), (36, 100), (81, 263), (1, 1000), (500, 1000)]
rows = [{'k': k, 'n': n, 'look': look, 'ends': ends(k, n, look)} for k, n in cases for look in (1, 2, 10, 100)]

rng = np.random.default_rng(5)
table = {}
def cached(k, n, look):
    key = (int(k), n, look)
    if key not in table:
        table[key] = ends(*key)
    return table[key]

def within(p, streams=4000, n=60):
    sums = np.cumsum(rng.random((streams, n)) < p, axis=1)
    bad = np.zeros(streams, bool)
    for i in range(n):
        lo, hi = np.array([cached(k, i + 1, 1) for k in range(i + 2)]).T
        bad |= (p <= lo[sums[:, i]]) | (p >= hi[sums[:, i]])
    return float(bad.mean())

def looks(streams=4000, n=80, J=60):
    """Each prompt is answered where its own threshold, drawn once, is below the rate of the look."""
    bad, bad_wilson = np.zeros(streams, bool), np.zeros(streams, bool)
    u = rng.random((streams, n))
    for look in range(1, J + 1):
        p = 0.3 + 0.2 * np.sin(look / 9)
        k = (u < p).sum(axis=1)
        lo, hi = np.array([cached(x, n, look) for x in range(n + 1)]).T
        bad |= (p <= lo[k]) | (p >= hi[k])
        w = np.array([wilson(x, n) for x in range(n + 1)]).T
        bad_wilson |= (p < w[0][k]) | (p > w[1][k])
    return {'sequence': float(bad.mean()), 'wilson': float(bad_wilson.mean())}

out = {'intervals': rows, 'missed': {'within': {str(p): within(p) for p in (0.05, 0.3, 0.5)}, 'looks': looks()}}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sequence.json'), 'w') as f:
    json.dump(out, f, indent=1)
    f.write('\n')
