#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes ike.txt: the keys of IKEv1 and IKEv2, computed with hmac of Python and AES of
pyca/cryptography, and compared with NIST's vectors for SP 800-135 and those of RFC 4434 and 4615."""

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

h = bytes.fromhex


def ecb(key, data):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(data)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def xcbc(key, data):
    k1, k2, k3 = (ecb(key, bytes([n]) * 16) for n in (1, 2, 3))
    blocks = [data[i : i + 16] for i in range(0, len(data), 16)] or [b""]
    state = bytes(16)
    for block in blocks[:-1]:
        state = ecb(k1, xor(state, block))
    last = blocks[-1]
    whole = len(last) == 16
    last = last if whole else last + b"\x80" + bytes(15 - len(last))
    return ecb(k1, xor(xor(state, last), k2 if whole else k3))


def cmac(key, data):
    mac = CMAC(algorithms.AES(key))
    mac.update(data)
    return mac.finalize()


def prf(name, key, data):
    if name == "CKM_AES_XCBC_MAC":
        key = key + bytes(16 - len(key)) if len(key) < 16 else key
        return xcbc(key if len(key) == 16 else xcbc(bytes(16), key), data)
    if name == "CKM_AES_CMAC":
        return cmac(key if len(key) == 16 else cmac(bytes(16), key), data)
    return hmac.new(key, data, HASHES[name]).digest()


HASHES = {
    "CKM_MD5_HMAC": "md5",
    "CKM_SHA_1_HMAC": "sha1",
    "CKM_SHA256_HMAC": "sha256",
    "CKM_SHA384_HMAC": "sha384",
    "CKM_SHA512_HMAC": "sha512",
}
PRFS = list(HASHES) + ["CKM_AES_XCBC_MAC", "CKM_AES_CMAC"]


def prf_plus(name, key, seed, length):
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = prf(name, key, block + seed + bytes([number]))
        out, number = out + block, number + 1
    return out[:length]


def extended(name, key, seed, length):
    out, block = b"", b""
    while len(out) < length:
        block = prf(name, key, block + seed if block or seed else b"\0")
        out += block
    return out[:length]


def key_type(name):
    return "CKK_AES" if "AES" in name else "CKK_GENERIC_SECRET"


def line(name, value):
    text = value.hex() if isinstance(value, bytes) else str(value)
    if len(name) + len(text) <= 96:
        print(name, "=", text)
        return
    print(name, "=")
    for at in range(0, len(text), 92):
        print("    " + text[at : at + 92])


def case(mechanism, base_type, base, params, keys=(), **more):
    print("\nmechanism =", mechanism)
    print("operation = derive")
    print("key.type =", base_type)
    line("key.VALUE", base)
    for field, value in params.items():
        line("param." + field, value)
    for number, value in enumerate(keys):
        if value is not None:
            line("handle.%d" % number, value)
    for field in ("length", "out", "result"):
        if field in more:
            line(field, more[field])


# SP 800-135, CAVP: the first case with SHA-1 for IKEv2, and for IKEv1 with signatures.
NI2, NR2 = h("3651fef5c9c35e93"), h("c09a8b90a3f04d59")
SPI2 = h("8e5c3ae507221684b1f201bb155c3acd")
GIR2 = h(
    "d084a30166a50fb7325c3960874a839449ef9741c2f4f947d0201dd8c1269273d79509f37e3ca3eb4fa2fe2a28254e28"
    "9cd3f34dad4eb4df1a07685a4b8a94fa61e2491f7598b3ce65547ff133b3f63d1ac4175eaa695033f3cedb026a6873a3"
    "6455172a8540b8a5d23a0143bed0390ee49b168269d75fffee9fb62be965993c"
)
GIR_NEW2 = h(
    "52f00ab174c25d5b7139ae5ff4e8e9eddee5992d2e36adf8a559ffd90dab1442e4fbe429d320c0f33552a17d1557fa41"
    "ea70e8fb916c4fa27ed52b5f8ebd8461afa78f1159159a64055ac5f6319e29c28eae58cbc6847770f32c3fed1d047504"
    "84f854790f95e9ec01bc5bc461f24966462e359511329305038e94deb6dd42c2"
)
SKEYSEED2 = h("cd2e8050137832245f1dbacc6e4f0a92f94d45d6")
SK_D2 = h("6f1b12cad3cbe097b35430356d869d54cddb0198")
DKM2 = h(
    "6f1b12cad3cbe097b35430356d869d54cddb0198ec859174d53ceb92dddedbe2436db69f60977c58fa63bbb667f8d369"
    "20b109baae8f6c61a9ac49feda01843225d080ec5539d5881a25521ffb2a0a91874a9c0a27fcc2d717eb8963a9e3a89c"
    "7ab264757284c28cf8c3ca40576f4220b052b1fb8e9ad60ba3c80557323331a8cbb89f20"
)
CHILD2 = h(
    "4727dc0ef94eb326ce131cf282fb652faa638ad0ddae3786a11bcc0309876009f8c485de011ad962c5b1ca8a41ff8145"
    "445749079c5686e26ffebbc342f06981f3da745e11ca0976424d1f8caec623d59dc7186deb20a27b411d1dcb70a36544"
    "0bf7de905088b0692e8addc094e18d1939bdb67e89798ca6b239e2ccb81c2409dac0106c"
)
CHILD_DH2 = h(
    "b109c21ad4c0797768c1cec9e63554681e48f224bca7f23c20c4ea7041983451e9aa1d5408656c8a975ff1b9d9a12c75"
    "ffeb64bdecb30174664cccb4e14f1c377b7f6d1525af77c7092aac3e47f917ebae8297fb5539d2008ce830823a09cc19"
    "7361d4a289c72745f6ce9fefe812be5bf55b3200fbb82e41a4a40877d3fe106db909707b"
)
REKEYED2 = h("3b03bce748c96d5e8306918d2ff89b68f0648da3")

