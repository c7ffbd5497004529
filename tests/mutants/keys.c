/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of key management: generating, wrapping, unwrapping, deriving.
 */
#include <string.h>

#include "mutant.h"

/* ---- generating ---- */

static CK_RV generate_open(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                           CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_SENSITIVE, CK_FALSE);
    open = mutant_with_bool(open.attributes, open.count, CKA_EXTRACTABLE, CK_TRUE);
    return REAL->C_GenerateKey(session, mechanism, template == NULL ? NULL : open.attributes,
                               template == NULL ? count : open.count, ret_key);
}

static void spoil_generate_secrecy(void)
{
    USED->C_GenerateKey = generate_open;
}

static CK_RV generate_shorter(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR ret_key)
{
    static CK_ULONG sixteen = 16;
    struct mutant_template other = mutant_without(template, count, CKA_VALUE_LEN);
    if (template == NULL || other.count == count)
        return REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    other.attributes[other.count++] = (CK_ATTRIBUTE){CKA_VALUE_LEN, &sixteen, sizeof sixteen};
    return REAL->C_GenerateKey(session, mechanism, other.attributes, other.count, ret_key);
}

static void spoil_generate_length(void)
{
    USED->C_GenerateKey = generate_shorter;
}

/* Every key is the same key. */
static CK_RV generate_constant(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                               CK_ATTRIBUTE_PTR template, CK_ULONG count,
                               CK_OBJECT_HANDLE_PTR ret_key)
{
    static CK_BYTE value[32] = "the same key for all who ask it";
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_RV rv = REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    if (rv != CKR_OK || mechanism->mechanism != CKM_AES_KEY_GEN)
        return rv;
    struct mutant_template made = mutant_without(template, count, CKA_VALUE_LEN);
    for (CK_ULONG i = 0; i < count; i++) {
        if (template[i].type == CKA_VALUE_LEN)
            made.attributes[made.count++] =
                (CK_ATTRIBUTE){CKA_VALUE, value, *(CK_ULONG *)template[i].pValue};
    }
    made = mutant_without(made.attributes, made.count, CKA_CLASS);
    made = mutant_without(made.attributes, made.count, CKA_KEY_TYPE);
    made.attributes[made.count++] = (CK_ATTRIBUTE){CKA_CLASS, &class, sizeof class};
    made.attributes[made.count++] = (CK_ATTRIBUTE){CKA_KEY_TYPE, &type, sizeof type};
    CK_OBJECT_HANDLE key = 0;
    if (REAL->C_CreateObject(session, made.attributes, made.count, &key) != CKR_OK)
        return rv;
    REAL->C_DestroyObject(session, *ret_key);
    *ret_key = key;
    return CKR_OK;
}

static void spoil_generate_value(void)
{
    USED->C_GenerateKey = generate_constant;
}

static CK_RV pair_swapped(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                          CK_ATTRIBUTE_PTR public, CK_ULONG public_count, CK_ATTRIBUTE_PTR private,
                          CK_ULONG private_count, CK_OBJECT_HANDLE_PTR ret_public,
                          CK_OBJECT_HANDLE_PTR ret_private)
{
    return REAL->C_GenerateKeyPair(session, mechanism, public, public_count, private, private_count,
                                   ret_private, ret_public);
}

static void spoil_pair_order(void)
{
    USED->C_GenerateKeyPair = pair_swapped;
}

static CK_RV pair_open(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                       CK_ATTRIBUTE_PTR public, CK_ULONG public_count, CK_ATTRIBUTE_PTR private,
                       CK_ULONG private_count, CK_OBJECT_HANDLE_PTR ret_public,
                       CK_OBJECT_HANDLE_PTR ret_private)
{
    struct mutant_template open = mutant_with_bool(private, private_count, CKA_SENSITIVE, CK_FALSE);
    open = mutant_with_bool(open.attributes, open.count, CKA_EXTRACTABLE, CK_TRUE);
    return REAL->C_GenerateKeyPair(
        session, mechanism, public, public_count, private == NULL ? NULL : open.attributes,
        private == NULL ? private_count : open.count, ret_public, ret_private);
}

static void spoil_pair_secrecy(void)
{
    USED->C_GenerateKeyPair = pair_open;
}

/* The keys of two pairs. */
static CK_RV pair_mixed(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                        CK_ATTRIBUTE_PTR public, CK_ULONG public_count, CK_ATTRIBUTE_PTR private,
                        CK_ULONG private_count, CK_OBJECT_HANDLE_PTR ret_public,
                        CK_OBJECT_HANDLE_PTR ret_private)
{
    CK_OBJECT_HANDLE other = 0;
    CK_RV rv = REAL->C_GenerateKeyPair(session, mechanism, public, public_count, private,
                                       private_count, ret_public, ret_private);
    if (rv == CKR_OK)
        rv = REAL->C_GenerateKeyPair(session, mechanism, public, public_count, private,
                                     private_count, ret_public, &other);
    return rv;
}

static void spoil_pair_match(void)
{
    USED->C_GenerateKeyPair = pair_mixed;
}

/* ---- wrapping ---- */

static CK_RV wrap_flipped(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                          CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE_PTR out,
                          CK_ULONG_PTR length)
{
    CK_RV rv = REAL->C_WrapKey(session, mechanism, by, key, out, length);
    if (rv == CKR_OK && out != NULL)
        out[0] ^= 1;
    return rv;
}

