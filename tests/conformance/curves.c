/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How curves and points are written: the choices of the parameters, the encodings of points, in
 * objects and in what a mechanism is given.
 */
#include <string.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "keys.h"
#include "ossl.h"

#define ROOM 1024

struct params {
    CK_BYTE bytes[ROOM];
    CK_ULONG length;
};

#define ATTR_PARAMS(params) ATTR_X(CKA_EC_PARAMS, (params).bytes, (params).length)

static struct params of_text(const char *bytes, CK_ULONG length)
{
    struct params params = {{0}, length};
    memcpy(params.bytes, bytes, length);
    return params;
}

/* ecParameters of P-256; the generator doubled where they are to be those of no curve with a name.
 */
static struct params explicit_params(bool other)
{
    struct params params = {{0}, 0};
    unsigned char *der = params.bytes;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *twice = EC_POINT_new(group);
    EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
    if (other) {
        EC_POINT_dbl(group, twice, EC_GROUP_get0_generator(group), NULL);
        EC_GROUP_set_generator(group, twice, EC_GROUP_get0_order(group), BN_value_one());
    }
    params.length = (CK_ULONG)i2d_ECPKParameters(group, &der);
    EC_POINT_free(twice);
    EC_GROUP_free(group);
    return params;
}

/* ---- the parameters ---- */

struct choice {
    const char *name;
    enum curve_name curve;
    const char *der; /* NULL: explicit */
    CK_ULONG length;
};

#define DER(text) text, sizeof(text) - 1
static const struct choice choices[] = {
    {"oId", P256, DER("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")},
    {"ecParameters", P256, NULL, 0},
    {"curveName/P-256", P256, DER("\x13\x09secp256r1")},
    {"curveName/Ed25519", ED25519,
     DER("\x13\x0c"
         "edwards25519")},
    {"curveName/Ed448", ED448,
     DER("\x13\x0a"
         "edwards448")},
    {"curveName/X25519", X25519,
     DER("\x13\x0a"
         "curve25519")},
    {"curveName/X448", X448,
     DER("\x13\x08"
         "curve448")},
};

static struct params params_of(const struct choice *choice)
{
    return choice->der != NULL ? of_text(choice->der, choice->length) : explicit_params(false);
}

static CK_MECHANISM_TYPE generation(const struct curve *curve)
{
    if (curve->type == CKK_EC_EDWARDS)
        return CKM_EC_EDWARDS_KEY_PAIR_GEN;
    return curve->type == CKK_EC_MONTGOMERY ? CKM_EC_MONTGOMERY_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
}

/* The point as the attribute has it. */
static struct params point_attribute(const struct curve *curve)
{
    struct params point = {{0}, curve->public_length};
    memcpy(point.bytes, curve->public, curve->public_length);
    if (curve->type == CKK_EC)
        point.length = der_octets(curve->public, curve->public_length, point.bytes);
    return point;
}

static void generates(const void *argument)
{
    const struct choice *choice = argument;
    const struct curve *curve = &curves[choice->curve];
    struct params params = params_of(choice);
    CK_OBJECT_HANDLE public = 0, private = 0;
    CK_BYTE value[256];
    CK_ULONG length = 0;
    require_mechanism(generation(curve), CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(generate_pair_rv(generation(curve), TEMPLATE(ATTR_PARAMS(params)), NO_ATTRIBUTES,
                               &public, &private));
    der_contents(value, get_bytes(public, CKA_EC_POINT, value, sizeof value), &length);
    EXPECT_TRUE(length == curve->public_length || curve->type != CKK_EC);
}

/* A public key and a private one, imported, are one pair. */
static void imports(const void *argument)
{
    const struct choice *choice = argument;
    const struct curve *curve = &curves[choice->curve];
    struct params params = params_of(choice), point = point_attribute(curve);
    CK_BYTE hash[32], signature[160];
    CK_ULONG length = sizeof signature;
    CK_MECHANISM_TYPE type = curve->type == CKK_EC ? CKM_ECDSA : CKM_EDDSA;
    require_mechanism(generation(curve), 0);
    CK_OBJECT_HANDLE public = CREATE(
        ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, curve->type), ATTR_PARAMS(params),
        ATTR_X(CKA_EC_POINT, point.bytes, point.length), ATTR_B(CKA_VERIFY, CK_TRUE));
    CK_OBJECT_HANDLE private = CREATE(
        ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, curve->type), ATTR_PARAMS(params),
        ATTR_X(CKA_VALUE, curve->private, curve->private_length), ATTR_B(CKA_SIGN, CK_TRUE));
    if (curve->type == CKK_EC_MONTGOMERY)
        return;
    fill_bytes(hash, sizeof hash, 1);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(type), private));
    EXPECT_OK(F->C_Sign(S, hash, sizeof hash, signature, &length));
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(type), public));
    EXPECT_OK(F->C_Verify(S, hash, sizeof hash, signature, length));
    EXPECT_TRUE(ossl_curve_verify(curve, hash, sizeof hash, signature, length));
}