NI1, NR1 = h("ced5635da6796075"), h("6244b427712fb776")
CKYI1, CKYR1 = h("382e5c8b0a3fa307"), h("ba4b7616700a2413")
GXY1 = h(
    "2a2e0bbe8da3657a83f3d35826e49e2d38e557e912a1b9e6c30c63577b3eab715466202862027f2c26f3090743555579"
    "611771db0b92bef93834432a3a7762fc8a0f4889fd281d6082770d10a40d7bad61e832f041e620d6787e7f62ab2861dd"
    "fbe272e0d9d3cdec5f1bbf750e24b8b32d6d714968ad69ce5086c32ad2742ebc"
)
SKEYID1 = h("dc37ac99de6dcfbd1ee74af7fb36f9b4b0a7829d")
SKEYID_D1 = h("486293ed547adb562cefdaf43d3d8457b196f2b6")
SKEYID_A1 = h("f4053b5ca07e59bb41b8f401037ca90b72b3917e")
SKEYID_E1 = h("49a1d53a80fb77e663552964fbbcb45092021473")

# RFC 4434, section 4 and RFC 4615, section 4: keys of 16, 10 and 18 bytes.
AES_KEYS = (h("000102030405060708090a0b0c0d0e0f"), bytes(range(10)), bytes(range(16)) + h("edcb"))
AES_TEXT = bytes(range(20))
AES_OUT = {
    "CKM_AES_XCBC_MAC": (
        "47f51b4564966215b8985c63055ed308",
        "0fa087af7d866e7653434e602fdde835",
        "8cd3c93ae598a9803006ffb67c40e9e4",
    ),
    "CKM_AES_CMAC": (
        "980ae87b5f4c9c5214f5b6a8455e4c2d",
        "290d9e112edb09ee141fcf64c0b72f3d",
        "84a348a4a45d235babfffc0d2b4da09a",
    ),
}

GIR, NEW = bytes(range(1, 97)), bytes(range(100, 132))
NI, NR, SPI = bytes(range(16)), bytes(range(32, 56)), bytes(range(200, 216))


def ike_prf(name, base_type, base, ni, nr, as_key=0, new=None, **more):
    params = {"prfMechanism": name, "bDataAsKey": as_key, "bRekey": 0 if new is None else 1}
    params.update(pNi=ni, pNr=nr)
    if new is not None:
        params["hNewKey"] = 1
    case("CKM_IKE_PRF_DERIVE", base_type, base, params, (new,), **more)


def ike1_prf(name, base, gxy, number, previous=None, ckyi=CKYI1, ckyr=CKYR1, base_type=None, **more):
    params = {"prfMechanism": name, "bHasPrevKey": 0 if previous is None else 1, "hKeygxy": 1}
    if previous is not None:
        params["hPrevKey"] = 2
    params.update(pCKYi=ckyi, pCKYr=ckyr, keyNumber=bytes([number]))
    case("CKM_IKE1_PRF_DERIVE", base_type or key_type(name), base, params, (gxy, previous), **more)


