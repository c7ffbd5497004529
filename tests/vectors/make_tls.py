#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes tls_made.txt: what SSL 3.0 and WTLS compute, "finished" messages and exporters with a
context. No vectors were published for them; this computes them from RFC 6101, RFC 2246, RFC 5246
and RFC 5705 with Python's hashlib and hmac; WTLS as PKCS #11 describes it, for its own specification
was not at hand (Kannel's source agrees on master secret, PRF and key block). Secrets and key blocks of SSL
3.0 and "finished" MACs were also compared with those of NSS 3.87."""

import hashlib
import hmac

PRE_MASTER = bytes([3, 0]) + bytes(range(1, 47))
MASTER = bytes(range(0x50, 0x80))
CLIENT = bytes(range(0xA0, 0xC0))
SERVER = bytes(range(0xC0, 0xE0))
DATA = bytes(range(200))
HASHES = {"sha256": "CKM_SHA256", "sha384": "CKM_SHA384", "sha512": "CKM_SHA512", None: "CKM_TLS_PRF"}


def ssl3(secret, seed, length):
    out = b""
    for n in range(1, 27):
        letters = bytes([0x40 + n]) * n
        out += hashlib.md5(secret + hashlib.sha1(letters + secret + seed).digest()).digest()
    return out[:length]


def ssl3_mac(name, secret, data):
    pad = {"md5": 48, "sha1": 40}[name]
    inner = hashlib.new(name, secret + b"\x36" * pad + data).digest()
    return hashlib.new(name, secret + b"\x5c" * pad + inner).digest()


def p_hash(name, secret, seed, length):
    a, out = seed, b""
    while len(out) < length:
        a = hmac.new(secret, a, name).digest()
        out += hmac.new(secret, a + seed, name).digest()
    return out[:length]


def prf(name, secret, seed, length):
    if name is not None:
        return p_hash(name, secret, seed, length)
    half = (len(secret) + 1) // 2
    md5 = p_hash("md5", secret[:half], seed, length)
    sha1 = p_hash("sha1", secret[-half:], seed, length)
    return bytes(a ^ b for a, b in zip(md5, sha1))


def case(mechanism, operation, key, lines):
    print(f"\nmechanism = {mechanism}\noperation = {operation}\nkey.type = CKK_GENERIC_SECRET")
    print("key.VALUE =", key.hex())
    for name, value in lines:
        text = value.hex() if isinstance(value, bytes) else str(value)
        print(f"{name} = {text[:96]}".rstrip())
        for at in range(96, len(text), 96):
            print(" ", text[at : at + 96])


def randoms():
    return [("param.RandomInfo.pClientRandom", CLIENT), ("param.RandomInfo.pServerRandom", SERVER)]


def masters():
    out = ssl3(PRE_MASTER, CLIENT + SERVER, 48)
    version = [("param.pVersion.major", "00")]
    case("CKM_SSL3_MASTER_KEY_DERIVE", "derive", PRE_MASTER,
         randoms() + version + [("out", out), ("out.pVersion", PRE_MASTER[:2])])
    case("CKM_SSL3_MASTER_KEY_DERIVE", "derive", PRE_MASTER, randoms() + [("out", out)])
    for secret in (b"\x01", MASTER + MASTER + b"\x02"):
        case("CKM_SSL3_MASTER_KEY_DERIVE_DH", "derive", secret,
             randoms() + [("out", ssl3(secret, CLIENT + SERVER, 48))])
        case("CKM_TLS_MASTER_KEY_DERIVE_DH", "derive", secret,
             randoms() + [("out", prf(None, secret, b"master secret" + CLIENT + SERVER, 48))])


def material(mechanism, block, mac, key, iv, lines):
    end = 2 * (mac + key)
    out = "param.pReturnedKeyMaterial."
    lines = [("param.ulMacSizeInBits", mac * 8), ("param.ulKeySizeInBits", key * 8),
             ("param.ulIVSizeInBits", iv * 8)] + randoms() + lines
    if iv > 0:
        lines += [(out + "pIVClient", bytes(iv)), (out + "pIVServer", bytes(iv)),
                  ("out.pIVClient", block[end : end + iv]),
                  ("out.pIVServer", block[end + iv : end + 2 * iv])]
    else:
        lines += [(out + "hClientKey", 0)]
    lengths = " ".join(str(n) for n in (mac, mac, key, key) if n > 0)
    case(mechanism, "derive", MASTER, lines + [("length", lengths), ("out", block[:end])])


def materials():
    seed = SERVER + CLIENT
    for mac, key, iv in ((16, 16, 0), (20, 24, 8), (20, 0, 0), (0, 16, 16), (96, 96, 16)):
        material("CKM_SSL3_KEY_AND_MAC_DERIVE", ssl3(MASTER, seed, 416), mac, key, iv, [])
    seed = b"key expansion" + seed
    for mac, key, iv in ((20, 24, 8), (16, 0, 0), (20, 32, 16)):
        material("CKM_TLS_KEY_AND_MAC_DERIVE", prf(None, MASTER, seed, 416), mac, key, iv, [])
    for mac, key, iv in ((0, 16, 4), (0, 32, 12), (48, 0, 0), (20, 1, 16)):
        hashed = [("param.prfHashMechanism", "CKM_SHA384")]
        block = prf("sha384", MASTER, seed, 416)
        material("CKM_TLS12_KEY_AND_MAC_DERIVE", block, mac, key, iv, hashed)
        if iv == 0:
            material("CKM_TLS12_KEY_SAFE_DERIVE", block, mac, key, iv, hashed)


def macs():
    for mechanism, name, full in (("MD5", "md5", 16), ("SHA1", "sha1", 20)):
        for secret in (MASTER[:1], MASTER[:full], MASTER + MASTER):
            for length, data in ((full, DATA), (8, b""), (4, DATA[:13])):
                case(f"CKM_SSL3_{mechanism}_MAC", "sign", secret,
                     [("param", length), ("in", data),
                      ("out", ssl3_mac(name, secret, data)[:length])])
    for mechanism in ("CKM_TLS_MAC", "CKM_TLS12_MAC"):
        for name, number in HASHES.items():
            for who, label in ((1, b"server finished"), (2, b"client finished")):
                for length in (12,) if name is None else (12, 64, 256):
                    case(mechanism, "sign", MASTER,
                         [("param.prfHashMechanism", number), ("param.ulMacLength", length),
                          ("param.ulServerOrClient", who), ("in", DATA[:36]),
                          ("out", prf(name, MASTER, label + DATA[:36], length))])
    case("CKM_TLS_MAC", "sign", MASTER[:5],
         [("param.prfHashMechanism", "CKM_SHA256"), ("param.ulMacLength", 12),
          ("param.ulServerOrClient", 1), ("in", ""),
          ("out", prf("sha256", MASTER[:5], b"server finished", 12))])


def exporters():
    label = b"EXPORTER-tests"
    for name, number in HASHES.items():
        for context in (None, b"", b"\x07", DATA * 20):
            seed = label + CLIENT + SERVER
            if context is not None:
                seed += len(context).to_bytes(2, "big") + context
            lines = [("param.prfMechanism", number), ("param.pLabel", label)] + randoms()
            lines += [] if context is None else [("param.pContextData", context)]
            case("CKM_TLS_KDF", "derive", MASTER,
                 lines + [("length", 77), ("out", prf(name, MASTER, seed, 77))])


def wtls_material(side, digest, name, number, mac, key, iv):
    seed = side + b" expansion" + number.to_bytes(2, "big") + SERVER[:16] + CLIENT[:16]
    block = p_hash(name, MASTER[:20], seed, mac + key + iv)
    out = "param.pReturnedKeyMaterial."
    lines = [("param.DigestMechanism", digest), ("param.ulMacSizeInBits", mac * 8),
             ("param.ulKeySizeInBits", key * 8), ("param.ulIVSizeInBits", iv * 8),
             ("param.ulSequenceNumber", number)] + wtls_randoms()
    if iv > 0:
        lines += [(out + "pIV", bytes(iv)), ("out.pIV", block[mac + key :])]
    else:
        lines += [(out + "hKey", 0)]
    lengths = " ".join(str(n) for n in (mac, key) if n > 0)
    case(f"CKM_WTLS_{side.decode().upper()}_KEY_AND_MAC_DERIVE", "derive", MASTER[:20],
         lines + [("length", lengths), ("out", block[: mac + key])])


def wtls_randoms():
    return [("param.RandomInfo.pClientRandom", CLIENT[:16]),
            ("param.RandomInfo.pServerRandom", SERVER[:16])]


def wtls():
    for digest, name in (("CKM_SHA_1", "sha1"), ("CKM_MD5", "md5")):
        hashed = [("param.DigestMechanism", digest)]
        for length in (20, 48):
            secret = b"\x01" + MASTER[1:length]
            out = p_hash(name, secret, b"master secret" + CLIENT[:16] + SERVER[:16], 20)
            case("CKM_WTLS_MASTER_KEY_DERIVE", "derive", secret, hashed + wtls_randoms() + [
                ("param.pVersion", b"\x00"), ("out", out), ("out.pVersion", b"\x01")])
            case("CKM_WTLS_MASTER_KEY_DERIVE_DH_ECC", "derive", secret,
                 hashed + wtls_randoms() + [("out", out)])
        case("CKM_WTLS_MASTER_KEY_DERIVE_DH_ECC", "derive", b"\x07", hashed + wtls_randoms() + [
            ("out", p_hash(name, b"\x07", b"master secret" + CLIENT[:16] + SERVER[:16], 20))])
        case("CKM_WTLS_PRF", "derive", MASTER[:20], hashed + [
            ("param.pSeed", DATA[:50]), ("param.pLabel", b"client finished"),
            ("param.pOutput", bytes(12)),
            ("out.pOutput", p_hash(name, MASTER[:20], b"client finished" + DATA[:50], 12))])
        for side in (b"server", b"client"):
            for number, mac, key, iv in ((0, 20, 16, 8), (65535, 20, 8, 8), (256, 0, 16, 16),
                                         (1, 16, 0, 0)):
                wtls_material(side, digest, name, number, mac, key, iv)


def refuse(mechanism, key, lines, result="CKR_MECHANISM_PARAM_INVALID"):
    case(mechanism, "derive", key, lines + [("result", result)])


def wtls_refused():
    sha = [("param.DigestMechanism", "CKM_SHA_1")]
    master = "CKM_WTLS_MASTER_KEY_DERIVE"
    refuse(master, MASTER[:19], sha + wtls_randoms(), "CKR_KEY_SIZE_RANGE")
    refuse(master, MASTER[:20], sha)
    refuse(master + "_DH_ECC", MASTER[:20], sha + wtls_randoms() + [("param.pVersion", b"\x00")])
    for digest in ("CKM_SHA256", "CKM_TLS_PRF", "0"):
        refuse(master, MASTER[:20], [("param.DigestMechanism", digest)] + wtls_randoms())
    refuse("CKM_WTLS_PRF", MASTER, sha + [("param.pSeed", b"\x01")])
    sizes = [("param.ulMacSizeInBits", 160), ("param.ulKeySizeInBits", 128)]
    where = [("param.pReturnedKeyMaterial.hKey", 0)]
    good = sha + sizes + wtls_randoms() + where
    for mechanism in ("CKM_WTLS_SERVER_KEY_AND_MAC_DERIVE", "CKM_WTLS_CLIENT_KEY_AND_MAC_DERIVE"):
        length = [("length", "20 16")]
        refuse(mechanism, MASTER, good + length, "CKR_KEY_SIZE_RANGE")
        refuse(mechanism, MASTER[:20], good + [("length", "20 15")], "CKR_KEY_SIZE_RANGE")
        refuse(mechanism, MASTER[:20], good + length + [("param.bIsExport", 1)])
        refuse(mechanism, MASTER[:20], good + length + [("param.ulSequenceNumber", 65536)])
        refuse(mechanism, MASTER[:20], sha + sizes + wtls_randoms() + length)
        refuse(mechanism, MASTER[:20], sha + sizes + where + length)
        refuse(mechanism, MASTER[:20], sha + wtls_randoms() + where + length)


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# SSL 3.0, WTLS, \"finished\" messages, exporters with a context: made by make_tls.py.")
    masters()
    materials()
    macs()
    exporters()
    wtls()
    wtls_refused()


if __name__ == "__main__":
    main()
