#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns the DNSKEY record of BIND's .key file into a public key in PEM.

Usage: dnskey.py <K....key >PEM
       dnskey.py --signature <R-AND-S >DER     DSA's two numbers as openssl wants them
"""
import base64
import sys

RSA = {1, 5, 7, 8, 10}
DSA = {3, 6}
EC = {13: "06082a8648ce3d030107", 14: "06052b81040022"}
EDWARDS = {15: "06032b6570", 16: "06032b6571"}


def der(tag, *contents):
    content = b"".join(contents)
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 128 | size]) + length.to_bytes(size, "big") + content


def integer(data):
    number = int.from_bytes(data, "big")
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def spki(algorithm, key):
    return der(0x30, der(0x30, *algorithm), der(3, b"\0", key))


def rsa(key):
    """RFC 3110: the exponent with its length, then the modulus."""
    length, start = (key[0], 1) if key[0] else (int.from_bytes(key[1:3], "big"), 3)
    exponent, modulus = key[start : start + length], key[start + length :]
    algorithm = bytes.fromhex("06092a864886f70d0101010500")
    return spki([algorithm], der(0x30, integer(modulus), integer(exponent)))


def dsa(key):
    """RFC 2536: a number that gives the length of p, then q, p, g, y."""
    size = 64 + 8 * key[0]
    q, rest = key[1:21], key[21:]
    p, g, y = rest[:size], rest[size : 2 * size], rest[2 * size :]
    parameters = der(0x30, integer(p), integer(q), integer(g))
    return spki([bytes.fromhex("06072a8648ce380401"), parameters], integer(y))


def public_key(algorithm, key):
    if algorithm in RSA:
        return rsa(key)
    if algorithm in DSA:
        return dsa(key)
    if algorithm in EC:
        return spki([bytes.fromhex("06072a8648ce3d0201" + EC[algorithm])], b"\x04" + key)
    return spki([bytes.fromhex(EDWARDS[algorithm])], key)


def signature(numbers):
    half = len(numbers) // 2
    return der(0x30, integer(numbers[:half]), integer(numbers[half:]))


def main():
    if sys.argv[1:] == ["--signature"]:
        sys.stdout.buffer.write(signature(sys.stdin.buffer.read()))
        return
    for line in sys.stdin:
        fields = line.split(";")[0].split()
        if "DNSKEY" in fields:
            rdata = fields[fields.index("DNSKEY") + 1 :]
            text = base64.encodebytes(public_key(int(rdata[2]), base64.b64decode("".join(rdata[3:]))))
            # openssl's lines have 64 characters, Python's 76.
            text = text.replace(b"\n", b"").decode()
            print("-----BEGIN PUBLIC KEY-----")
            for at in range(0, len(text), 64):
                print(text[at : at + 64])
            print("-----END PUBLIC KEY-----")


if __name__ == "__main__":
    main()
