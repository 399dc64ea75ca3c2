"""Deals the tumours out: 200 to each clinic, the others for testing."""

import sys

sys.path.insert(0, "..")
from common import breast_cancer, write_csv

x, y = breast_cancer()
for name, part in [("a", slice(0, 200)), ("b", slice(200, 400)), ("test", slice(400, 569))]:
    write_csv(f"{name}_x.csv", x[part])
    write_csv(f"{name}_y.csv", y[part])
