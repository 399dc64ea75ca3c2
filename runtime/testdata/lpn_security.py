#!/usr/bin/env python3
"""Estimates how hard the LPN instances of silent OT are: bits of work, for the attacks known to the author.

    python3 lpn_security.py [N SECRET TREES]

The noise is regular: one set bit in each of t blocks of n/t. Written from the papers; costs are in operations of one bit or
block, memory is free, and an iteration of linear algebra costs no more than k^2.8. So figures are on the low side.
"""

import math
import sys


def log_binomial(n, k):
    return (math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)) / math.log(2)


def gauss(n, k, t):
    """Pooled Gauss (Esser, Kuebler, May, CRYPTO 2017), as in ePrint 2022/712; each block is a free equation."""
    n, k = n - t, k - t
    return 2.8 * math.log2(k) + log_binomial(n, t) - log_binomial(n - k, t)


def permutation(n, k, t):
    """Permutation-based regular ISD (Esser, Santini, CRYPTO 2024, ePrint 2023/1568)."""
    return 2.8 * math.log2(k - t) - t * math.log2(1 - (k - t) / n)


def enumeration(n, k, t):
    """Enumeration-based regular ISD (the same)."""
    b, k = n // t, k - t
    best = math.inf
    for p in range(0, 30, 2):
        size = log_binomial(t // 2, p // 2) + math.log2(k / t) * p / 2
        for window in range(math.ceil(size / 2), min(round(size * 1.5), n - k) + 1):
            v = (k + window) / t
            success = 2 * log_binomial(t // 2, p // 2) + p * math.log2(v / b) + (t - p) * math.log2(1 - v / b)
            lists = log_binomial(t // 2, p // 2) + math.log2(v) * p / 2
            work = math.log2(n) + max(2 * math.log2(k), 1 + lists, 2 * lists - window)
            best = min(best, work - success)
    return best


def statistical(n, k, t):
    """Statistical decoding 2.0 (Carrier, Debris-Alazard, Meyer-Hilfiger, Tillich, ASIACRYPT 2022), as in 2022/712."""
    bits = math.floor(gauss(n, k, t))
    n, k = n - t, k - t - bits
    return math.log2(k + 1) + 2 * t * math.log2((n - t + 1) / (n - k - t))


def binomial(a, j):
    product = 1
    for i in range(j):
        product = product * (a - i) // (i + 1)
    return product


def times(a, b):
    return [sum(a[i] * b[d - i] for i in range(d + 1)) for d in range(len(a))]


def series(n, k, t, f, mu, degree):
    """Monomials of each degree, and the Hilbert series, where mu positions in each of f blocks are guessed to be 0."""
    b = n // t
    guessed = [binomial(f, j) * (b - mu - 1) ** j for j in range(degree + 1)]
    others = [binomial(t - f, j) * (b - 1) ** j for j in range(degree + 1)]
    monomials = times(guessed, others)
    return monomials, times(monomials, [binomial(k - n, j) for j in range(degree + 1)])


def solving_degree(hilbert):
    return next((d for d in range(2, len(hilbert)) if hilbert[d] <= 0), None)


def algebraic(n, k, t, degree=8):
    """Briaud, Oygarden (EUROCRYPT 2023, ePrint 2023/176), over F_2, with Wiedemann's algorithm."""
    b, best = n // t, math.inf
    for mu in sorted({b * i // 64 for i in range(33)} | set(range(min(b, 70)))):
        for f in {t * i // 16 for i in range(17)}:
            if f * mu > k:
                continue
            monomials, hilbert = series(n, k, t, f, mu, degree)
            d = solving_degree(hilbert)
            if d:
                size = math.log2(sum(monomials[1 : d + 1]))
                best = min(best, 2 * size + math.log2(3 * (k + 1 - f * mu)) - f * math.log2(1 - mu / b))
    return best


def hybrid(n, k, t):
    """Wang and others (ASIACRYPT 2025, ePrint 2025/1284), over F_2: guess, then linearise quadratic equations."""
    b, best = n // t, math.inf
    for u in range(b - 1):
        for g in range(8):
            for f in [t * i // 8 for i in range(8)]:
                if t - g - f < 0:
                    continue
                success = f * math.log2(1 - (u + 1) / b) + (t - g - f) * math.log2(1 - u / b)
                left = k - t - (u + 1) * f - (t - f - g) * u
                work = 2.8 * math.log2(k)
                if left > 0:
                    equations = (t - f - g) * (b - u - 2) * (b - u - 1) / 2 + f * (b - u - 2) * (b - u - 3) / 2
                    w = (b - 1) * g
                    v = left - w
                    if v < 0 or v > math.sqrt(2 * equations) - 2:
                        continue
                    linear = 4 * math.log2(max(v, 1)) + 2 * math.log2(left) - 3 - math.log2(math.log2(max(v * v / 2, 4)))
                    check = math.log2(max(1, 2 * v * v * w + v * w * w + (2.5 * v) ** 3)) + g * math.log2(b)
                    work = max(work, linear, check)
                best = min(best, work - success)
    return best


def sparse(n, k, t, locality=10, degree=9):
    """Our own worst case, in no paper: the algebraic attack on the bits of the secret, in which every equation of a
    d-local code has about d^2 monomials, so that Wiedemann's algorithm takes 3 d^2 N^2 for N monomials, and each guess
    removes an unknown and leaves equations as sparse as before."""
    b, best = n // t, math.inf
    for mu in range(b // 2 + 1):
        unknowns = k - t - mu * t
        if unknowns <= degree:
            break
        d = solving_degree(series(n, k, t, t, mu, degree)[1])
        if d:
            work = 2 * log_binomial(unknowns, d) + math.log2(3 * locality**2)
            best = min(best, work - t * math.log2(1 - mu / b))
    return best


ATTACKS = [gauss, permutation, enumeration, statistical, algebraic, hybrid, sparse]

# What `ot/silent/mod.rs` takes: blocks of an iteration, bits of the secret, trees.
instance = tuple(int(field) for field in sys.argv[1:4]) if len(sys.argv) > 3 else (1 << 20, 1 << 16, 2048)
print("n {}, k {}, t {}".format(*instance))
for attack in ATTACKS:
    print(f"{attack(*instance):6.0f}  {attack.__name__}")
