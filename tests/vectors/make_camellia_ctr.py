#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes camellia_ctr.txt: Camellia in counter mode, computed from the ECB mode of
pyca/cryptography, and compared with the first vector of RFC 5528."""

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import Camellia
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import Camellia
from cryptography.hazmat.primitives.ciphers import Cipher, modes

FIRST = (
    "ae6852f8121067cc4bf7a5765577f39e",
    "00000030000000000000000000000001",
    b"Single block msg",
    "d09dc29a8214619a20877c76db1f0b3f",
)
KEYS = tuple(bytes(range(size)).hex() for size in (16, 24, 32))
TEXT = bytes(i * 7 % 256 for i in range(100))


def ctr(key, counter, plain):
    ecb = Cipher(Camellia(key), modes.ECB()).encryptor()
    number, out = int.from_bytes(counter, "big"), b""
    for at in range(0, len(plain), 16):
        stream = ecb.update((number % (1 << 128)).to_bytes(16, "big"))
        out += bytes(a ^ b for a, b in zip(plain[at : at + 16], stream))
        number += 1
    return out


def case(operation, key, bits, counter, data, out=None, result=None):
    print("\nmechanism = CKM_CAMELLIA_CTR")
    print("operation =", operation)
    print("key.type = CKK_CAMELLIA")
    print("key.VALUE =", key)
    print("param.ulCounterBits =", bits)
    print("param.cb =", counter)
    print("in =", data.hex())
    print("out =" if result is None else "result =", out.hex() if result is None else result)


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# Camellia in counter mode, made by make_camellia_ctr.py. The first case is of RFC 5528.")
    key, counter, plain, out = FIRST
    assert ctr(bytes.fromhex(key), bytes.fromhex(counter), plain).hex() == out
    case("encrypt", key, 32, counter, plain, bytes.fromhex(out))
    for key in KEYS:
        counter = "00112233445566778899aabbfffffff0"
        for length in (0, 1, 15, 16, 17, 100):
            sealed = ctr(bytes.fromhex(key), bytes.fromhex(counter), TEXT[:length])
            case("encrypt", key, 32, counter, TEXT[:length], sealed)
            case("decrypt", key, 32, counter, sealed, TEXT[:length])
        sealed = ctr(bytes.fromhex(key), bytes.fromhex(counter), TEXT[:33])
        case("wrap", key, 64, counter, TEXT[:33], sealed)
        case("unwrap", key, 64, counter, sealed, TEXT[:33])
    whole = "ff" * 16
    sealed = ctr(bytes.fromhex(KEYS[0]), bytes.fromhex(whole), TEXT[:16])
    case("encrypt", KEYS[0], 128, whole, TEXT[:16], sealed)
    case("encrypt", KEYS[0], 128, whole, TEXT[:17], None, "CKR_DATA_LEN_RANGE")
    case("encrypt", KEYS[0], 4, "00" * 15 + "0f", TEXT[:17], None, "CKR_DATA_LEN_RANGE")
    for bits in (0, 129):
        case("encrypt", KEYS[0], bits, whole, TEXT, None, "CKR_MECHANISM_PARAM_INVALID")


if __name__ == "__main__":
    main()
