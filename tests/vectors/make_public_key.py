#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes public_key.txt: the SubjectPublicKeyInfo of private keys. RSA and Diffie-Hellman keys
and the group of DSA are those of the other files here, curves' are published; the public halves and
their encodings are pyca/cryptography's."""

import os
import re

from cryptography.hazmat.primitives.asymmetric import dh, dsa, ec, ed448, ed25519, rsa, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FOLDER = os.path.dirname(os.path.abspath(__file__))
CURVES = (
    # RFC 6979, A.2.5 to A.2.7.
    (ec.SECP256R1, "06082a8648ce3d030107", 32, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
    (
        ec.SECP384R1,
        "06052b81040022",
        48,
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
    ),
    (
        ec.SECP521R1,
        "06052b81040023",
        66,
        "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc1466f6d8"
        "fbec67db89ec0c08b0e996b83538",
    ),
)
# RFC 8032, 7.1 and 7.4; RFC 7748, 6.1 and 6.2.
MODERN = (
    ("CKK_EC_EDWARDS", ed25519.Ed25519PrivateKey, "06032b6570", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    (
        "CKK_EC_EDWARDS",
        ed448.Ed448PrivateKey,
        "06032b6571",
        "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549"
        "a20098f95b",
    ),
    ("CKK_EC_MONTGOMERY", x25519.X25519PrivateKey, "06032b656e", "77076d0a7318a57d3c16c17251b26645df4c6f58d2a31c6cc44cafc1ba4c3dfa"),
    (
        "CKK_EC_MONTGOMERY",
        x448.X448PrivateKey,
        "06032b656f",
        "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0"
        "a598726b",
    ),
)
MODERN_SETS = (
    ("CKK_ML_DSA", "CKP_ML_DSA_%s", "mldsa", "MLDSA%sPrivateKey", ("44", "65", "87"), 32),
    ("CKK_ML_KEM", "CKP_ML_KEM_%s", "mlkem", "MLKEM%sPrivateKey", ("768", "1024"), 64),
)


def line(name, text):
    if len(name) + len(text) <= 96:
        print(name, "=", text)
        return
    print(name, "=")
    for at in range(0, len(text), 92):
        print("    " + text[at : at + 92])


def tlv(tag, *contents):
    body = b"".join(contents)
    count = (len(body).bit_length() + 7) // 8
    head = bytes([tag]) if len(body) < 128 else bytes([tag, 128 + count])
    return head + len(body).to_bytes(count, "big") + body


def integer(value):
    return tlv(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


class Pkcs3:
    """OpenSSL gives groups that it knows another form."""

    def __init__(self, p, g, y):
        algorithm = tlv(0x30, bytes.fromhex("06092a864886f70d010301"), tlv(0x30, integer(p), integer(g)))
        self.der = tlv(0x30, algorithm, tlv(3, b"\0", integer(y)))

    def public_bytes(self, _encoding, _form):
        return self.der


def case(key_type, fields, public=None, **more):
    print("\nmechanism = CKM_PUB_KEY_FROM_PRIV_KEY")
    print("operation = publish")
    print("key.type =", key_type)
    for name, value in fields.items():
        line("key." + name, value)
    if public is not None:
        line("out", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex())
    for name, value in more.items():
        print(name, "=", value)


def found(file, mechanism):
    """The key of a file's first case with that mechanism that works."""
    with open(os.path.join(FOLDER, file), encoding="ascii") as text:
        joined = re.sub(r"\n +", "", text.read())
    for one in joined.split("\n\n"):
        if "mechanism = %s\n" % mechanism in one and "result" not in one:
            return dict(re.findall(r"^key\.([A-Z0-9_]+) = *([0-9a-f]+)$", one, re.M))
    raise ValueError(file)


def number(key, name):
    return int(key[name], 16)


def only(key, *names):
    return dict(private="yes", **{name: key[name] for name in names})


def make_rsa():
    key = found("rsa_pkcs1.txt", "CKM_MD5_RSA_PKCS")
    public = rsa.RSAPublicNumbers(number(key, "PUBLIC_EXPONENT"), number(key, "MODULUS")).public_key()
    case("CKK_RSA", dict(private="yes", **key), public)
    case("CKK_RSA", only(key, "MODULUS", "PUBLIC_EXPONENT", "PRIVATE_EXPONENT"), public)
    case("CKK_RSA", only(key, "MODULUS", "PRIVATE_EXPONENT", "PRIME_1", "PRIME_2"), public)


def make_groups():
    key = found("dsa.txt", "CKM_DSA_SHA1")
    key["VALUE"] = bytes(range(1, 21)).hex()
    p, g = number(key, "PRIME"), number(key, "BASE")
    numbers = dsa.DSAParameterNumbers(p, number(key, "SUBPRIME"), g)
    public = dsa.DSAPublicNumbers(pow(g, number(key, "VALUE"), p), numbers).public_key()
    case("CKK_DSA", only(key, "PRIME", "SUBPRIME", "BASE", "VALUE"), public)
    key = found("dh.txt", "CKM_DH_PKCS_DERIVE")
    p, g = number(key, "PRIME"), number(key, "BASE")
    public = Pkcs3(p, g, pow(g, number(key, "VALUE"), p))
    case("CKK_DH", only(key, "PRIME", "BASE", "VALUE"), public)
    key = found("dh.txt", "CKM_X9_42_DH_DERIVE")
    p, g = number(key, "PRIME"), number(key, "BASE")
    numbers = dh.DHParameterNumbers(p, g, number(key, "SUBPRIME"))
    public = dh.DHPublicNumbers(pow(g, number(key, "VALUE"), p), numbers).public_key()
    case("CKK_X9_42_DH", only(key, "PRIME", "SUBPRIME", "BASE", "VALUE"), public)


def make_curves():
    for curve, oid, _, scalar in CURVES:
        public = ec.derive_private_key(int(scalar, 16), curve()).public_key()
        case("CKK_EC", dict(private="yes", EC_PARAMS=oid, VALUE=scalar), public)
    for key_type, kind, oid, private in MODERN:
        public = kind.from_private_bytes(bytes.fromhex(private)).public_key()
        case(key_type, dict(private="yes", EC_PARAMS=oid, VALUE=private), public)


def make_lattices():
    from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem

    modules = {"mldsa": mldsa, "mlkem": mlkem}
    for key_type, parameter_set, module, kind, sizes, length in MODERN_SETS:
        for size in sizes:
            seed = bytes(range(length))
            public = getattr(modules[module], kind % size).from_seed_bytes(seed).public_key()
            fields = dict(private="yes", parameter_set=parameter_set % size, SEED=seed.hex())
            case(key_type, fields, public, may_lack="CKR_KEY_TYPE_INCONSISTENT")


def make_refused():
    _, oid, length, scalar = CURVES[0]
    case("CKK_EC", dict(EC_PARAMS=oid, VALUE=scalar), result="CKR_KEY_TYPE_INCONSISTENT")
    case("CKK_EC", dict(private="yes", EC_PARAMS=oid, VALUE="ff" * length), result="CKR_ATTRIBUTE_VALUE_INVALID")
    case("CKK_EC", dict(private="yes", EC_PARAMS=oid, VALUE="00" * length), result="CKR_ATTRIBUTE_VALUE_INVALID")


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# Public halves of private keys, made by make_public_key.py: keys of the other files here,")
    print("# of RFC 6979, RFC 8032 and RFC 7748, and seeds that count up.")
    make_rsa()
    make_groups()
    make_curves()
    make_lattices()
    make_refused()


if __name__ == "__main__":
    main()