static void spoil_wrap_bit(void)
{
    USED->C_WrapKey = wrap_flipped;
}

/* A format of its own on both ways: only another implementation notices. */
static CK_RV wrap_masked(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by,
                         CK_OBJECT_HANDLE key, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
    CK_RV rv = REAL->C_WrapKey(session, mechanism, by, key, out, length);
    for (CK_ULONG i = 0; rv == CKR_OK && out != NULL && i < *length; i++)
        out[i] ^= 0x55;
    return rv;
}

static CK_RV unwrap_masked(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                           CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length,
                           CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_BYTE plain[8192];
    if (wrapped == NULL || length > sizeof plain)
        return REAL->C_UnwrapKey(session, mechanism, by, wrapped, length, template, count, ret_key);
    for (CK_ULONG i = 0; i < length; i++)
        plain[i] = wrapped[i] ^ 0x55;
    return REAL->C_UnwrapKey(session, mechanism, by, plain, length, template, count, ret_key);
}

static void spoil_wrap_format(void)
{
    USED->C_WrapKey = wrap_masked;
    USED->C_UnwrapKey = unwrap_masked;
}

static CK_RV wrap_query_short(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE_PTR out,
                              CK_ULONG_PTR length)
{
    CK_RV rv = REAL->C_WrapKey(session, mechanism, by, key, out, length);
    if (rv == CKR_OK && out == NULL)
        --*length;
    return rv;
}

static void spoil_wrap_query(void)
{
    USED->C_WrapKey = wrap_query_short;
}

static CK_RV unwrap_open(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by,
                         CK_BYTE_PTR wrapped, CK_ULONG length, CK_ATTRIBUTE_PTR template,
                         CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_SENSITIVE, CK_FALSE);
    open = mutant_with_bool(open.attributes, open.count, CKA_EXTRACTABLE, CK_TRUE);
    return REAL->C_UnwrapKey(session, mechanism, by, wrapped, length,
                             template == NULL ? NULL : open.attributes,
                             template == NULL ? count : open.count, ret_key);
}

static void spoil_unwrap_secrecy(void)
{
    USED->C_UnwrapKey = unwrap_open;
}

static CK_RV unwrap_unlabelled(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                               CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length,
                               CK_ATTRIBUTE_PTR template, CK_ULONG count,
                               CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template less = mutant_without(template, count, CKA_LABEL);
    return REAL->C_UnwrapKey(session, mechanism, by, wrapped, length,
                             template == NULL ? NULL : less.attributes,
                             template == NULL ? count : less.count, ret_key);
}

static void spoil_unwrap_template(void)
{
    USED->C_UnwrapKey = unwrap_unlabelled;
}

/* ---- deriving ---- */

static CK_RV derive_changed(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                            CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                            CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_ECDH1_DERIVE_PARAMS params;
    if (mechanism == NULL || mechanism->mechanism != CKM_ECDH1_DERIVE ||
        mechanism->ulParameterLen != sizeof params)
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&params, mechanism->pParameter, sizeof params);
    params.pSharedData = NULL;
    params.ulSharedDataLen = 0;
    CK_MECHANISM other = {CKM_ECDH1_DERIVE, &params, sizeof params};
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

static void spoil_derive_shared_data(void)
{
    USED->C_DeriveKey = derive_changed;
}

static CK_RV derive_untrimmed(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template less = mutant_without(template, count, CKA_VALUE_LEN);
    return REAL->C_DeriveKey(session, mechanism, base, template == NULL ? NULL : less.attributes,
                             template == NULL ? count : less.count, ret_key);
}

static void spoil_derive_length(void)
{
    USED->C_DeriveKey = derive_untrimmed;
}

static CK_RV derive_open(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                         CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                         CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_SENSITIVE, CK_FALSE);
    return REAL->C_DeriveKey(session, mechanism, base, template == NULL ? NULL : open.attributes,
                             template == NULL ? count : open.count, ret_key);
}

static void spoil_derive_secrecy(void)
{
    USED->C_DeriveKey = derive_open;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("generate-secrecy-ignored", "keygen", spoil_generate_secrecy),
    HOOK_FAULT("generate-length-ignored", "keygen", spoil_generate_length),
    HOOK_FAULT("generate-same-key", "keygen", spoil_generate_value),
    HOOK_FAULT("pair-handles-swapped", "keypair", spoil_pair_order),
    HOOK_FAULT("pair-secrecy-ignored", "keypair", spoil_pair_secrecy),
    HOOK_FAULT("pair-halves-of-two", "keypair", spoil_pair_match),
    HOOK_FAULT("wrap-bit-flipped", "wrap", spoil_wrap_bit),
    HOOK_FAULT("wrap-format-own", "interop,wrap", spoil_wrap_format),
    HOOK_FAULT("wrap-query-off-by-one", "wrap", spoil_wrap_query),
    HOOK_FAULT("unwrap-secrecy-ignored", "wrap", spoil_unwrap_secrecy),
    HOOK_FAULT("unwrap-label-ignored", "wrap", spoil_unwrap_template),
    HOOK_FAULT("derive-shared-data-ignored", "derive", spoil_derive_shared_data),
    HOOK_FAULT("derive-length-ignored", "derive", spoil_derive_length),
    HOOK_FAULT("derive-secrecy-ignored", "derive", spoil_derive_secrecy),
};
/* clang-format on */

const struct mutant_table mutant_keys = {faults, sizeof faults / sizeof faults[0]};
