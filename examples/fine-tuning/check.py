"""How many of the new digits are told to be even or odd rightly, beside the same tuning in plain floating point."""

import sys

sys.path.insert(0, "..")
from common import dense, digits, expect, read_result, read_safetensors, share_equal, softmax

STEPS, RATE = 40, 1.0

x, y = digits()
net = read_safetensors("company.safetensors")
features = [[max(v, 0) for v in dense(net["hidden.weight"], net["hidden.bias"], image)] for image in x[900:1200]]
odd = [digit % 2 for digit in y[900:1200]]

w, b = [[0.0] * 32, [0.0] * 32], [0.0, 0.0]
for _ in range(STEPS):
    errors = []
    for h, label in zip(features[:100], odd):
        e = softmax(dense(w, b, h))
        e[label] -= 1
        errors.append(e)
    for o in range(2):
        w[o] = [v - RATE / 100 * sum(e[o] * h[j] for e, h in zip(errors, features)) for j, v in enumerate(w[o])]
        b[o] -= RATE / 100 * sum(e[o] for e in errors)


def classes(w, b):
    return [int(s[1] > s[0]) for s in (dense(w, b, h) for h in features[100:])]


told, plain = read_result("odd.json"), classes(w, b)
print(f"200 new digits: {share_equal(told, odd[100:]):.1f} % right; tuned in plain: {share_equal(plain, odd[100:]):.1f} %")
last = read_safetensors("last.safetensors")
expect(share_equal(told, classes(last["weight"], last["bias"])) >= 99.5, "what the tuned layer says in plain")
expect(share_equal(told, plain) >= 97, "what tuning in plain says")
