#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes salsa20_poly1305.txt. Nobody published cases of CKM_SALSA20_POLY1305: this computes them
from the definitions of Salsa20, HSalsa20 and Poly1305, put together as RFC 8439 does it."""

import struct


def rotate(x, n):
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def rounds(x):
    x = list(x)
    columns = [(0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11)]
    rows = [(0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14)]
    for _ in range(10):
        for a, b, c, d in columns + rows:
            x[b] ^= rotate((x[a] + x[d]) & 0xFFFFFFFF, 7)
            x[c] ^= rotate((x[b] + x[a]) & 0xFFFFFFFF, 9)
            x[d] ^= rotate((x[c] + x[b]) & 0xFFFFFFFF, 13)
            x[a] ^= rotate((x[d] + x[c]) & 0xFFFFFFFF, 18)
    return x


def state(key, middle):
    s = struct.unpack("<4I", b"expand 32-byte k")
    k = struct.unpack("<8I", key)
    m = struct.unpack("<4I", middle)
    return [s[0], *k[:4], s[1], *m, s[2], *k[4:], s[3]]


def block(key, nonce, counter):
    x = state(key, nonce + struct.pack("<Q", counter))
    return struct.pack("<16I", *[(a + b) & 0xFFFFFFFF for a, b in zip(x, rounds(x))])


def stream(key, nonce, length):
    if len(nonce) == 24:
        x = rounds(state(key, nonce[:16]))
        key = struct.pack("<8I", *[x[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)])
        nonce = nonce[16:]
    blocks = (length + 63) // 64
    return b"".join(block(key, nonce, i) for i in range(blocks))[:length]


def poly1305(key, message):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total += int.from_bytes(message[at : at + 16] + b"\x01", "little")
        total = total * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) % (1 << 128)).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


def seal(key, nonce, aad, plain):
    keys = stream(key, nonce, 64 + len(plain))
    sealed = bytes(a ^ b for a, b in zip(plain, keys[64:]))
    lengths = struct.pack("<QQ", len(aad), len(plain))
    return sealed + poly1305(keys[:32], padded(aad) + padded(sealed) + lengths)


def case(operation, key, nonce, aad, data, out, result=None):
    print("\nmechanism = CKM_SALSA20_POLY1305")
    print("operation =", operation)
    print("key.type = CKK_SALSA20")
    print("key.VALUE =", key.hex())
    print("param.pNonce =", nonce.hex())
    print("param.pAAD =", aad.hex())
    print("in =", data.hex())
    if result is None:
        print("out =", out.hex())
    else:
        print("result =", result)


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# Salsa20-Poly1305 as RFC 8439 puts ChaCha20 and Poly1305 together, which the standard does")
    print("# not say: made by make_salsa20_poly1305.py, which has its own arithmetic.")
    key = bytes(range(32))
    for nonce in (bytes(range(40, 48)), bytes(range(40, 64))):
        for aad, plain in ((b"", b""), (b"aad", b"a"), (bytes(16), bytes(64)), (b"x" * 33, b"y" * 111)):
            sealed = seal(key, nonce, aad, plain)
            case("encrypt", key, nonce, aad, plain, sealed)
            case("decrypt", key, nonce, aad, sealed, plain)
            for at in {0, len(sealed) - 1}:
                bad = bytearray(sealed)
                bad[at] ^= 1
                case("decrypt", key, nonce, aad, bytes(bad), b"", "CKR_ENCRYPTED_DATA_INVALID")
            case("decrypt", key, nonce, aad + b"x", sealed, b"", "CKR_ENCRYPTED_DATA_INVALID")
        case("decrypt", key, nonce, b"", bytes(15), b"", "CKR_ENCRYPTED_DATA_LEN_RANGE")
    for length in (0, 7, 12, 23, 25):
        case("encrypt", key, bytes(length), b"", b"a", b"", "CKR_MECHANISM_PARAM_INVALID")


if __name__ == "__main__":
    main()