def prf_plus_case(name, base, seed_key, data, base_type=None, **more):
    params = {"prfMechanism": name, "bHasSeedKey": 0 if seed_key is None else 1}
    if seed_key is not None:
        params["hSeedKey"] = 1
    params["pSeedData"] = data
    case("CKM_IKE2_PRF_PLUS_DERIVE", base_type or key_type(name), base, params, (seed_key,), **more)


def extended_case(name, base, gxy, data, base_type=None, **more):
    params = {"prfMechanism": name, "bHasKeygxy": 0 if gxy is None else 1}
    if gxy is not None:
        params["hKeygxy"] = 1
    params["pExtraData"] = data
    case("CKM_IKE1_EXTENDED_DERIVE", base_type or key_type(name), base, params, (gxy,), **more)


def published():
    sha1 = "CKM_SHA_1_HMAC"
    secret = "CKK_GENERIC_SECRET"
    assert prf(sha1, NI2 + NR2, GIR2) == SKEYSEED2
    ike_prf(sha1, secret, GIR2, NI2, NR2, as_key=1, out=SKEYSEED2)
    assert prf(sha1, SK_D2, GIR_NEW2 + NI2 + NR2) == REKEYED2
    ike_prf(sha1, secret, SK_D2, NI2, NR2, new=GIR_NEW2, length=20, out=REKEYED2)
    assert prf_plus(sha1, SKEYSEED2, NI2 + NR2 + SPI2, 132) == DKM2
    prf_plus_case(sha1, SKEYSEED2, None, NI2 + NR2 + SPI2, length=132, out=DKM2)
    assert prf_plus(sha1, SK_D2, NI2 + NR2, 132) == CHILD2
    prf_plus_case(sha1, SK_D2, None, NI2 + NR2, length=132, out=CHILD2)
    assert prf_plus(sha1, SK_D2, GIR_NEW2 + NI2 + NR2, 132) == CHILD_DH2
    prf_plus_case(sha1, SK_D2, GIR_NEW2, NI2 + NR2, length=132, out=CHILD_DH2)
    assert prf(sha1, NI1 + NR1, GXY1) == SKEYID1
    ike_prf(sha1, secret, GXY1, NI1, NR1, as_key=1, out=SKEYID1)
    cookies = CKYI1 + CKYR1
    assert prf(sha1, SKEYID1, GXY1 + cookies + b"\0") == SKEYID_D1
    ike1_prf(sha1, SKEYID1, GXY1, 0, out=SKEYID_D1)
    assert prf(sha1, SKEYID1, SKEYID_D1 + GXY1 + cookies + b"\1") == SKEYID_A1
    ike1_prf(sha1, SKEYID1, GXY1, 1, SKEYID_D1, length=20, out=SKEYID_A1)
    assert prf(sha1, SKEYID1, SKEYID_A1 + GXY1 + cookies + b"\2") == SKEYID_E1
    ike1_prf(sha1, SKEYID1, GXY1, 2, SKEYID_A1, out=SKEYID_E1)
    ike1_prf(sha1, SKEYID1, GXY1, 2, SKEYID_A1, length=16, out=SKEYID_E1[:16])
    for name, outs in AES_OUT.items():
        for key, out in zip(AES_KEYS, outs):
            assert prf(name, key, AES_TEXT).hex() == out
            ike_prf(name, "CKK_AES", key, AES_TEXT[:9], AES_TEXT[9:], out=out)
            ike_prf(name, secret, AES_TEXT, key[:8], key[8:], as_key=1, out=out)


