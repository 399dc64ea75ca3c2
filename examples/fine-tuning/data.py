"""900 digits for the company; for the customer 100 labelled ones and 200 new ones, of which it asks whether they are odd."""

import sys

sys.path.insert(0, "..")
from common import digits, write_csv

x, y = digits()
write_csv("company_x.csv", x[:900])
write_csv("company_y.csv", y[:900])
write_csv("x.csv", x[900:1000])
write_csv("y.csv", [digit % 2 for digit in y[900:1000]])
write_csv("new_x.csv", x[1000:1200])
