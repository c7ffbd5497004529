#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turns what `pkcs11-tool -O` prints of an elliptic curve public key into PEM for openssl.

Usage: spki.py LABEL <LISTING >PEM
(The tool's own way, --read-object --type pubkey, reads freed memory in its version 0.23.)
"""
import base64
import re
import sys

EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
# What modules say in CKA_EC_PARAMS for the curves that have an algorithm identifier of their own.
OWN_ALGORITHM = {
    "06032b6570": "06032b6570",
    "130c656477617264733235353139": "06032b6570",
    "06032b656e": "06032b656e",
    "130a63757276653235353139": "06032b656e",
}


def der(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 128 | size]) + length.to_bytes(size, "big") + content


def octet_string_content(data):
    """The content of a DER OCTET STRING; data that is none is given back as it is."""
    for header in (2, 3):
        if data[:1] == b"\x04" and der(4, data[header:]) == data:
            return data[header:]
    return data


def records(listing):
    """One dictionary of "name: value" lines per object."""
    record = {}
    for line in listing:
        if not line.startswith("  "):
            yield record
            record = {}
        name, separator, value = line.strip().partition(":")
        if separator:
            record[name] = value.split("(")[0].strip()
    yield record


def main():
    label = sys.argv[1]
    for record in records(sys.stdin):
        if record.get("label") == label and "EC_POINT" in record:
            break
    else:
        sys.exit(f"no elliptic curve key {label} in the listing")
    params = re.sub(r"[^0-9a-f]", "", record["EC_PARAMS"].lower())
    point = octet_string_content(bytes.fromhex(record["EC_POINT"]))
    if params in OWN_ALGORITHM:
        algorithm = der(0x30, bytes.fromhex(OWN_ALGORITHM[params]))
    else:
        algorithm = der(0x30, EC_PUBLIC_KEY + bytes.fromhex(params))
    spki = der(0x30, algorithm + der(3, b"\0" + point))
    print("-----BEGIN PUBLIC KEY-----")
    print(base64.encodebytes(spki).decode(), end="")
    print("-----END PUBLIC KEY-----")


if __name__ == "__main__":
    main()
