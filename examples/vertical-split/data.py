"""The measurements of 400 tumours for the laboratory, their diagnoses for the clinic, and 169 new tumours."""

import sys

sys.path.insert(0, "..")
from common import breast_cancer, write_csv

x, y = breast_cancer()
write_csv("x.csv", x[:400])
write_csv("y.csv", y[:400])
write_csv("new.csv", x[400:])
