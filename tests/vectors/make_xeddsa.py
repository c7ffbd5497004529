#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes xeddsa.txt, with an implementation of its own of "The XEdDSA and VXEdDSA Signature Schemes",
revision 1, in affine Edwards coordinates. It checks itself against the one case that the library
of those who wrote the scheme has."""

import hashlib

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
BASE_Y = 4 * pow(5, -1, P) % P
HASHES = {
    "CKM_SHA512": lambda data: hashlib.sha512(data).digest(),
    "CKM_SHA256": lambda data: hashlib.sha256(data).digest(),
    "CKM_SHA3_256": lambda data: hashlib.sha3_256(data).digest(),
    "CKM_SHA3_512": lambda data: hashlib.sha3_512(data).digest(),
    "CKM_BLAKE2B_256": lambda data: hashlib.blake2b(data, digest_size=32).digest(),
    "CKM_BLAKE2B_512": lambda data: hashlib.blake2b(data).digest(),
}


def x_of(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert (x * x - square) % P == 0
    return P - x if x & 1 != sign else x


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - k, -1, P)
    return x % P, y % P


def mul(scalar, point):
    result = (0, 1)
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


BASE = (x_of(BASE_Y, 0), BASE_Y)


def little(number):
    return number.to_bytes(32, "little")


def encode(point):
    return little(point[1] | (point[0] & 1) << 255)


def clamp(key):
    return int.from_bytes(key, "little") & (2**255 - 8) | 2**254


def public(key):
    y = mul(clamp(key), BASE)[1]
    return little((1 + y) * pow(1 - y, -1, P) % P)


def sign(hash_name, key, message, random):
    def to_scalar(data):
        return int.from_bytes(HASHES[hash_name](data), "little") % Q

    a = clamp(key) % Q
    point = mul(a, BASE)
    if point[0] & 1:
        a = Q - a
    public_point = little(point[1])
    r = to_scalar(little(2**256 - 2) + little(a) + message + random)
    first = encode(mul(r, BASE))
    h = to_scalar(first + public_point + message)
    return first + little((r + h * a) % Q)


OF_THE_AUTHORS = bytes.fromhex(
    "11c7f3e6c4df9e8a5150e1db3b30f92de3a3b3aa438656545fa7390f4bcc7bb2"
    "6c431d9e90643e4f0eaa0e9c557766fa69ada576d63dcaf2ac326c11d0b97702"
)


def seed(text, length):
    return hashlib.shake_256(text.encode()).digest(length)


def wrapped(data):
    text = data.hex()
    return "\n    ".join(text[i : i + 96] for i in range(0, len(text), 96))


def case(comment, hash_name, point, message, signature, result=None, params="06032b656e"):
    if comment:
        print(f"# {comment}")
    print("mechanism = CKM_XEDDSA\noperation = verify\nkey.type = CKK_EC_MONTGOMERY")
    print(f"key.EC_PARAMS = {params}\nkey.EC_POINT = {point.hex()}")
    if hash_name:
        print(f"param.hash = {hash_name}")
    print(f"in = {wrapped(message)}\nout = {wrapped(signature)}")
    if result:
        print(f"result = {result}")
    print()


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# XEdDSA. The first case is libsignal-protocol-c's; the others, and what must not verify,")
    print("# are of make_xeddsa.py.\n")
    key = bytes(8) + b"\xbd" + bytes(23)
    assert sign("CKM_SHA512", key, bytes(200), bytes(64)) == OF_THE_AUTHORS
    case("", "CKM_SHA512", public(key), bytes(200), OF_THE_AUTHORS)
    invalid = "CKR_SIGNATURE_INVALID"
    lengths = [0, 1, 63, 1000, 200, 64]
    for number, (name, length) in enumerate(zip(HASHES, lengths)):
        key = seed(f"key {number}", 32)
        message = seed(f"message {number}", length)
        random = seed(f"random {number}", 64)
        signature = sign(name, key, message, random)
        case("", name, public(key), message, signature)
    point = public(key)
    s = int.from_bytes(signature[32:], "little")
    more = signature[:32] + little(s + Q)
    high = signature[:63] + bytes([signature[63] | 0x80])
    case("Another hash.", "CKM_SHA512", point, message, signature, invalid)
    case("Another message.", name, point, message + b"\0", signature, invalid)
    case("s plus the order: the same number once reduced.", name, point, message, more, invalid)
    case("The sign in the last bit, as before XEdDSA.", name, point, message, high, invalid)
    case("Another key.", name, public(seed("another", 32)), message, signature, invalid)
    case("u plus the prime.", name, little(9 + P), message, signature, invalid)
    for u, what in [(0, "0"), (1, "1"), (P - 1, "-1"), (2, "2, on the twist")]:
        case(f"u = {what}.", name, little(u), message, signature, invalid)
    zero = encode((0, 1)) + bytes(32)
    case("The neutral point and 0, for a point of small order.", name, bytes(32), message, zero, invalid)
    case("One byte short.", name, point, message, signature[:-1], "CKR_SIGNATURE_LEN_RANGE")
    case("One byte more.", name, point, message, signature + b"\0", "CKR_SIGNATURE_LEN_RANGE")
    wrong = "CKR_MECHANISM_PARAM_INVALID"
    case("A hash that is none of the structure's.", "CKM_SHA384", point, message, signature, wrong)
    case("No parameter.", "", point, message, signature, wrong)
    case("X448.", name, seed("x448", 56), message, signature, "CKR_KEY_SIZE_RANGE", "06032b656f")


if __name__ == "__main__":
    main()
