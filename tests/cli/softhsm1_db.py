#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes databases as SoftHSM 1 left them, of the RSA keys in BIND's files.

Usage: softhsm1_db.py FOLDER KEY.private KEY.private

  good.db     both keys, pairs 1 and 2, 5 and 6
  lacks.db    objects that lack one attribute each
  odd.db      objects that are not to be migrated, and one that is
  session.db  one key pair, of which the private key is a session object
  damaged.db  a private key whose parts do not belong together
  *.db        what is wrong with the database itself, by name
"""
import base64
import sqlite3
import struct
import sys
from pathlib import Path

VENDOR, CLASS, TOKEN, PRIVATE, LABEL, ID = 0x80000000, 0, 1, 2, 3, 0x102
KEY_TYPE, LOCAL, MECHANISM = 0x100, 0x163, 0x166
MODULUS, BITS, PUBLIC_EXPONENT, PRIME_1 = 0x120, 0x121, 0x122, 0x124
TABLES = {
    "Token": "CREATE TABLE Token (variableID INTEGER PRIMARY KEY, value TEXT)",
    "Objects": "CREATE TABLE Objects (objectID INTEGER PRIMARY KEY)",
    "Attributes": "CREATE TABLE Attributes (attributeID INTEGER PRIMARY KEY, objectID INTEGER,"
    " type INTEGER, value BLOB, length INTEGER)",
}
NUMBERS = ("Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2")
TRUE, FALSE = b"\1", b"\0"


def ulong(number):
    return struct.pack("@L", number)


def make(path, objects, version=100, tables=TABLES):
    database = sqlite3.connect(path)
    for table in tables:
        database.execute(TABLES[table])
    database.execute(f"PRAGMA user_version = {version}")
    for number, attributes in objects.items():
        database.execute("INSERT INTO Objects VALUES (?)", (number,))
        for kind, value in attributes.items():
            row = (number, kind, value or None, len(value))
            database.execute(
                "INSERT INTO Attributes (objectID, type, value, length) VALUES (?, ?, ?, ?)", row
            )
    database.commit()
    database.close()


def fields(path):
    lines = Path(path).read_text(encoding="ascii").splitlines()
    pairs = [line.split(": ", 1) for line in lines]
    return {name: base64.b64decode(value) for name, value in pairs if name in NUMBERS}


def pair(path, label, ident):
    key = fields(path)
    common = {
        VENDOR: ulong(4711), KEY_TYPE: ulong(0), MECHANISM: ulong(0), LOCAL: TRUE,
        LABEL: label, ID: ident, 0x101: b"", 0x170: TRUE, TOKEN: TRUE, 0x10C: FALSE,
        0x110: b"", 0x111: b"", MODULUS: key["Modulus"], PUBLIC_EXPONENT: key["PublicExponent"],
    }
    public = {
        **common, CLASS: ulong(2), PRIVATE: FALSE, 0x104: TRUE, 0x10A: TRUE, 0x10B: TRUE,
        0x106: FALSE, BITS: ulong(8 * len(key["Modulus"])),
    }
    private = {
        **common, CLASS: ulong(3), PRIVATE: TRUE, 0x210: TRUE, 0x105: FALSE, 0x108: TRUE,
        0x109: TRUE, 0x107: FALSE, 0x103: TRUE, 0x165: TRUE, 0x162: FALSE, 0x164: TRUE,
        0x123: key["PrivateExponent"], PRIME_1: key["Prime1"], 0x125: key["Prime2"],
    }
    return public, private


def without(attributes, kind):
    return {other: value for other, value in attributes.items() if other != kind}


def main():
    folder = Path(sys.argv[1])
    public, private = pair(sys.argv[2], b"one", b"\1\2")
    public2, private2 = pair(sys.argv[3], b"two", b"\xa1")
    make(folder / "good.db", {1: public, 2: private, 5: public2, 6: private2})
    lacking = [without(public, kind) for kind in sorted(public)] + [without(private, kind) for kind in sorted(private)]
    make(folder / "lacks.db", dict(enumerate(lacking, 1)))
    odd = [
        {CLASS: ulong(1), 0x80: ulong(0), LABEL: b"c", TOKEN: TRUE},
        {CLASS: ulong(4), KEY_TYPE: ulong(0x1F)},
        {**public, KEY_TYPE: ulong(3)},
        {**public, CLASS: b"\2"},
        {**public, CLASS: b""},
        public2,
    ]
    make(folder / "odd.db", dict(enumerate(odd, 1)))
    make(folder / "session.db", {1: public, 2: {**private, TOKEN: FALSE}})
    make(folder / "damaged.db", {1: {**private, PRIME_1: private2[PRIME_1]}})
    make(folder / "narrow.db", {1: {**public, CLASS: struct.pack("=I", 2), KEY_TYPE: struct.pack("=I", 0)}})
    make(folder / "empty.db", {})
    make(folder / "version.db", {1: public}, version=99)
    for table in TABLES:
        make(folder / f"no{table}.db", {}, tables=[other for other in TABLES if other != table])


if __name__ == "__main__":
    main()