def computed(name):
    size = len(prf(name, b"k", b""))
    base_type, base = key_type(name), bytes(range(50, 50 + size))
    secret = "CKK_GENERIC_SECRET"
    ike_prf(name, secret, GIR, NI, NR, as_key=1, out=prf(name, NI + NR, GIR))
    ike_prf(name, base_type, base, NI, NR, length=size, out=prf(name, base, NI + NR))
    ike_prf(name, base_type, base, NI, NR, new=NEW, out=prf(name, base, NEW + NI + NR))
    for length in (size - 1, size + 1):
        ike_prf(name, base_type, base, NI, NR, length=length, result="CKR_KEY_SIZE_RANGE")
    out = prf(name, base, NEW + GIR + CKYI1 + CKYR1 + b"\xff")
    for length in (0, 1, size):
        ike1_prf(name, base, GIR, 255, NEW, length=length, out=out[: length or size])
    ike1_prf(name, base, GIR, 255, NEW, length=size + 1, result="CKR_KEY_SIZE_RANGE")
    for seed_key, data in ((None, b""), (None, NI + NR + SPI), (NEW, b""), (NEW, NI + NR)):
        out = prf_plus(name, base, (seed_key or b"") + data, 255 * size)
        for length in (1, size, size + 1, 3 * size - 1, 255 * size):
            if length <= 3 * size or (name == "CKM_SHA_1_HMAC" and data and not seed_key):
                prf_plus_case(name, base, seed_key, data, length=length, out=out[:length])
        out = extended(name, base, (seed_key or b"") + data, 3 * size)
        for length in (1, size, size + 1, 3 * size - 1):
            short = seed_key is None and not data and length <= size
            right = base[:length] if short else out[:length]
            extended_case(name, base, seed_key, data, length=length, out=right)
    prf_plus_case(name, base, None, NI, length=255 * size + 1, result="CKR_KEY_SIZE_RANGE")
    prf_plus_case(name, base, None, NI, result="CKR_TEMPLATE_INCOMPLETE")
    extended_case(name, base, None, NI, length=255 * size + 1, result="CKR_KEY_SIZE_RANGE")
    extended_case(name, base, None, NI, result="CKR_TEMPLATE_INCOMPLETE")
    extended_case(name, base, None, b"", result="CKR_TEMPLATE_INCOMPLETE")


def refused():
    sha1, secret, base = "CKM_SHA_1_HMAC", "CKK_GENERIC_SECRET", bytes(range(20))
    invalid = "CKR_MECHANISM_PARAM_INVALID"
    ike_prf(sha1, secret, base, NI, NR, as_key=1, new=NEW, result="CKR_ARGUMENTS_BAD")
    ike_prf(sha1, secret, base, b"", b"", as_key=1, result=invalid)
    for name in ("CKM_SHA_1", "CKM_SHA_1_HMAC_GENERAL", "CKM_AES_MAC", "CKM_AES_XCBC_MAC_96", "CKM_DES3_CMAC", 0xFFFFFFFF):
        ike_prf(name, secret, base, NI, NR, result=invalid)
        ike1_prf(name, base, GIR, 0, base_type=secret, result=invalid)
        prf_plus_case(name, base, None, NI, base_type=secret, length=20, result=invalid)
        extended_case(name, base, None, NI, base_type=secret, length=20, result=invalid)
    invalid = "CKR_KEY_HANDLE_INVALID"
    params = {"prfMechanism": sha1, "bDataAsKey": 0, "bRekey": 1, "pNi": NI, "pNr": NR}
    case("CKM_IKE_PRF_DERIVE", secret, base, params, result=invalid)
    params = {"prfMechanism": sha1, "bHasPrevKey": 0, "pCKYi": NI, "pCKYr": NR, "keyNumber": b"\0"}
    case("CKM_IKE1_PRF_DERIVE", secret, base, params, result=invalid)
    params["bHasPrevKey"] = 1
    case("CKM_IKE1_PRF_DERIVE", secret, base, params, (GIR,), result=invalid)
    params = {"prfMechanism": sha1, "bHasSeedKey": 1, "pSeedData": NI}
    case("CKM_IKE2_PRF_PLUS_DERIVE", secret, base, params, length=20, result=invalid)
    params = {"prfMechanism": sha1, "bHasKeygxy": 1, "pExtraData": NI}
    case("CKM_IKE1_EXTENDED_DERIVE", secret, base, params, length=20, result=invalid)
    # A base key that is shorter than what is to be cut out of it.
    extended_case(sha1, base[:10], None, b"", length=11, result="CKR_KEY_SIZE_RANGE")
    extended_case(sha1, base[:10], None, b"", length=10, out=base[:10])
    for mechanism in ("IKE_PRF", "IKE1_PRF", "IKE2_PRF_PLUS", "IKE1_EXTENDED"):
        case("CKM_%s_DERIVE" % mechanism, secret, base, {}, length=20, result="CKR_MECHANISM_PARAM_INVALID")


def main():
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# Keys of IKE, made by make_ike.py: NIST's vectors for SP 800-135 with SHA-1, those of RFC")
    print("# 4434 and RFC 4615, and computed ones.")
    published()
    for name in PRFS:
        computed(name)
    refused()


if __name__ == "__main__":
    main()
