#!/usr/bin/env python3
"""Makes the demo's data: a small perceptron and ten handwritten digits, from scikit-learn's `digits`.

    python3 -m venv venv && venv/bin/pip install scikit-learn numpy
    venv/bin/python scripts/digits.py cli/data

Writes `weights.safetensors` (w1 [32, 64], b1 [32], w2 [10, 32], b2 [10], 32-bit floats), `images.npy` ([10, 64],
pixels from 0 to 1) and `labels.npy` (what the images show, by people). The images are one of each digit from the part
of the data that was held out of training.
"""
import json
import struct
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HIDDEN = 32


def safetensors(path, tensors):
    """The format is a header of JSON and then the bytes of each tensor: not worth a dependency."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "cli/data"
    digits = load_digits()
    pixels = digits.data / 16.0
    train_x, test_x, train_y, test_y = train_test_split(pixels, digits.target, test_size=0.25, random_state=7, stratify=digits.target)
    model = MLPClassifier((HIDDEN,), activation="relu", alpha=1e-3, max_iter=600, random_state=7).fit(train_x, train_y)
    print(f"accuracy on {len(test_y)} held-out digits: {model.score(test_x, test_y):.3f}")

    (w1, w2), (b1, b2) = model.coefs_, model.intercepts_
    safetensors(f"{folder}/weights.safetensors", {"w1": w1.T, "b1": b1, "w2": w2.T, "b2": b2})
    chosen = [int(np.flatnonzero(test_y == digit)[3]) for digit in (7, 2, 1, 0, 4, 9, 5, 6, 3, 8)]
    np.save(f"{folder}/images.npy", test_x[chosen].astype("<f4"))
    np.save(f"{folder}/labels.npy", test_y[chosen].astype("u1"))
    print("shown:", test_y[chosen], "predicted:", model.predict(test_x[chosen]))


if __name__ == "__main__":
    main()
