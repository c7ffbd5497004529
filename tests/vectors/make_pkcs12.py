#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes pkcs12.txt: keys and IVs from passwords by appendix B of RFC 7292, computed here, and
compared with the values that several libraries test themselves with ("smeg", "queeg")."""

import hashlib

V = 64


def repeated(text):
    size = V * ((len(text) + V - 1) // V)
    return (text * (size // len(text) + 1))[:size] if text else b""


def kdf(number, password, salt, rounds, length):
    data = bytearray(repeated(salt) + repeated(password))
    out = b""
    while len(out) < length:
        a = bytes([number]) * V + bytes(data)
        for _ in range(rounds):
            a = hashlib.sha1(a).digest()
        out += a
        b = int.from_bytes((a * 4)[:V], "big") + 1
        for at in range(0, len(data), V):
            value = (int.from_bytes(data[at : at + V], "big") + b) % (1 << (8 * V))
            data[at : at + V] = value.to_bytes(V, "big")
    return out[:length]


def bmp(text):
    return text.encode("utf-16-be") + b"\0\0"


def parity(key):
    return bytes(b & 0xFE | (bin(b >> 1).count("1") + 1) % 2 for b in key)


PUBLISHED = (
    (1, "smeg", "0a58cf64530d823f", 1, "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"),
    (2, "smeg", "0a58cf64530d823f", 1, "79993dfe048d3b76"),
    (1, "smeg", "642b99ab44fb4b1f", 1, "f3a95fec48d7711e985cfe67908c5ab79fa3d7c5caa5d966"),
    (2, "smeg", "642b99ab44fb4b1f", 1, "c0a38d64a79bea1d"),
    (3, "smeg", "3d83c0e4546ac140", 1, "8d967d88f6caa9d714800ab3d48051d63f73a312"),
    (1, "queeg", "05dec959acff72f7", 1000, "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4"),
    (2, "queeg", "05dec959acff72f7", 1000, "11dedad7758d4860"),
    (1, "queeg", "1682c0fc5b3f7ec5", 1000, "483dd6e919d7de2e8e648ba8f862f3fbfbdc2bcb2c02957f"),
    (2, "queeg", "1682c0fc5b3f7ec5", 1000, "9d461d1b00355c50"),
    (3, "queeg", "263216fcc2fab31c", 1000, "5ec4c7a80df652294c3925b6489a7ab857c83476"),
)

MECHANISMS = (
    ("CKM_PBE_SHA1_DES3_EDE_CBC", 24, 1),
    ("CKM_PBE_SHA1_DES2_EDE_CBC", 16, 1),
    ("CKM_PBA_SHA1_WITH_SHA1_HMAC", 20, 3),
    ("CKM_PBE_SHA1_RC2_128_CBC", 16, 1),
    ("CKM_PBE_SHA1_RC2_40_CBC", 5, 1),
    ("CKM_PBE_SHA1_RC4_128", 16, 1),
    ("CKM_PBE_SHA1_RC4_40", 5, 1),
)


def has_iv(name):
    return name.endswith("_CBC")


def case(name, password, salt, rounds, length, **more):
    print("\nmechanism =", name)
    print("operation = generate")
    if has_iv(name) and "no_iv" not in more:
        print("param.pInitVector = 0000000000000000")
    print("param.pPassword =", password.hex())
    print("param.pSalt =", salt.hex())
    print("param.ulIteration =", rounds)
    print("length =", length)
    for field in ("out", "iv", "result"):
        if field in more:
            print(field, "=", more[field])


def good(name, length, number, password, salt, rounds):
    key = kdf(number, password, salt, rounds, length)
    if "DES" in name:
        key = parity(key)
    if not has_iv(name):
        case(name, password, salt, rounds, length, out=key.hex())
    else:
        iv = kdf(2, password, salt, rounds, 8)
        case(name, password, salt, rounds, length, out=key.hex(), iv=iv.hex())


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# PKCS #12 with SHA-1, made by make_pkcs12.py. DES keys have their parity bits.")
    for number, password, salt, rounds, out in PUBLISHED:
        made = kdf(number, bmp(password), bytes.fromhex(salt), rounds, len(out) // 2)
        assert made.hex() == out
    inputs = [(bmp(p), bytes.fromhex(s), r) for n, p, s, r, _ in PUBLISHED if n != 2]
    inputs += [(b"", bytes(8), 3), (b"password", b"", 2), (bmp("x" * 70), bytes(range(130)), 5)]
    for name, length, number in MECHANISMS:
        for password, salt, rounds in inputs:
            good(name, length, number, password, salt, rounds)
        for wrong in (0, length - 1, length + 1):
            case(name, b"a", bytes(8), 1, wrong, result="CKR_KEY_SIZE_RANGE")
        case(name, b"", b"", 1, length, result="CKR_MECHANISM_PARAM_INVALID")
        for rounds in (0, 100000001, 0xFFFFFFFF):
            case(name, b"a", bytes(8), rounds, length, result="CKR_MECHANISM_PARAM_INVALID")
        if has_iv(name):
            case(name, b"a", bytes(8), 1, length, no_iv=True, result="CKR_MECHANISM_PARAM_INVALID")


if __name__ == "__main__":
    main()
