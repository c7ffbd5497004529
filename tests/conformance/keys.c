/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys for the checks, imported as session objects.
 */
#include "keys.h"

#include <string.h>

#include "keys_data.h"

#define BYTES(array) array, sizeof array
#define CURVE(name, type, openssl, prefix, order)                                                  \
    {name, type, openssl, BYTES(prefix##_params), BYTES(prefix##_private), BYTES(prefix##_public), \
     order}

/* clang-format off */
const struct curve curves[CURVE_COUNT] = {
    [P256] = CURVE("P-256", CKK_EC, "prime256v1", p256, 32),
    [P384] = CURVE("P-384", CKK_EC, "secp384r1", p384, 48),
    [P521] = CURVE("P-521", CKK_EC, "secp521r1", p521, 66),
    [K256] = CURVE("secp256k1", CKK_EC, "secp256k1", k256, 32),
    [BP256] = CURVE("brainpoolP256r1", CKK_EC, "brainpoolP256r1", bp256, 32),
    [ED25519] = CURVE("Ed25519", CKK_EC_EDWARDS, "ED25519", ed25519, 32),
    [ED448] = CURVE("Ed448", CKK_EC_EDWARDS, "ED448", ed448, 57),
    [X25519] = CURVE("X25519", CKK_EC_MONTGOMERY, "X25519", x25519, 32),
    [X448] = CURVE("X448", CKK_EC_MONTGOMERY, "X448", x448, 56),
};
/* clang-format on */

const struct certificate certificate = {
    certificate_der,        certificate_subject,        certificate_serial,
    sizeof certificate_der, sizeof certificate_subject, sizeof certificate_serial,
};

struct merged merge_templates(struct template base, struct template extra)
{
    struct merged merged = {.count = base.count};
    EXPECT_TRUE(base.count + extra.count <= COUNT(merged.attributes));
    memcpy(merged.attributes, base.attributes, base.count * sizeof(CK_ATTRIBUTE));
    for (CK_ULONG i = 0; i < extra.count; i++) {
        CK_ULONG k = 0;
        while (k < merged.count && merged.attributes[k].type != extra.attributes[i].type)
            k++;
        merged.attributes[k] = extra.attributes[i];
        merged.count += k == merged.count;
    }
    return merged;
}

static CK_RV create_merged(struct template base, struct template extra, CK_OBJECT_HANDLE *ret_key)
{
    struct merged merged = merge_templates(base, extra);
    return create_rv((struct template){merged.attributes, merged.count}, ret_key);
}

static CK_OBJECT_HANDLE made(const char *where, CK_RV rv, CK_OBJECT_HANDLE key)
{
    expect_rv(where, "C_CreateObject of a key", rv, (CK_RV[]){CKR_OK}, 1);
    return key;
}

CK_RV key_rsa_private_rv(struct template extra, CK_OBJECT_HANDLE *ret_key)
{
    struct template base = TEMPLATE(
        ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
        ATTR_B(CKA_PRIVATE, CK_TRUE), ATTR_B(CKA_SENSITIVE, CK_FALSE),
        ATTR_B(CKA_EXTRACTABLE, CK_TRUE), ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_DECRYPT, CK_TRUE),
        ATTR_B(CKA_UNWRAP, CK_TRUE), ATTR_A(CKA_MODULUS, rsa_modulus),
        ATTR_A(CKA_PUBLIC_EXPONENT, rsa_public_exponent),
        ATTR_A(CKA_PRIVATE_EXPONENT, rsa_private_exponent), ATTR_A(CKA_PRIME_1, rsa_prime_1),
        ATTR_A(CKA_PRIME_2, rsa_prime_2), ATTR_A(CKA_EXPONENT_1, rsa_exponent_1),
        ATTR_A(CKA_EXPONENT_2, rsa_exponent_2), ATTR_A(CKA_COEFFICIENT, rsa_coefficient));
    return create_merged(base, extra, ret_key);
}

CK_OBJECT_HANDLE key_rsa_private_with(const char *where, struct template extra)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = key_rsa_private_rv(extra, &key);
    return made(where, rv, key);
}

CK_OBJECT_HANDLE key_rsa_public_with(const char *where, struct template extra)
{
    CK_OBJECT_HANDLE key = 0;
    struct template base = TEMPLATE(
        ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_RSA),
        ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_B(CKA_ENCRYPT, CK_TRUE), ATTR_B(CKA_WRAP, CK_TRUE),
        ATTR_A(CKA_MODULUS, rsa_modulus), ATTR_A(CKA_PUBLIC_EXPONENT, rsa_public_exponent));
    CK_RV rv = create_merged(base, extra, &key);
    return made(where, rv, key);
}

