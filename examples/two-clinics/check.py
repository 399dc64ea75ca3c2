"""Compares the model that the clinics trained with the same training in plain floating point on all patients together."""

import json
import random
import sys

sys.path.insert(0, "..")
from common import breast_cancer, dot, expect, read_safetensors, share_equal, sigmoid

EPOCHS, BATCH, RATE = 5, 32, 0.5


def train(x, y):
    w, b = [0.0] * 30, 0.0
    order = list(range(len(x)))
    random.Random(1).shuffle(order)
    for _ in range(EPOCHS):
        for start in range(0, len(x) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            errors = [sigmoid(dot(w, x[i]) + b) - y[i] for i in batch]
            w = [w[k] - RATE * sum(e * x[i][k] for e, i in zip(errors, batch)) / BATCH for k in range(30)]
            b -= RATE * sum(errors) / BATCH
    return w, b


def accuracy(w, b, x, y):
    return share_equal([int(dot(w, row) + b > 0) for row in x], y)


x, y = breast_cancer()
model = read_safetensors("model.safetensors")
private = accuracy(model["w"], model["b"], x[400:], y[400:])
plain = accuracy(*train(x[:400], y[:400]), x[400:], y[400:])
print(f"169 tumours that neither clinic has: {private:.1f} % right; trained in plain: {plain:.1f} %")
losses = [record["value"] for record in json.load(open("report.json"))["revealed"]]
print("losses:", ", ".join(f"{loss:.3f}" for loss in losses))
expect(len(losses) == EPOCHS and losses[-1] < losses[0], "losses that fall")
expect(private > 94 and abs(private - plain) < 2.5, "accuracy")
