"""What the client was told, beside what the models say in plain floating point, and what was written."""

import math
import sys

sys.path.insert(0, "..")
from common import dense, digits, dot, expect, read_result, read_safetensors, share_equal, sigmoid, softmax


def cnn(m, image):
    pixel = lambda i, j: image[8 * i + j] if 0 <= i < 8 and 0 <= j < 8 else 0
    pooled = []
    for kernel, bias in zip(m["conv.weight"], m["conv.bias"]):
        conv = [
            [max(0, bias + sum(kernel[0][k][l] * pixel(i + k - 1, j + l - 1) for k in range(3) for l in range(3))) for j in range(8)]
            for i in range(8)
        ]
        pooled += [max(conv[i + k][j + l] for k in (0, 1) for l in (0, 1)) for i in range(0, 8, 2) for j in range(0, 8, 2)]
    return dense(m["output.weight"], m["output.bias"], pooled)


def transformer(m, image):
    rows = [image[8 * i : 8 * i + 8] for i in range(8)]
    words = [dense(m["embedding.weight"], m["embedding.bias"], row) for row in rows]
    words = [[a + b for a, b in zip(word, place)] for word, place in zip(words, m["places"])]
    projected = [dense(m["attention.in_proj_weight"], m["attention.in_proj_bias"], word) for word in words]
    seen = [[] for _ in words]
    for head in range(2):
        q, k, v = ([p[16 * part + 8 * head : 16 * part + 8 * head + 8] for p in projected] for part in range(3))
        for place, query in enumerate(q):
            shares = softmax([dot(query, key) / math.sqrt(8) for key in k])
            seen[place] += [dot(shares, column) for column in zip(*v)]
    out = []
    for word, mean in zip(words, seen):
        attended = dense(m["attention.out_proj.weight"], m["attention.out_proj.bias"], mean)
        out += [v * sigmoid(v) for v in (a + b for a, b in zip(word, attended))]
    return dense(m["output.weight"], m["output.bias"], out)


def best(scores):
    return scores.index(max(scores))


x, y = digits()
for name, model in [("cnn", cnn), ("attention", transformer)]:
    weights = read_safetensors(f"{name}.safetensors")
    plain = [best(model(weights, image)) for image in x[1000:]]
    told = read_result(f"{name}.json")
    truth = y[1000 : 1000 + len(told)]
    print(f"{name}: {share_equal(told, truth):.1f} % of the client's {len(told)} digits are read rightly,")
    print(f"  {share_equal(plain[: len(told)], truth):.1f} % by the plaintext model, which reads {share_equal(plain, y[1000:]):.1f} % of all 797 rightly")
    expect(told == plain[: len(told)], f"each digit that {name} reads, as in plain")
    expect(share_equal(plain, y[1000:]) > 80, f"accuracy of {name}")
