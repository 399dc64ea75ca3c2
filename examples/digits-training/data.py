"""Deals the digits out: 250 to each post office."""

import sys

sys.path.insert(0, "..")
from common import digits, write_csv

x, y = digits()
for name, part in [("a", slice(0, 250)), ("b", slice(250, 500))]:
    write_csv(f"{name}_x.csv", x[part])
    write_csv(f"{name}_y.csv", y[part])
