/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM's objects and ours: the same attributes but for a few, by tables.
 *
 * SoftHSM rewrites an object when it misses an attribute that its class has, from whatever it has
 * in memory: so what is written here has all of them.
 */
#include "base/memory.h"
#include "crypto/der.h"
#include "object/attr_type.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

/* ---- from SoftHSM ---- */

/* Written by SoftHSM when nobody gave them; here they are absent then. */
static const CK_ATTRIBUTE_TYPE absent_when_empty[] = {CKA_ALLOWED_MECHANISMS, CKA_WRAP_TEMPLATE,
                                                      CKA_UNWRAP_TEMPLATE, CKA_DERIVE_TEMPLATE};

static bool is_empty(const struct kk_attr *attr)
{
    return (attr->kind == KK_ATTR_TEMPLATE && attr->value.nested->count == 0) ||
           (attr->kind == KK_ATTR_MECHANISMS && attr->len == 0);
}

KK_RV kk_softhsm_import(struct kk_crypto *crypto, const struct kk_uuid *uuid,
                        struct kk_attrs **attrs)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(absent_when_empty); i++) {
        const struct kk_attr *attr = kk_attrs_find(*attrs, absent_when_empty[i]);
        if (attr != NULL && is_empty(attr)) {
            kk_attrs_remove(*attrs, absent_when_empty[i]);
        }
    }
    return kk_policy_adopt(crypto, uuid, attrs);
}

/* ---- to SoftHSM ---- */

/* Attributes that some class of SoftHSM's has. Others are written only when somebody gave them. */
/* clang-format off */
static const CK_ATTRIBUTE_TYPE known[] = {
    CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_APPLICATION, CKA_VALUE, CKA_OBJECT_ID,
    CKA_CERTIFICATE_TYPE, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_TRUSTED, CKA_CERTIFICATE_CATEGORY,
    CKA_JAVA_MIDP_SECURITY_DOMAIN, CKA_URL, CKA_HASH_OF_SUBJECT_PUBLIC_KEY,
    CKA_HASH_OF_ISSUER_PUBLIC_KEY, CKA_NAME_HASH_ALGORITHM, CKA_CHECK_VALUE, CKA_KEY_TYPE,
    CKA_SUBJECT, CKA_ID, CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN,
    CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE, CKA_START_DATE, CKA_END_DATE,
    CKA_MODULUS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
    CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT, CKA_PUBLIC_KEY_INFO, CKA_PRIME,
    CKA_SUBPRIME, CKA_BASE, CKA_PRIME_BITS, CKA_VALUE_BITS, CKA_VALUE_LEN, CKA_EXTRACTABLE,
    CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_KEY_GEN_MECHANISM, CKA_MODIFIABLE,
    CKA_COPYABLE, CKA_DESTROYABLE, CKA_EC_PARAMS, CKA_EC_POINT, CKA_ALWAYS_AUTHENTICATE,
    CKA_WRAP_WITH_TRUSTED, CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS,
};

/* What SoftHSM's classes have and ours need not. */
static const struct {
    uint64_t object_class;
    CK_ATTRIBUTE_TYPE type;
    enum kk_attr_kind kind;
    uint64_t number;
} expected[] = {
    { CKO_CERTIFICATE, CKA_CHECK_VALUE, KK_ATTR_BYTES, 0 },
    { CKO_CERTIFICATE, CKA_NAME_HASH_ALGORITHM, KK_ATTR_ULONG, KK_NAME_HASH_DEFAULT },
    { CKO_CERTIFICATE, CKA_PUBLIC_KEY_INFO, KK_ATTR_BYTES, 0 },
    { CKO_PUBLIC_KEY, CKA_PUBLIC_KEY_INFO, KK_ATTR_BYTES, 0 },
    { CKO_PUBLIC_KEY, CKA_WRAP_TEMPLATE, KK_ATTR_TEMPLATE, 0 },
    { CKO_PUBLIC_KEY, CKA_ALLOWED_MECHANISMS, KK_ATTR_MECHANISMS, 0 },
    { CKO_PRIVATE_KEY, CKA_PUBLIC_KEY_INFO, KK_ATTR_BYTES, 0 },
    { CKO_PRIVATE_KEY, CKA_UNWRAP_TEMPLATE, KK_ATTR_TEMPLATE, 0 },
    { CKO_PRIVATE_KEY, CKA_ALLOWED_MECHANISMS, KK_ATTR_MECHANISMS, 0 },
    { CKO_SECRET_KEY, CKA_CHECK_VALUE, KK_ATTR_BYTES, 0 },
    { CKO_SECRET_KEY, CKA_WRAP_TEMPLATE, KK_ATTR_TEMPLATE, 0 },
    { CKO_SECRET_KEY, CKA_UNWRAP_TEMPLATE, KK_ATTR_TEMPLATE, 0 },
    { CKO_SECRET_KEY, CKA_ALLOWED_MECHANISMS, KK_ATTR_MECHANISMS, 0 },
};
/* clang-format on */

