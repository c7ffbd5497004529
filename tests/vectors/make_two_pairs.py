#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes two_pairs.txt: hybrid Diffie-Hellman and MQV of X9.42, and MQV on elliptic curves. The
cases on binary curves are NIST's; the others are computed here, from both sides, by the formulas of
SP 800-56A (6.1.1, 5.7.2)."""

import hashlib

# RFC 5114, 2.1: 1024 bits, with a subgroup of 160
P = int(
    "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e2ee652c0"
    "13ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738faa31a4ff55bccc0"
    "a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371",
    16,
)
G = int(
    "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f5504f213"
    "160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f531dbf0a0169b6a28a"
    "d662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5",
    16,
)
Q = int("f518aa8781a8df278aba4e7d64b7cb9d49462353", 16)

# SEC 2: secp256r1
CURVE_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE_N = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
CURVE_G = (
    int("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296", 16),
    int("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", 16),
)
P256 = "06082a8648ce3d030107"


def scalar(text, bound):
    return 1 + int.from_bytes(hashlib.shake_256(text.encode()).digest(80), "big") % (bound - 1)


def number(value):
    return value.to_bytes(128, "big")


def half(value, bits):
    w = (bits + 1) // 2
    return value % 2**w + 2**w


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % CURVE_P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, CURVE_P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, CURVE_P)
    x = (slope * slope - a[0] - b[0]) % CURVE_P
    return x, (slope * (a[0] - x) - a[1]) % CURVE_P


def mul(k, point):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point = add(point, point)
        k >>= 1
    return result


def uncompressed(point):
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def wrapped(data):
    text = data if isinstance(data, str) else data.hex()
    return "\n    ".join(text[i : i + 96] for i in range(0, len(text), 96))


def case(comment, mechanism, fields, out=None, result=None, length=None):
    if comment:
        print(f"# {comment}")
    print(f"mechanism = {mechanism}\noperation = derive")
    for name, value in fields.items():
        print(f"{name} = {value if value.startswith(('CK', 'yes')) else wrapped(value)}")
    if length:
        print(f"length = {length}")
    print(f"result = {result}\n" if result else f"out = {wrapped(out)}\n")


def x963(name, secret, info, length):
    blocks = [
        hashlib.new(name, secret + i.to_bytes(4, "big") + info).digest() for i in range(1, 20)
    ]
    return b"".join(blocks)[:length]


def concat(name, secret, info, length):
    blocks = [
        hashlib.new(name, i.to_bytes(4, "big") + secret + info).digest() for i in range(1, 20)
    ]
    return b"".join(blocks)[:length]


# RFC 2631: a SEQUENCE of an OID and the counter, and suppPubInfo
INFO = "301d3013060b2a864886f70d0109100306040400000001a2060404000000c0"


def x942(secret, length):
    return b"".join(
        hashlib.sha1(secret + bytes.fromhex(INFO.replace("00000001", f"{i:08x}"))).digest()
        for i in range(1, 5)
    )[:length]


class Side:
    """What one of the two has in the group modulo P."""

    def __init__(self, name):
        self.x = scalar(name + " static", Q)
        self.r = scalar(name + " ephemeral", Q)
        self.y = pow(G, self.x, P)
        self.t = pow(G, self.r, P)

    def hybrid(self, other):
        return number(pow(other.t, self.r, P)) + number(pow(other.y, self.x, P))

    def mqv(self, other):
        s = (self.r + half(self.t, 160) * self.x) % Q
        return number(pow(other.t * pow(other.y, half(other.t, 160), P), s, P))


class CurveSide:
    """The same on the curve."""

    def __init__(self, name):
        self.x = scalar(name + " static", CURVE_N)
        self.r = scalar(name + " ephemeral", CURVE_N)
        self.y = mul(self.x, CURVE_G)
        self.t = mul(self.r, CURVE_G)

    def mqv(self, other):
        s = (self.r + half(self.t[0], 256) * self.x) % CURVE_N
        point = mul(s, add(other.t, mul(half(other.t[0], 256), other.y)))
        return point[0].to_bytes(32, "big")


def group(prefix):
    return {
        f"{prefix}.PRIME": f"{P:x}",
        f"{prefix}.SUBPRIME": f"{Q:x}",
        f"{prefix}.BASE": f"{G:x}",
    }


def x942_fields(own, other, kdf="CKD_NULL", info="", public=None, handle=True):
    fields = {"key.type": "CKK_X9_42_DH", "key.private": "yes", **group("key")}
    fields["key.VALUE"] = f"{own.x:040x}"
    if handle:
        fields |= {"handle.0.private": "yes", **group("handle.0"), "handle.0.VALUE": f"{own.r:040x}"}
    if public:
        fields |= {**group("handle.1"), "handle.1.PUBLIC": number(public).hex()}
    fields |= {"param.kdf": kdf, "param.pOtherInfo": info}
    fields |= {"param.pPublicData": number(other.y).hex()}
    fields |= {"param.pPublicData2": number(other.t).hex()}
    return fields


def curve_fields(own, other, kdf="CKD_NULL", info="", public=None):
    fields = {"key.type": "CKK_EC", "key.private": "yes", "key.EC_PARAMS": P256}
    fields["key.VALUE"] = f"{own.x:064x}"
    fields |= {"handle.0.private": "yes", "handle.0.EC_PARAMS": P256}
    fields["handle.0.VALUE"] = f"{own.r:064x}"
    if public:
        fields |= {"handle.1.EC_PARAMS": P256, "handle.1.EC_POINT": uncompressed(public).hex()}
    fields |= {"param.kdf": kdf, "param.pSharedData": info}
    fields |= {"param.pPublicData": uncompressed(other.y).hex()}
    fields |= {"param.pPublicData2": uncompressed(other.t).hex()}
    return fields


WRONG = "CKR_MECHANISM_PARAM_INVALID"
RANGE = "CKR_KEY_SIZE_RANGE"


def x942_refusals(mechanism, a, b):
    """What neither of the two takes."""
    for what, value in [("0", 0), ("1", 1), ("p - 1", P - 1), ("p", P), ("outside the subgroup", 2)]:
        for member in ["pPublicData", "pPublicData2"]:
            fields = x942_fields(a, b)
            fields[f"param.{member}"] = number(value).hex()
            case(f"{member} = {what}.", mechanism, fields, result=WRONG)
    case("No second public number.", mechanism, x942_fields(a, b) | {"param.pPublicData2": ""}, result=WRONG)
    case("Info with CKD_NULL.", mechanism, x942_fields(a, b, info="00"), result=WRONG)
    case("No info with CKD_SHA1_KDF_ASN1.", mechanism, x942_fields(a, b, "CKD_SHA1_KDF_ASN1"), result=WRONG)
    case("Another KDF.", mechanism, x942_fields(a, b, "CKD_SHA256_KDF"), result=WRONG)
    case("No second private key.", mechanism, x942_fields(a, b, handle=False), result="CKR_KEY_HANDLE_INVALID")
    base_only = {k: v for k, v in x942_fields(a, b).items() if k.startswith("key.")}
    case("No parameter.", mechanism, base_only, result=WRONG)
    fields = {k: v for k, v in x942_fields(a, b).items() if k != "handle.0.private"}
    del fields["handle.0.VALUE"]
    fields["handle.0.PUBLIC"] = number(a.t).hex()
    case("A public key for the second private one.", mechanism, fields, result="CKR_KEY_TYPE_INCONSISTENT")
    fields = x942_fields(a, b)
    fields["handle.0.BASE"] = number(pow(G, 3, P)).hex()
    case("The second key of another group.", mechanism, fields, result="CKR_DOMAIN_PARAMS_INVALID")


def x942_cases():
    a, b = Side("alice"), Side("bob")
    hybrid, mqv = "CKM_X9_42_DH_HYBRID_DERIVE", "CKM_X9_42_MQV_DERIVE"
    for mechanism, secret in [(hybrid, a.hybrid(b)), (mqv, a.mqv(b))]:
        assert secret == (b.hybrid(a) if mechanism == hybrid else b.mqv(a))
        case("", mechanism, x942_fields(a, b), secret)
        case("", mechanism, x942_fields(b, a), secret)
        case("", mechanism, x942_fields(a, b), secret[-24:], length=24)
        case("", mechanism, x942_fields(a, b), result=RANGE, length=len(secret) + 1)
        fields = x942_fields(a, b, "CKD_SHA1_KDF_CONCATENATE")
        case("", mechanism, fields, x963("sha1", secret, b"", 20))
        fields = x942_fields(a, b, "CKD_SHA1_KDF_CONCATENATE", "0102030405")
        case("", mechanism, fields, x963("sha1", secret, bytes([1, 2, 3, 4, 5]), 50), length=50)
        fields = x942_fields(a, b, "CKD_SHA1_KDF_ASN1", INFO)
        case("", mechanism, fields, x942(secret, 24), length=24)
        x942_refusals(mechanism, a, b)
    case("With the public key of the second private one.", mqv, x942_fields(a, b, public=a.t), a.mqv(b))
    case("With another public key.", mqv, x942_fields(a, b, public=a.y), result=WRONG)
    fields = x942_fields(a, b, public=a.t)
    fields["handle.1.BASE"] = number(pow(G, 3, P)).hex()
    case("With a public key of another group.", mqv, fields, result="CKR_DOMAIN_PARAMS_INVALID")


NIST = [
    (
        "06052b81040024",
        "0026CB3D1FEBF54AF2183181021B8411F4C2A55172281B6465A3E83497983660FD28807317C64A6289C3FC391D06963BC1382CFC",
        "0009B44D5EB7B154329E0C7F04BB4C0A6DC49F71E3027745D123E5B8BCF9A4FCE90B336E20367FF14AC1DED76E78D6DE1EA9F243",
        "01910BAD505131EFABD0B65027E9A1D0840188DB46D8D7E690859D2E54726B4C2AB3811DA931EB716E9285BA8D67EB800AF3AD58",
        "003A5C03B614EA7D79234A2DA223EA6C54BE1619B091D70BE32F40403F25AAE3101EF0CB919FEA877B7C35DEA7D87D0308FE9C68",
        "00763C684BC6567317605C21206C075915A3A95BFD0CF3CC652A73299E373D353FE8945934DDB5A7FF81E79333AC928A087A3D94",
        "00353F24A2059007A58F8AA8E77BFC948DCFA844B0E53F16D859086C6EA184D207127645DC53A39200F0B92428DA4013BE2140A1",
        "0195AB7D086B271BB1B2B28EA40701E482B52A235A58DDB901A53E29EE7E7CDCAC52D5BF875218B525DFF4EADA8AC7DBB11B8A56",
    ),
    (
        "06052b81040024",
        "00412ADB221AE204694D7F0DEE524E889856464920BD677C4E4B36476A0D36B4A58688AF86C1D7BA61E708C90611486F6471A372",
        "0063AAADD27773A0478203216EAD0AD38E981C3972EB987437E38F93CBE45558526F63614B0F50E898CA7EAE5DD207F0A84CBDC7",
        "0190F7BD4885CF0B7F9DCB07BAB8F10D58B21B9A1ACCF8310FB32C4FD1745E669B4D0C10F6C597CEE85184049D265B662EC11B88",
        "017CFCAD54834F9B8ACD3C1B415DFA2840D0EA6C06BCCB91386B590B12C46CBD2E89F181F4BA0B5A7F333564E08DDEDE6C187BF5",
        "00545775A4A7FB00782455CF0B020787EC87E26C0868CDBA7CB6C94C5C18291F808CA5AC16A7584F3247941CBB05BC3F4C26273C",
        "01F9C6585C1CD3EF8F577C95792FF8A0DFFB4ADAEDB119FBEBFD2B504405D2FEF5F88F2676944CAC7FF57572CEF43B5CDE9F4A8B",
        "009BDF86C122C40E3653A0B4B1AED043211FBABAA1C4DF0C1F548794C79C82559407F6224373B1F648B2D22F2A8B046C31739B9A",
    ),
    (
        "06052b8104001a",
        "005B89771E3B313481AE273B003C26C677165CCA9E603EA3F907AA403D9A",
        "0027CAC33D1056C83BE6DDEAA49FA3E42E1A9DCDC13FEC449EC7CDB799F5",
        "0191EC2F7B293EECEC8B71F04190E143FB9717476E90D033828A538B89EA",
        "01526C9A6FE43278B397E49396668F89084DEAEBF2DB6090766A00D7070A",
        "0065B49E560129D2CA66AC6A7E542DA6C3F2EDE8CF99109E8CF3C3EF654F",
        "0013806CEDED88DC06D6AA4624871CDC1955703709FD76DD3201667A860D",
        "01E02FAB050A16A461B698C7C7FE9AB5B341176A74CB81F93A91664F764D",
    ),
    (
        "06052b8104001a",
        "004ABD1236A6DED2CBB01AFB77061937BD8B29E284F400DF3F3C4C99BBC3",
        "001D24A150798DC4CB3B07B50AFB0BF12073F50EA4DF99665629DD28F2A3",
        "01E668A9427BA07F8F474E93F1530EEE9ADB36C1DB4EBF02AFF4F67B9884",
        "00297714F6DB306FF30B45DCA2CD26900050CDE6BA8AC746E574609AF4B2",
        "00E8A25B15101AB48FDD095272F5138FA4CB08D55BB2E76AB537254AEACC",
        "011A62392BCDC170461D6E129E435B4EBF76C6AE0B71BDD88E4F0FC054AF",
        "01930448C97C45949C6F07615C7091AF1937933CC2DF045384404DD4A1A4",
    ),
]


def nist_cases():
    for number_of, (oid, x, r, yx, yy, tx, ty, z) in enumerate(NIST):
        fields = {"key.type": "CKK_EC", "key.private": "yes", "key.EC_PARAMS": oid, "key.VALUE": x}
        fields |= {"handle.0.private": "yes", "handle.0.EC_PARAMS": oid, "handle.0.VALUE": r}
        fields |= {"param.kdf": "CKD_NULL", "param.pPublicData": "04" + yx + yy}
        fields |= {"param.pPublicData2": "04" + tx + ty}
        fields = {k: v if v.startswith("CK") or v == "yes" else v.lower() for k, v in fields.items()}
        comment = "" if number_of else "NIST ACVP, KAS-ECC-SSC Sp800-56Ar3, fullMqv: K-409 and K-233."
        case(comment, "CKM_ECMQV_DERIVE", fields, z.lower())


def curve_cases():
    a, b = CurveSide("alice"), CurveSide("bob")
    secret = a.mqv(b)
    assert secret == b.mqv(a)
    name = "CKM_ECMQV_DERIVE"
    case("P-256.", name, curve_fields(a, b), secret)
    case("", name, curve_fields(b, a), secret)
    case("", name, curve_fields(a, b, public=a.t), secret)
    case("", name, curve_fields(a, b), secret[-16:], length=16)
    case("", name, curve_fields(a, b), result=RANGE, length=33)
    fields = curve_fields(a, b, "CKD_SHA256_KDF", "616263")
    case("", name, fields, x963("sha256", secret, b"abc", 48), length=48)
    fields = curve_fields(a, b, "CKD_SHA3_512_KDF_SP800", "616263")
    case("", name, fields, concat("sha3_512", secret, b"abc", 64))
    fields = curve_fields(a, b)
    fields["param.pPublicData"] = "0441" + uncompressed(b.y).hex()
    fields["param.pPublicData2"] = f"{2 + b.t[1] % 2:02x}{b.t[0]:064x}"
    case("Points as an OCTET STRING and compressed.", name, fields, secret)
    off = uncompressed((b.t[0], b.t[1] ^ 1)).hex()
    for member in ["pPublicData", "pPublicData2"]:
        fields = curve_fields(a, b) | {f"param.{member}": off}
        case(f"{member} off the curve.", name, fields, result=WRONG)
        fields = curve_fields(a, b) | {f"param.{member}": "00"}
        case(f"{member} at infinity.", name, fields, result=WRONG)
        fields = curve_fields(a, b) | {f"param.{member}": ""}
        case(f"No {member}.", name, fields, result=WRONG)
    inverse = -pow(half(b.t[0], 256), -1, CURVE_N) % CURVE_N
    opposite = mul(inverse, b.t)
    fields = curve_fields(a, b) | {"param.pPublicData": uncompressed(opposite).hex()}
    case("Points that cancel each other.", name, fields, result=WRONG)
    case("With another public key.", name, curve_fields(a, b, public=a.y), result=WRONG)
    case("Shared data with CKD_NULL.", name, curve_fields(a, b, info="00"), result=WRONG)
    case("No such KDF.", name, curve_fields(a, b, "CKD_SHA1_KDF_ASN1"), result=WRONG)
    base_only = {k: v for k, v in curve_fields(a, b).items() if k.startswith("key.")}
    case("No parameter.", name, base_only, result=WRONG)
    fields = {k: v for k, v in curve_fields(a, b).items() if not k.startswith("handle.")}
    case("No second private key.", name, fields, result="CKR_KEY_HANDLE_INVALID")
    fields = curve_fields(a, b) | {"handle.0.EC_PARAMS": "06052b8104000a"}
    case("The second key on another curve.", name, fields, result="CKR_DOMAIN_PARAMS_INVALID")
    fields = curve_fields(a, b)
    del fields["handle.0.private"], fields["handle.0.VALUE"]
    fields["handle.0.EC_POINT"] = uncompressed(a.t).hex()
    case("A public key for the second private one.", name, fields, result="CKR_KEY_TYPE_INCONSISTENT")


if __name__ == "__main__":
    print("# SPDX-License-Identifier: BSD-2-Clause")
    print("# Agreement with two key pairs on each side, by make_two_pairs.py.\n")
    x942_cases()
    nist_cases()
    curve_cases()
