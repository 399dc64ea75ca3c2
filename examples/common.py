"""What the examples' scripts share: data sets read, arrays written and read. Python's standard library is all they need."""

import csv
import gzip
import json
import math
import struct
from pathlib import Path

DATA = Path(__file__).parent / "data"


def breast_cancer():
    """569 tumours: 30 measurements each, scaled to mean 0 and deviation 1, and whether it is benign (1) or malignant (0)."""
    rows = [[float(cell) for cell in row] for row in csv.reader(open(DATA / "breast_cancer.csv")) if len(row) == 31]
    return standardised([row[:30] for row in rows]), [int(row[30]) for row in rows]


def digits():
    """1,797 handwritten digits: 8 by 8 pixels from 0 to 1, row by row, and the digit."""
    rows = [[float(cell) for cell in row] for row in csv.reader(gzip.open(DATA / "digits.csv.gz", "rt"))]
    return [[cell / 16 for cell in row[:64]] for row in rows], [int(row[64]) for row in rows]


def diabetes():
    """442 patients: 10 measurements, and how far the disease has come a year later, all scaled to mean 0 and deviation 1."""
    rows = [[float(cell) for cell in row] for row in list(csv.reader(open(DATA / "diabetes.csv")))[1:]]
    rows = standardised(rows)
    return [row[:10] for row in rows], [row[10] for row in rows]


def standardised(rows):
    """Columns with mean 0 and deviation 1. Between parties the means and deviations must be agreed on beforehand."""
    columns = []
    for column in zip(*rows):
        mean = sum(column) / len(column)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in column) / len(column))
        columns.append([(x - mean) / deviation for x in column])
    return [list(row) for row in zip(*columns)]


def write_csv(path, rows):
    """Rows of numbers, or single numbers."""
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(row if isinstance(row, list) else [row] for row in rows)


def read_result(path):
    """What `motet run --json` printed, or wrote by `--output x.json`."""
    return json.loads(Path(path).read_text())["result"]


def shape(value):
    return [len(value)] + shape(value[0]) if isinstance(value, list) else []


def flat(value):
    return [x for item in value for x in flat(item)] if isinstance(value, list) else [value]


def write_npy(path, value):
    """Nested lists of floats as NumPy's file."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({''.join(f'{n}, ' for n in shape(value))}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    numbers = flat(value)
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    Path(path).write_bytes(start + struct.pack(f"<{len(numbers)}d", *numbers))


def read_safetensors(path):
    """Tensors of 64-bit floats by name, as nested lists."""
    data = Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F64", f"{name} is {entry['dtype']}"
        numbers = struct.unpack_from(f"<{math.prod(entry['shape'])}d", data, 8 + size + entry["data_offsets"][0])
        tensors[name] = nested(list(numbers), entry["shape"])
    return tensors


def nested(numbers, sizes):
    if not sizes:
        return numbers[0]
    step = len(numbers) // max(sizes[0], 1)
    return [nested(numbers[i * step : (i + 1) * step], sizes[1:]) for i in range(sizes[0])]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def dense(w, b, x):
    """`w x + b`."""
    return [dot(row, x) + c for row, c in zip(w, b)]


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def softmax(scores):
    powers = [math.exp(s - max(scores)) for s in scores]
    return [p / sum(powers) for p in powers]


def share_equal(a, b):
    """In per cent."""
    return 100 * sum(x == y for x, y in zip(a, b)) / len(b)


def expect(condition, what):
    """Ends the script with status 1 where something is not as it should be."""
    if not condition:
        raise SystemExit(f"not as expected: {what}")
