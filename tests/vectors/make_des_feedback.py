#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes des_feedback.txt: DES in OFB and CFB with 64 and 8 bits, computed from the definitions in
FIPS 81 and the ECB mode of pyca/cryptography, and compared with what is published."""

try:
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

TEXT = b"Now is the time for all good men to come to the aid"
IV = bytes.fromhex("1234567890abcdef")
KEYS = (
    ("CKK_DES", "0123456789abcdef"),
    ("CKK_DES2", "0123456789abcdeffedcba9876543210"),
    ("CKK_DES3", "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210"),
)

# FIPS 81, appendices D and E: the first 24 bytes with the first key.
PUBLISHED = {
    "CFB64": "f3096249c7f46e51a69e839b1a92f78403467133898ea622",
    "CFB8": "f31fda07011462ee187f43d80a7cd9b5b0d290da6e5b9a87",
    "OFB64": "f3096249c7f46e5135f24a242eeb3d3f3d6d5be3255af8c3",
}


def feedback(mode, size, key, plain):
    whole = (key * 3)[:24] if len(key) != 16 else key + key[:8]
    ecb = Cipher(TripleDES(whole), modes.ECB()).encryptor()
    register, out = IV, b""
    for at in range(0, len(plain), size):
        stream = ecb.update(register)[:size]
        segment = bytes(a ^ b for a, b in zip(plain[at : at + size], stream))
        register = (register + (segment if mode == "CFB" else stream))[-8:]
        out += segment
    return out


def case(name, operation, key_type, key, iv, data, out=None, result=None):
    print("\nmechanism = CKM_DES_" + name)
    print("operation =", operation)
    print("key.type =", key_type)
    print("key.VALUE =", key)
    print("param =", iv.hex())
    print("in =", data.hex())
    print("out =" if result is None else "result =", out.hex() if result is None else result)


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# DES and triple DES in OFB and CFB, made by make_des_feedback.py. The first 24 bytes of")
    print("# single DES are those of FIPS 81.")
    for name, mode, size in (("OFB64", "OFB", 8), ("OFB8", "OFB", 1), ("CFB64", "CFB", 8), ("CFB8", "CFB", 1)):
        first = bytes.fromhex(KEYS[0][1])
        assert name not in PUBLISHED or feedback(mode, size, first, TEXT[:24]).hex() == PUBLISHED[name]
        for key_type, key in KEYS:
            for length in (0, 1, 7, 8, 9, 24, 51):
                plain = TEXT[:length]
                sealed = feedback(mode, size, bytes.fromhex(key), plain)
                case(name, "encrypt", key_type, key, IV, plain, sealed)
                case(name, "decrypt", key_type, key, IV, sealed, plain)
        for length in (0, 7, 9, 16):
            case(name, "encrypt", *KEYS[0], bytes(length), TEXT, None, "CKR_MECHANISM_PARAM_INVALID")
        for wrong in ("01234567", KEYS[2][1] + KEYS[0][1]):
            case(name, "encrypt", "CKK_DES", wrong, IV, TEXT, None, "CKR_KEY_SIZE_RANGE")


if __name__ == "__main__":
    main()