/* Whoever imported a key with the numbers finds it where others look: by the identifier. */
static void explicit_is_named(void)
{
    const struct curve *curve = &curves[P256];
    struct params params = explicit_params(false), point = point_attribute(curve);
    CK_BYTE value[ROOM];
    CK_OBJECT_HANDLE key =
        CREATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC), ATTR_PARAMS(params),
               ATTR_X(CKA_EC_POINT, point.bytes, point.length));
    CK_ULONG length = get_bytes(key, CKA_EC_PARAMS, value, sizeof value);
    EXPECT_TRUE((length == params.length && memcmp(value, params.bytes, length) == 0) ||
                (length == curve->params_length && memcmp(value, curve->params, length) == 0));
}

struct refused {
    const char *name;
    CK_KEY_TYPE type;
    const char *der; /* NULL: explicit parameters of P-256 */
    CK_ULONG length;
    bool other; /* with another generator */
};

static const struct refused refusals[] = {
    {"implicitlyCA", CKK_EC, DER("\x05\x00"), false},
    {"another-generator", CKK_EC, NULL, 0, true},
    {"nothing", CKK_EC, DER(""), false},
    {"behind-the-end", CKK_EC, DER("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x00"), false},
    {"no-such-name", CKK_EC, DER("\x13\x05nosuc"), false},
    {"ecParameters/Edwards", CKK_EC_EDWARDS, NULL, 0, false},
    {"ecParameters/Montgomery", CKK_EC_MONTGOMERY, NULL, 0, false},
    {"P-256/Edwards", CKK_EC_EDWARDS, DER("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"), false},
};

static void generation_refuses(const void *argument)
{
    const struct refused *refused = argument;
    struct curve curve = {.type = refused->type};
    struct params params = refused->der != NULL ? of_text(refused->der, refused->length)
                                                : explicit_params(refused->other);
    CK_OBJECT_HANDLE public = 0, private = 0;
    require_mechanism(generation(&curve), CKF_GENERATE_KEY_PAIR);
    EXPECT_ANY(generate_pair_rv(generation(&curve), TEMPLATE(ATTR_PARAMS(params)), NO_ATTRIBUTES,
                                &public, &private),
               CKR_DOMAIN_PARAMS_INVALID, CKR_CURVE_NOT_SUPPORTED, CKR_ATTRIBUTE_VALUE_INVALID,
               CKR_TEMPLATE_INCOMPLETE);
}

static void import_refuses(const void *argument)
{
    const struct refused *refused = argument;
    struct params params = refused->der != NULL ? of_text(refused->der, refused->length)
                                                : explicit_params(refused->other);
    struct curve curve = {.type = refused->type};
    struct params point = point_attribute(&curves[P256]);
    require_mechanism(generation(&curve), 0);
    EXPECT_ANY(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, refused->type),
                         ATTR_PARAMS(params), ATTR_X(CKA_EC_POINT, point.bytes, point.length)),
               CKR_DOMAIN_PARAMS_INVALID, CKR_CURVE_NOT_SUPPORTED, CKR_ATTRIBUTE_VALUE_INVALID,
               CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCOMPLETE);
}

/* ---- points in what ECDH is given ---- */

enum form { RAW, IN_DER, COMPRESSED, OFF_CURVE, INFINITY_POINT, SHORT, LONG };

