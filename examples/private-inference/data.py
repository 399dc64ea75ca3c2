"""1,000 digits for the server to train with, 50 for the client to ask about, and the first 10 of those."""

import sys

sys.path.insert(0, "..")
from common import digits, write_csv

x, y = digits()
write_csv("server_x.csv", x[:1000])
write_csv("server_y.csv", y[:1000])
write_csv("images.csv", x[1000:1050])
write_csv("few.csv", x[1000:1010])
