"""Compares what the clinic was told of the new tumours with what was later found, and with training in plain."""

import sys

sys.path.insert(0, "..")
from common import breast_cancer, dot, expect, read_result, share_equal, sigmoid

EPOCHS, BATCH, RATE = 5, 32, 0.5

x, y = breast_cancer()
w, b = [0.0] * 30, 0.0
for _ in range(EPOCHS):
    for start in range(0, 400 - BATCH + 1, BATCH):
        batch = range(start, start + BATCH)
        errors = [sigmoid(dot(w, x[i]) + b) - y[i] for i in batch]
        w = [w[k] - RATE * sum(e * x[i][k] for e, i in zip(errors, batch)) / BATCH for k in range(30)]
        b -= RATE * sum(errors) / BATCH

[told] = read_result("benign.json")
plain = [dot(w, row) + b > 0 for row in x[400:]]
print(f"169 new tumours: {share_equal(told, y[400:]):.1f} % right; trained in plain: {share_equal(plain, y[400:]):.1f} %")
expect(share_equal(told, plain) > 98, "what training in plain says")
