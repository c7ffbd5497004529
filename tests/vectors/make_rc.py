#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes rc2_rc4.txt: RC2 by the definition in RFC 2268, compared with its vectors, and RC4, compared
with those of RFC 6229."""

PITABLE = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)
TURNS = (1, 2, 3, 5)


def expanded(key, bits):
    size = (bits + 7) // 8
    mask = 0xFF >> (8 * size - bits)
    table = bytearray(key) + bytearray(128 - len(key))
    for i in range(len(key), 128):
        table[i] = PITABLE[(table[i - 1] + table[i - len(key)]) % 256]
    table[128 - size] = PITABLE[table[128 - size] & mask]
    for i in range(127 - size, -1, -1):
        table[i] = PITABLE[table[i + 1] ^ table[i + size]]
    return [table[2 * i] + 256 * table[2 * i + 1] for i in range(64)]


def encrypt_block(keys, block):
    r = [block[2 * i] + 256 * block[2 * i + 1] for i in range(4)]
    for step in range(16):
        for i in range(4):
            mixed = (r[i - 1] & r[i - 2]) + (~r[i - 1] & 0xFFFF & r[i - 3])
            r[i] = (r[i] + keys[4 * step + i] + mixed) & 0xFFFF
            r[i] = ((r[i] << TURNS[i]) | (r[i] >> (16 - TURNS[i]))) & 0xFFFF
        if step in (4, 10):
            for i in range(4):
                r[i] = (r[i] + keys[r[i - 1] & 63]) & 0xFFFF
    return b"".join(word.to_bytes(2, "little") for word in r)


def rc2_ecb(key, bits, plain):
    keys = expanded(key, bits)
    return b"".join(encrypt_block(keys, plain[i : i + 8]) for i in range(0, len(plain), 8))


def rc2_cbc(key, bits, iv, plain):
    keys, out = expanded(key, bits), b""
    for at in range(0, len(plain), 8):
        iv = encrypt_block(keys, bytes(a ^ b for a, b in zip(iv, plain[at : at + 8])))
        out += iv
    return out


def rc4(key, data):
    s, j, out = list(range(256)), 0, b""
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) % 256
        s[i], s[j] = s[j], s[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + s[i]) % 256
        s[i], s[j] = s[j], s[i]
        out += bytes([byte ^ s[(s[i] + s[j]) % 256]])
    return out


RFC_2268 = (
    ("0000000000000000", 63, "0000000000000000", "ebb773f993278eff"),
    ("ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"),
    ("3000000000000000", 64, "1000000000000001", "30649edf9be7d2c2"),
    ("88", 64, "0000000000000000", "61a8a244adacccf0"),
    ("88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"),
    ("88bca90e90875a7f0f79c384627bafb2", 64, "0000000000000000", "1a807d272bbe5db1"),
    ("88bca90e90875a7f0f79c384627bafb2", 128, "0000000000000000", "2269552ab0f85ca6"),
    (
        "88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e",
        129,
        "0000000000000000",
        "5b78d3a43dfff1f1",
    ),
)
RFC_6229 = (
    ("0102030405", "b2396305f03dc027ccc3524a0a1118a86982944f18fc82d589c403a47a0d0919"),
    ("0102030405060708090a0b0c0d0e0f10", "9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c"),
)
TEXT = bytes(i * 5 % 256 for i in range(80))
IV = "0123456789abcdef"
KEYS = (("88bca90e90875a7f0f79c384627bafb2", 128), ("0102030405", 40), ("00ff" * 64, 1024), ("77", 1), ("010203040506070809", 1023))


def case(mechanism, operation, key_type, key, fields, data, out=None, result=None):
    print("\nmechanism =", mechanism)
    print("operation =", operation)
    print("key.type =", key_type)
    print("key.VALUE =", key)
    for name, value in fields.items():
        print(name, "=", value)
    print("in =", data.hex())
    if out is not None:
        print("out =", out.hex())
    if result is not None:
        print("result =", result)


def both(mechanism, key, fields, plain, sealed):
    case(mechanism, "encrypt", "CKK_RC2", key, fields, plain, sealed)
    case(mechanism, "decrypt", "CKK_RC2", key, fields, sealed, plain)


def rc2_key(key, bits):
    raw, cbc = bytes.fromhex(key), {"param.ulEffectiveBits": bits, "param.iv": IV}
    for length in (0, 8, 40):
        both("CKM_RC2_ECB", key, {"param": bits}, TEXT[:length], rc2_ecb(raw, bits, TEXT[:length]))
        both("CKM_RC2_CBC", key, cbc, TEXT[:length], rc2_cbc(raw, bits, bytes.fromhex(IV), TEXT[:length]))
    for length in (0, 7, 8, 41):
        padded = TEXT[:length] + bytes([8 - length % 8]) * (8 - length % 8)
        both("CKM_RC2_CBC_PAD", key, cbc, TEXT[:length], rc2_cbc(raw, bits, bytes.fromhex(IV), padded))
    for length in (0, 1, 8, 30):
        filled = TEXT[:length] + bytes(-length % 8 if length else 8)
        mac = rc2_cbc(raw, bits, bytes(8), filled)[-8:]
        case("CKM_RC2_MAC", "sign", "CKK_RC2", key, {"param": bits}, TEXT[:length], mac[:4])
        for size in (1, 8):
            general = {"param.ulEffectiveBits": bits, "param.ulMacLength": size}
            case("CKM_RC2_MAC_GENERAL", "sign", "CKK_RC2", key, general, TEXT[:length], mac[:size])
    padded = TEXT[:21] + bytes(3)
    case("CKM_RC2_ECB", "wrap", "CKK_RC2", key, {"param": bits}, TEXT[:21], rc2_ecb(raw, bits, padded))
    case("CKM_RC2_CBC", "unwrap", "CKK_RC2", key, cbc, rc2_cbc(raw, bits, bytes.fromhex(IV), padded), padded)


def rc2_refused():
    key, wrong = KEYS[0][0], "CKR_MECHANISM_PARAM_INVALID"
    for bits in (0, 1025, 0xFFFFFFFF):
        cbc = {"param.ulEffectiveBits": bits, "param.iv": IV}
        case("CKM_RC2_ECB", "encrypt", "CKK_RC2", key, {"param": bits}, TEXT[:8], None, wrong)
        case("CKM_RC2_CBC", "encrypt", "CKK_RC2", key, cbc, TEXT[:8], None, wrong)
        case("CKM_RC2_CBC_PAD", "encrypt", "CKK_RC2", key, cbc, TEXT[:8], None, wrong)
        case("CKM_RC2_MAC", "sign", "CKK_RC2", key, {"param": bits}, TEXT[:8], None, wrong)
    for size in (0, 9):
        general = {"param.ulEffectiveBits": 64, "param.ulMacLength": size}
        case("CKM_RC2_MAC_GENERAL", "sign", "CKK_RC2", key, general, TEXT[:8], None, wrong)
    for mechanism in ("CKM_RC2_ECB", "CKM_RC2_CBC", "CKM_RC2_CBC_PAD"):
        case(mechanism, "encrypt", "CKK_RC2", key, {}, TEXT[:8], None, wrong)
    case("CKM_RC2_ECB", "encrypt", "CKK_RC2", "00" * 129, {"param": 64}, TEXT[:8], None, "CKR_KEY_SIZE_RANGE")
    case("CKM_RC4", "encrypt", "CKK_RC4", "00" * 257, {}, TEXT[:8], None, "CKR_KEY_SIZE_RANGE")


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# RC2 and RC4, made by make_rc.py: the vectors of RFC 2268 and RFC 6229, and computed ones.")
    assert sorted(PITABLE) == list(range(256))
    for key, bits, plain, out in RFC_2268:
        assert rc2_ecb(bytes.fromhex(key), bits, bytes.fromhex(plain)).hex() == out
        both("CKM_RC2_ECB", key, {"param": bits}, bytes.fromhex(plain), bytes.fromhex(out))
    for key, bits in KEYS:
        rc2_key(key, bits)
    for key, out in RFC_6229:
        assert rc4(bytes.fromhex(key), bytes(32)).hex() == out
        case("CKM_RC4", "encrypt", "CKK_RC4", key, {}, bytes(32), bytes.fromhex(out))
    for key in ("01", "0102030405", "00ff" * 128):
        for length in (0, 1, 80):
            sealed = rc4(bytes.fromhex(key), TEXT[:length])
            case("CKM_RC4", "encrypt", "CKK_RC4", key, {}, TEXT[:length], sealed)
            case("CKM_RC4", "decrypt", "CKK_RC4", key, {}, sealed, TEXT[:length])
    rc2_refused()


if __name__ == "__main__":
    main()
