#!/usr/bin/env python3
"""correct.py - Rogan and Gladen's corrected rate, and the exact distribution that the bootstrap draws from.

Writes correct.json beside itself: every outcome of the three binomials with its probability, so that the quantiles have
no noise of drawing. Standard library only."""
import json, math, os

def binomial(k, n):
    p = k / n
    return [(i / n, math.comb(n, i) * p ** i * (1 - p) ** (n - i)) for i in range(n + 1)]

def corrected(rate, se, sp):
    told = se + sp - 1
    return min(1, max(0, (rate + sp - 1) / told)) if told > 1e-9 else None

def quantile(points, q):
    total, at = sum(w for _, w in points), 0
    for x, w in points:
        at += w
        if at >= q * total:
            return x

def case(positive, found, negative, spared, count, n):
    value = corrected(count / n, found / positive, spared / negative)
    points, lost = {}, 0
    for r, a in binomial(count, n):
        for s, b in binomial(found, positive):
            for t, c in binomial(spared, negative):
                x, w = corrected(r, s, t), a * b * c
                if w < 1e-12:
                    continue
                if x is None:
                    lost += w
                else:
                    points[x] = points.get(x, 0) + w
    few = min(positive, negative) < 10 or value is None or lost > 0.06
    points = sorted(points.items())
    return {'of': [positive, found, negative, spared, count, n],
            'expected': None if few else [value, quantile(points, 0.025), quantile(points, 0.975)]}

out = [case(20, 18, 30, 29, 40, 64), case(12, 12, 15, 15, 20, 32), case(25, 20, 40, 30, 5, 30), case(30, 27, 30, 24, 60, 64),
       case(9, 9, 30, 29, 40, 64), case(30, 29, 9, 9, 40, 64), case(20, 10, 20, 10, 16, 32)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'correct.json'), 'w') as f:
    json.dump(out, f, indent=1)
    f.write('\n')
