#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes sha512_t.txt. Of SHA-512/t only t = 224 and 256 have published examples: this computes
the others from FIPS 180-4, with its own SHA-512, and checks itself against hashlib."""

import hashlib
import struct

MASK = (1 << 64) - 1


def primes(count):
    found = []
    n = 2
    while len(found) < count:
        if all(n % p for p in found):
            found.append(n)
        n += 1
    return found


def root(n, k):
    """The first 64 bits behind the point of the k-th root of n."""
    low, high = 0, n << 64
    target = n << (64 * k)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**k <= target:
            low = middle
        else:
            high = middle - 1
    return low & MASK


K = [root(p, 3) for p in primes(80)]
SHA512 = [root(p, 2) for p in primes(8)]


def turn(x, n):
    return (x >> n | x << (64 - n)) & MASK


def block(h, data):
    w = list(struct.unpack(">16Q", data))
    for i in range(16, 80):
        s0 = turn(w[i - 15], 1) ^ turn(w[i - 15], 8) ^ w[i - 15] >> 7
        s1 = turn(w[i - 2], 19) ^ turn(w[i - 2], 61) ^ w[i - 2] >> 6
        w.append((w[i - 16] + s0 + w[i - 7] + s1) & MASK)
    a, b, c, d, e, f, g, last = h
    for i in range(80):
        t1 = last + (turn(e, 14) ^ turn(e, 18) ^ turn(e, 41)) + (e & f ^ ~e & g) + K[i] + w[i]
        t2 = (turn(a, 28) ^ turn(a, 34) ^ turn(a, 39)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, last = (t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g
    return [(x + y) & MASK for x, y in zip(h, (a, b, c, d, e, f, g, last))]


def sha512(initial, data):
    padded = data + b"\x80" + bytes(-(len(data) + 17) % 128) + (len(data) * 8).to_bytes(16, "big")
    h = initial
    for at in range(0, len(padded), 128):
        h = block(h, padded[at : at + 128])
    return struct.pack(">8Q", *h)


def sha512_t(t, data):
    changed = [x ^ 0xA5A5A5A5A5A5A5A5 for x in SHA512]
    initial = list(struct.unpack(">8Q", sha512(changed, b"SHA-512/%d" % t)))
    out = bytearray(sha512(initial, data)[: (t + 7) // 8])
    out[-1] &= 0xFF << (len(out) * 8 - t) & 0xFF
    return bytes(out)


def hmac(t, key, data):
    key = sha512_t(t, key) if len(key) > 128 else key
    key += bytes(128 - len(key))
    inner = sha512_t(t, bytes(x ^ 0x36 for x in key) + data)
    return sha512_t(t, bytes(x ^ 0x5C for x in key) + inner)


def case(mechanism, operation, t, key, data, out=None, result=None):
    print("\nmechanism =", mechanism)
    print("operation =", operation)
    if key is not None:
        print("key.type = CKK_GENERIC_SECRET")
        print("key.VALUE =", key.hex())
    print("param =", t)
    print(("in = " + data.hex()).rstrip())
    print("out = " + out.hex() if result is None else "result = " + result)


def main():
    assert sha512(SHA512, b"abc") == hashlib.sha512(b"abc").digest()
    assert sha512_t(224, b"abc") == hashlib.new("sha512_224", b"abc").digest()
    assert sha512_t(256, b"abc") == hashlib.new("sha512_256", b"abc").digest()
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# SHA-512/t, its HMAC and its key derivation, made by make_sha512_t.py.")
    long = bytes(i & 0xFF for i in range(300))
    for t in (1, 7, 8, 9, 160, 224, 255, 256, 257, 383, 385, 504, 511):
        for data in (b"", b"abc", long[:111], long[:112], long[:128], long):
            case("CKM_SHA512_T", "digest", t, None, data, sha512_t(t, data))
        for key in (b"k", long[:128], long[:129]):
            case("CKM_SHA512_T_HMAC", "sign", t, key, b"what is signed", hmac(t, key, b"what is signed"))
        case("CKM_SHA512_T_KEY_DERIVATION", "derive", t, b"abc", b"", sha512_t(t, b"abc"))
    for t in (0, 384, 512, 513, 65536):
        bad = "CKR_MECHANISM_PARAM_INVALID"
        case("CKM_SHA512_T", "digest", t, None, b"", None, bad)
        case("CKM_SHA512_T_HMAC", "sign", t, b"k", b"", None, bad)
        case("CKM_SHA512_T_KEY_DERIVATION", "derive", t, b"abc", b"", None, bad)


if __name__ == "__main__":
    main()
