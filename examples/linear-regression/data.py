"""Deals the patients out between two hospitals."""

import sys

sys.path.insert(0, "..")
from common import diabetes, write_csv

x, y = diabetes()
for name, part in [("a", slice(0, 221)), ("b", slice(221, 442))]:
    write_csv(f"{name}_x.csv", x[part])
    write_csv(f"{name}_y.csv", y[part])
