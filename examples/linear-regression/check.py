"""Compares the weights with those of the normal equations in floating point."""

import sys

sys.path.insert(0, "..")
from common import diabetes, dot, expect, read_result

x, y = diabetes()
n, d = len(x), len(x[0])
# Columns have mean 0; Gauss and Jordan on [X'X | X'y].
a = [[sum(row[i] * row[j] for row in x) / n for j in range(d)] + [sum(r[i] * t for r, t in zip(x, y)) / n] for i in range(d)]
for k in range(d):
    a[k] = [value / a[k][k] for value in a[k]]
    for i in range(d):
        if i != k:
            a[i] = [value - a[i][k] * pivot for value, pivot in zip(a[i], a[k])]
exact = [row[d] for row in a]

weights, constant = read_result("weights.json")


def explained(w):
    return 1 - sum((t - dot(w, row)) ** 2 for row, t in zip(x, y)) / sum(t * t for t in y)


worst = max(abs(p - q) for p, q in zip(weights, exact))
print(f"explained variance {explained(weights):.4f}, in floating point {explained(exact):.4f}; largest difference {worst:.4f}")
expect(worst < 0.002 and abs(constant) < 0.001, "the weights")
