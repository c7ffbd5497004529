#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes aes_cfb64.txt. SP 800-38A has no examples of AES with 64 bits of feedback: this computes
them from its definition and the ECB mode of pyca/cryptography."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TEXT = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
KEYS = (
    "2b7e151628aed2a6abf7158809cf4f3c",
    "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
)
IV = bytes(range(16))


def cfb64(key, iv, plain):
    ecb = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    register, out = iv, b""
    for at in range(0, len(plain), 8):
        stream = ecb.update(register)
        segment = bytes(a ^ b for a, b in zip(plain[at : at + 8], stream))
        register = register[8:] + segment
        out += segment
    return out


def case(operation, key, iv, data, out=None, result=None):
    print("\nmechanism = CKM_AES_CFB64")
    print("operation =", operation)
    print("key.type = CKK_AES")
    print("key.VALUE =", key)
    print("param =", iv.hex())
    print("in =", data.hex())
    print("out =" if result is None else "result =", out.hex() if result is None else result)


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# AES with 64 bits of feedback, made by make_aes_cfb64.py.")
    for key in KEYS:
        for length in (0, 1, 7, 8, 9, 16, 33, 64):
            plain = TEXT[:length]
            sealed = cfb64(bytes.fromhex(key), IV, plain)
            case("encrypt", key, IV, plain, sealed)
            case("decrypt", key, IV, sealed, plain)
        sealed = cfb64(bytes.fromhex(key), IV, TEXT[:21])
        case("wrap", key, IV, TEXT[:21], sealed)
        case("unwrap", key, IV, sealed, TEXT[:21])
    for length in (0, 8, 15, 17):
        case("encrypt", KEYS[0], bytes(length), TEXT, None, "CKR_MECHANISM_PARAM_INVALID")


if __name__ == "__main__":
    main()
