#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints known answers of ML-DSA (argument ml_dsa) and SLH-DSA (argument slh_dsa).

The signatures are computed by other programs, whose folders are the further arguments:
  github.com/GiacomoPope/dilithium-py (its src/), an ML-DSA in Python;
  github.com/mjosaarinen/slh-dsa-py, an SLH-DSA in Python by the author of the scheme's C reference.
What they sign, M' of FIPS 204 and 205, is put together here. All signatures are deterministic.
Keys of ML-DSA are made from the seeds that follow (of 44, 65 and 87).
"""
import hashlib
import sys
import types

HASHES = [  # name in CKM_HASH_..., hashlib's, length, end of the object identifier
    ("SHA224", "sha224", 28, 4), ("SHA256", "sha256", 32, 1), ("SHA384", "sha384", 48, 2),
    ("SHA512", "sha512", 64, 3), ("SHA3_224", "sha3_224", 28, 7), ("SHA3_256", "sha3_256", 32, 8),
    ("SHA3_384", "sha3_384", 48, 9), ("SHA3_512", "sha3_512", 64, 10),
    ("SHAKE128", "shake_128", 32, 11), ("SHAKE256", "shake_256", 64, 12),
]
MESSAGE = b"a message for the signatures of this file"
CONTEXT = b"context"


def field(name, value):
    text = f"{name} = {value.hex()}"
    if len(text) <= 100:
        return text
    lines = [text[:100]] + ["  " + text[i:i + 98] for i in range(100, len(text), 98)]
    return "\n".join(lines)


def digest(row, message):
    maker = hashlib.new(row[1], message)
    return maker.digest(row[2]) if row[1].startswith("shake") else maker.digest()


def pure(message, context):
    return b"\0" + bytes([len(context)]) + context + message


def hashed(row, value, context):
    oid = bytes([6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, row[3]])
    return b"\1" + bytes([len(context)]) + context + oid + value


class Family:
    """One algorithm: how it signs M' and how its keys are written."""

    def __init__(self, name, sign):
        self.name, self.sign = name, sign

    def case(self, mechanism, key, private, message, to_sign, context, extra=()):
        print(f"mechanism = CKM_{mechanism}")
        print("operation = " + ("sign" if private else "verify"))
        print(f"key.type = CKK_{self.name}")
        print(f"key.parameter_set = CKP_{self.name}_{key['set'].upper()}")
        if private:
            print("key.private = yes")
        print(field("key.VALUE", key["sk"]) if private else field("key.PUBLIC", key["pk"]))
        if context or extra or private:
            print("param.hedgeVariant = " +
                  ("CKH_DETERMINISTIC_REQUIRED" if private else "CKH_HEDGE_PREFERRED"))
            print(field("param.pContext", context))
        for line in extra:
            print(line)
        print(field("in", message))
        print(field("out", self.sign(key, to_sign)))
        print()

    def pure(self, key, private, context):
        self.case(self.name, key, private, MESSAGE, pure(MESSAGE, context), context)

    def hashing(self, key, private):
        for row in HASHES:
            value = digest(row, MESSAGE)
            self.case(f"HASH_{self.name}_{row[0]}", key, private, MESSAGE,
                      hashed(row, value, CONTEXT), CONTEXT)

    def hashed(self, key, private, row):
        value = digest(row, MESSAGE)
        self.case(f"HASH_{self.name}", key, private, value, hashed(row, value, CONTEXT), CONTEXT,
                  [f"param.hash = CKM_{row[0]}"])


def print_ml_dsa(folder, seeds):
    sys.path.insert(0, folder)
    from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87

    def key_of(number, engine):
        pk, sk = engine._keygen_internal(bytes.fromhex(seeds[number]))
        return {"set": number, "engine": engine, "pk": pk, "sk": sk}

    keys = [key_of("44", ML_DSA_44), key_of("65", ML_DSA_65), key_of("87", ML_DSA_87)]
    family = Family("ML_DSA", lambda key, m: key["engine"]._sign_internal(key["sk"], m, bytes(32)))
    for key in keys:
        for context in (b"", CONTEXT, bytes(range(255))):
            family.pure(key, True, context)
        family.pure(key, False, CONTEXT)
    family.hashing(keys[0], True)
    family.hashed(keys[1], True, HASHES[1])
    family.hashed(keys[2], False, HASHES[7])


def stand_in():
    """The one thing that slh-dsa-py wants of pycryptodome."""
    def sponge(data):
        return types.SimpleNamespace(read=lambda n: hashlib.shake_256(data).digest(n))
    module = types.ModuleType("Crypto.Hash")
    module.SHAKE256 = types.SimpleNamespace(new=sponge)
    module.SHA256 = types.SimpleNamespace(new=hashlib.sha256)
    module.SHA512 = types.SimpleNamespace(new=hashlib.sha512)
    sys.modules["Crypto"], sys.modules["Crypto.Hash"] = types.ModuleType("Crypto"), module


def print_slh_dsa(folder):
    sys.path.insert(0, folder)
    stand_in()
    import slh_dsa

    def key_of(name):
        engine = getattr(slh_dsa, "SLH_DSA_" + name)
        engine.set_random(lambda n: hashlib.shake_256(name.encode()).digest(n))
        pk, sk = engine.keygen()
        return {"set": name, "engine": engine, "pk": pk, "sk": sk}

    family = Family("SLH_DSA", lambda key, m: key["engine"].slh_sign(m, key["sk"], False))
    for name in ("SHA2_128f", "SHAKE_128f"):
        family.pure(key_of(name), True, CONTEXT)
    for name in ("SHA2_128s", "SHAKE_128s", "SHA2_192s"):
        family.pure(key_of(name), False, b"")
    small = key_of("SHA2_128s")
    family.hashing(small, False)
    family.hashed(small, False, HASHES[1])


if __name__ == "__main__":
    if sys.argv[1] == "ml_dsa":
        print_ml_dsa(sys.argv[2], dict(zip(("44", "65", "87"), sys.argv[3:])))
    else:
        print_slh_dsa(sys.argv[2])