struct point_form {
    const char *name;
    enum curve_name curve;
    enum form form;
    bool must; /* be taken; NULL points and what is none must not */
    bool may;
};

static const struct point_form point_forms[] = {
    {"P-256/raw", P256, RAW, true, true},
    {"P-256/in-DER", P256, IN_DER, false, true},
    {"P-256/compressed", P256, COMPRESSED, false, true},
    {"P-256/off-the-curve", P256, OFF_CURVE, false, false},
    {"P-256/at-infinity", P256, INFINITY_POINT, false, false},
    {"P-256/short", P256, SHORT, false, false},
    {"P-256/long", P256, LONG, false, false},
    {"P-521/raw", P521, RAW, true, true},
    {"P-521/in-DER", P521, IN_DER, false, true},
    {"X25519/raw", X25519, RAW, true, true},
    {"X25519/short", X25519, SHORT, false, false},
    {"X25519/long", X25519, LONG, false, false},
    {"X448/raw", X448, RAW, true, true},
    {"X448/short", X448, SHORT, false, false},
};

/* Changes the point into the form; gives its length. */
static CK_ULONG into_form(enum form form, CK_BYTE *point, CK_ULONG length)
{
    CK_BYTE copy[256];
    memcpy(copy, point, length);
    switch (form) {
    case RAW:
        return length;
    case IN_DER:
        return der_octets(copy, length, point);
    case COMPRESSED:
        point[0] = (CK_BYTE)(2 + (copy[length - 1] & 1));
        return 1 + length / 2;
    case OFF_CURVE:
        point[length - 1] ^= 1;
        return length;
    case INFINITY_POINT:
        point[0] = 0;
        return 1;
    case SHORT:
        return length - 1;
    case LONG:
        point[length] = 0;
        return length + 1;
    }
    return 0;
}

static void agrees_with(const void *argument)
{
    const struct point_form *row = argument;
    const struct curve *curve = &curves[row->curve];
    CK_BYTE point[300], secret[128], value[128];
    CK_ULONG length = 0, secret_length = ossl_peer(curve, point, &length, secret);
    CK_OBJECT_HANDLE key = 0;
    struct template template =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
                 ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE),
                 ATTR_U(CKA_VALUE_LEN, secret_length));
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    require_mechanism(generation(curve), 0);
    length = into_form(row->form, point, length);
    CK_ECDH1_DERIVE_PARAMS params = {CKD_NULL, 0, NULL, length, point};
    CK_RV rv = F->C_DeriveKey(S, MECHANISM_P(CKM_ECDH1_DERIVE, params),
                              key_curve_private(curve, ANY_LABEL), template.attributes,
                              template.count, &key);
    if (row->must)
        EXPECT_OK(rv);
    if (!row->may)
        EXPECT_ANY(rv, CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID);
    if (rv == CKR_OK)
        EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), secret, secret_length);
}

/* clang-format off */
static const struct check choice_checks[] = {
    CHECK_ROW(FIX_USER, generates, "EC key pair generation", "every choice of the parameters names a curve"),
    CHECK_ROW(FIX_USER, imports, "Elliptic curves", "a key with this choice of parameters is that of its curve"),
};

static const struct check refusal_checks[] = {
    CHECK_ROW(FIX_USER, generation_refuses, "CKR_DOMAIN_PARAMS_INVALID", "parameters of no curve that the mechanism knows"),
    CHECK_ROW(FIX_USER, import_refuses, "CKR_DOMAIN_PARAMS_INVALID", "parameters of no curve that the key type knows"),
};

static const struct check point_checks[] = {
    CHECK_ROW(FIX_USER, agrees_with, "CK_ECDH1_DERIVE_PARAMS", "raw points must, others may be taken; what is no point is refused"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, explicit_is_named, "Elliptic curves", "explicit parameters are given back as they came or as the curve's identifier"),
};
/* clang-format on */

void chapter_curves(void)
{
    check_add_rows("curves", choice_checks, choices);
    check_add_rows("curves", refusal_checks, refusals);
    check_add_rows("curves", point_checks, point_forms);
    check_add_table("curves", checks);
}