static uint64_t class_of(const struct kk_attrs *attrs)
{
    return kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX);
}

static bool is_known(CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(known); i++) {
        if (known[i] == type) {
            return true;
        }
    }
    return false;
}

/* CKA_UNIQUE_ID is the file's name; a private key's point follows from the rest. */
static bool is_left_out(const struct kk_attrs *attrs, const struct kk_attr *attr)
{
    return attr->type == CKA_UNIQUE_ID ||
           (attr->type == CKA_EC_POINT && class_of(attrs) == CKO_PRIVATE_KEY) ||
           (!is_known(attr->type) && kk_policy_is_default(attrs, attr));
}

static KK_RV set_expected(size_t row, struct kk_attrs *stored)
{
    switch (expected[row].kind) {
    case KK_ATTR_ULONG:
        return kk_attrs_set_number(stored, expected[row].type, expected[row].number);
    case KK_ATTR_TEMPLATE: {
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *none = NULL;
        KK_TRY(kk_attrs_new(&none));
        return kk_attrs_set_template(stored, expected[row].type, none);
    }
    case KK_ATTR_MECHANISMS:
        return kk_attrs_set_mechanisms(stored, expected[row].type, NULL, 0);
    case KK_ATTR_BOOL:
    case KK_ATTR_BYTES:
        break;
    }
    return kk_attrs_set_bytes(stored, expected[row].type, KK_SPAN(NULL, 0));
}

static KK_RV add_expected(struct kk_attrs *stored)
{
    uint64_t object_class = class_of(stored);
    for (size_t i = 0; i < KK_ARRAY_LEN(expected); i++) {
        if (expected[i].object_class == object_class && !kk_attrs_has(stored, expected[i].type)) {
            KK_TRY(set_expected(i, stored));
        }
    }
    return CKR_OK;
}

/* The lengths of curve 25519 and the two forms of 448; with DER around them they are longer. */
static bool is_bare_point(struct kk_span point)
{
    return point.len == 32 || point.len == 56 || point.len == 57;
}

/* Keys on curves whose points are bytes: SoftHSM has one type for them, and its own are in DER. */
static KK_RV lower_curve(struct kk_attrs *stored)
{
    uint64_t type = kk_attrs_number(stored, CKA_KEY_TYPE, UINT64_MAX);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer wrapped = {0};
    if (type != CKK_EC_MONTGOMERY && type != CKK_EC_EDWARDS) {
        return CKR_OK;
    }
    KK_TRY(kk_attrs_set_number(stored, CKA_KEY_TYPE, CKK_EC_EDWARDS));
    struct kk_span point = kk_attrs_bytes(stored, CKA_EC_POINT);
    if (!is_bare_point(point)) {
        return CKR_OK;
    }
    kk_buffer_put_u8(&wrapped, KK_DER_OCTET_STRING);
    kk_buffer_put_u8(&wrapped, (uint8_t)point.len);
    kk_buffer_put_span(&wrapped, point);
    KK_TRY(kk_buffer_check(&wrapped));
    return kk_attrs_set_bytes(stored, CKA_EC_POINT, kk_buffer_span(&wrapped));
}

KK_RV kk_softhsm_export(const struct kk_attrs *attrs, struct kk_attrs **ret_stored)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *stored = NULL;
    KK_TRY(kk_attrs_new(&stored));
    for (size_t i = 0; i < attrs->count; i++) {
        if (!is_left_out(attrs, &attrs->rows[i])) {
            KK_TRY(kk_attrs_set_copy(stored, &attrs->rows[i]));
        }
    }
    KK_TRY(lower_curve(stored));
    KK_TRY(add_expected(stored));
    *ret_stored = KK_STEAL(stored);
    return CKR_OK;
}
