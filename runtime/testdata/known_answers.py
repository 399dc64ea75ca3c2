#!/usr/bin/env python3
"""Computes known_answers.txt: what the runtime's cryptography must give, by a second implementation.

    python3 known_answers.py > known_answers.txt

Written from FIPS 197 and the papers alone; shares no code or tables with the Rust. Blocks are integers whose lowest
byte is the first; they are written as the hexadecimal digits of that integer, highest first.
"""

import hashlib


def gf256(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11B
        b >>= 1
    return product


def substitution():
    box = []
    for x in range(256):
        inverse = 0 if x == 0 else next(y for y in range(256) if gf256(x, y) == 1)
        y = 0x63
        for turn in range(5):
            y ^= ((inverse << turn) | (inverse >> (8 - turn))) & 0xFF
        box.append(y)
    return box


SBOX = substitution()
assert SBOX[0x53] == 0xED


def aes128(key, block):
    """FIPS 197, sections 5.1 and 5.2, on integers."""
    words = [list(key.to_bytes(16, "little")[4 * i : 4 * i + 4]) for i in range(4)]
    rcon = 1
    for i in range(4, 44):
        word = list(words[-1])
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = gf256(rcon, 2)
        words.append([a ^ b for a, b in zip(words[-4], word)])
    keys = [sum(words[4 * r : 4 * r + 4], []) for r in range(11)]
    state = [a ^ b for a, b in zip(block.to_bytes(16, "little"), keys[0])]
    for r in range(1, 11):
        state = [SBOX[b] for b in state]
        state = [state[(4 * column + row + 4 * row) % 16] for column in range(4) for row in range(4)]
        if r < 10:
            mixed = []
            for column in range(4):
                s = state[4 * column : 4 * column + 4]
                mixed += [
                    gf256(s[i], 2) ^ gf256(s[(i + 1) % 4], 3) ^ s[(i + 2) % 4] ^ s[(i + 3) % 4] for i in range(4)
                ]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[r])]
    return int.from_bytes(bytes(state), "little")


assert aes128(
    int.from_bytes(bytes(range(16)), "little"), int.from_bytes(bytes.fromhex("00112233445566778899aabbccddeeff"), "little")
) == int.from_bytes(bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a"), "little")

LOW = 2**64 - 1


def random(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:16], "little")


def say(*fields):
    print(*(field if isinstance(field, str) else f"{field:x}" for field in fields))


def prg(seed, stream, index):
    return aes128(seed, stream << 64 | index)


def kdf(label, session, *fields):
    hash = hashlib.sha256()
    for field in [b"motet 1", label, session, *fields]:
        hash.update(len(field).to_bytes(8, "little") + field)
    return hash.digest()


def gate_hash(key, instance, label):
    """Guo, Katz, Wang, Weng, Yu: AES_k(s(x) + i) + s(x) + i, s(L || R) = (L + R) || L."""
    left, right = label >> 64, label & LOW
    point = ((left ^ right) << 64 | left) ^ instance
    return aes128(key, point) ^ point


def garble(delta, keys, instance, a0, b0):
    """Zahur, Rosulek, Evans, figure 2."""
    a1, b1, pa, pb = a0 ^ delta, b0 ^ delta, a0 & 1, b0 & 1
    table_g = gate_hash(keys[0], instance, a0) ^ gate_hash(keys[0], instance, a1) ^ pb * delta
    wire_g = gate_hash(keys[0], instance, a0) ^ pa * table_g
    table_e = gate_hash(keys[1], instance, b0) ^ gate_hash(keys[1], instance, b1) ^ a0
    wire_e = gate_hash(keys[1], instance, b0) ^ pb * (table_e ^ a0)
    return table_g, table_e, wire_g ^ wire_e


def garbler_half(delta, key, instance, known, b0):
    table = gate_hash(key, instance, b0) ^ gate_hash(key, instance, b0 ^ delta) ^ known * delta
    return table, gate_hash(key, instance, b0) ^ (b0 & 1) * table


def evaluator_half(delta, key, instance, a0, b0):
    table = gate_hash(key, instance, a0) ^ gate_hash(key, instance, a0 ^ delta) ^ b0
    return table, gate_hash(key, instance, a0)


for j, (stream, index) in enumerate([(0, 0), (0, 1), (1, 0), (7, 123456789), (2**64 - 1, 2**64 - 1)]):
    seed = random(f"prg {j}")
    say("prg", seed, stream, index, prg(seed, stream, index))

for fields in ([], [b""], [b"a", b"bc"], [b"ab", b"c"], [bytes(range(100))]):
    say("kdf", kdf(b"known answers", bytes(range(32)), *fields).hex(), *(field.hex() or "-" for field in fields))

for instance in (0, 1, 63, 127):
    key, label = random(f"key {instance}"), random(f"label {instance}")
    say("hash", key, label, instance, gate_hash(key, instance, label))

for j in range(8):
    instance = 17 * j
    delta, key, a0, b0 = (random(f"{name} {j}") for name in ("delta", "gate key", "a", "b"))
    delta |= 1
    keys = key, (key + 1) % 2**128
    invert_a, invert_b = j & 1, j >> 1 & 1
    a, b = a0 ^ invert_a * delta, b0 ^ invert_b * delta
    given = delta, key, instance, a0, b0, invert_a, invert_b
    say("full", *given, *garble(delta, keys, instance, a, b))
    say("garbler-half", *given, *garbler_half(delta, key, instance, invert_a, b))
    say("evaluator-half", *given, *evaluator_half(delta, key, instance, a, b))

# SoftSpokenOT's small-field VOLE for k = 2: u, then the rows of v, four blocks each.
seeds = [random(f"seed {x}") for x in range(4)]
rows = [[prg(seed, 0, 5 + j) for j in range(4)] for seed in seeds]
u = [rows[0][j] ^ rows[1][j] ^ rows[2][j] ^ rows[3][j] for j in range(4)]
v0 = [rows[1][j] ^ rows[3][j] for j in range(4)]
v1 = [rows[2][j] ^ rows[3][j] for j in range(4)]
say("vole", *seeds, *u, *v0, *v1)

# The transpose of 128 rows of four blocks, a row after the other from one seed.
seed = random("rows")
rows = [sum(prg(seed, 0, 4 * r + c) << 128 * c for c in range(4)) for r in range(128)]
columns = [sum((rows[r] >> j & 1) << r for r in range(128)) for j in range(512)]
say("transpose", seed, hashlib.sha256(b"".join(column.to_bytes(16, "little") for column in columns)).hexdigest())