CK_RV key_secret_rv(CK_KEY_TYPE type, const CK_BYTE *value, CK_ULONG length, struct template extra,
                    CK_OBJECT_HANDLE *ret_key)
{
    struct template base = TEMPLATE(
        ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, type), ATTR_B(CKA_PRIVATE, CK_TRUE),
        ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE),
        ATTR_B(CKA_ENCRYPT, CK_TRUE), ATTR_B(CKA_DECRYPT, CK_TRUE), ATTR_B(CKA_SIGN, CK_TRUE),
        ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_B(CKA_WRAP, CK_TRUE), ATTR_B(CKA_UNWRAP, CK_TRUE),
        ATTR_B(CKA_DERIVE, CK_TRUE), ATTR_X(CKA_VALUE, value, length));
    return create_merged(base, extra, ret_key);
}

CK_OBJECT_HANDLE key_secret_with(const char *where, CK_KEY_TYPE type, const CK_BYTE *value,
                                 CK_ULONG length, struct template extra)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = key_secret_rv(type, value, length, extra, &key);
    return made(where, rv, key);
}

CK_OBJECT_HANDLE key_hmac(CK_ULONG length, CK_BBOOL private)
{
    return key_secret(CKK_GENERIC_SECRET, key_value(), length, ATTR_B(CKA_PRIVATE, private));
}

const CK_BYTE *key_value(void)
{
    static CK_BYTE value[512];
    fill_bytes(value, sizeof value, 7);
    return value;
}

CK_RV key_curve_private_rv(const struct curve *curve, struct template extra,
                           CK_OBJECT_HANDLE *ret_key)
{
    CK_BBOOL signs = curve->type != CKK_EC_MONTGOMERY, derives = curve->type != CKK_EC_EDWARDS;
    struct template base = TEMPLATE(
        ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, curve->type),
        ATTR_B(CKA_PRIVATE, CK_TRUE), ATTR_B(CKA_SENSITIVE, CK_FALSE),
        ATTR_B(CKA_EXTRACTABLE, CK_TRUE), ATTR_B(CKA_SIGN, signs), ATTR_B(CKA_DERIVE, derives),
        ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
        ATTR_X(CKA_VALUE, curve->private, curve->private_length));
    return create_merged(base, extra, ret_key);
}

CK_OBJECT_HANDLE key_curve_private_with(const char *where, const struct curve *curve,
                                        struct template extra)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = key_curve_private_rv(curve, extra, &key);
    return made(where, rv, key);
}

CK_OBJECT_HANDLE key_curve_public_with(const char *where, const struct curve *curve,
                                       struct template extra)
{
    CK_OBJECT_HANDLE key = 0;
    CK_BYTE der[256];
    CK_ULONG length = der_octets(curve->public, curve->public_length, der);
    const CK_BYTE *point = der;
    if (curve->type != CKK_EC) {
        point = curve->public;
        length = curve->public_length;
    }
    struct template base =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, curve->type),
                 ATTR_B(CKA_VERIFY, curve->type != CKK_EC_MONTGOMERY),
                 ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
                 ATTR_X(CKA_EC_POINT, point, length));
    CK_RV rv = create_merged(base, extra, &key);
    return made(where, rv, key);
}

CK_ULONG der_octets(const CK_BYTE *bytes, CK_ULONG length, CK_BYTE *out)
{
    CK_ULONG used = 0;
    out[used++] = 0x04;
    if (length >= 0x100)
        out[used++] = 0x82;
    else if (length >= 0x80)
        out[used++] = 0x81;
    if (length >= 0x100)
        out[used++] = (CK_BYTE)(length >> 8);
    out[used++] = (CK_BYTE)length;
    memcpy(out + used, bytes, length);
    return used + length;
}

const CK_BYTE *der_contents(const CK_BYTE *der, CK_ULONG length, CK_ULONG *ret_length)
{
    CK_BYTE again[1024];
    for (CK_ULONG head = 2; head <= 4 && head <= length && length < 1000; head++) {
        if (der_octets(der + head, length - head, again) == length &&
            memcmp(again, der, length) == 0) {
            *ret_length = length - head;
            return der + head;
        }
    }
    *ret_length = length;
    return der;
}
