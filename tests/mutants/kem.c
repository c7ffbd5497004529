/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of encapsulation and decapsulation.
 */
#include <string.h>

#include "mutant.h"

static CK_RV encapsulate_flipped(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                 CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                 CK_BYTE_PTR out, CK_ULONG_PTR length, CK_OBJECT_HANDLE_PTR made)
{
    CK_RV rv = REAL->C_EncapsulateKey(session, mechanism, key, template, count, out, length, made);
    if (rv == CKR_OK && out != NULL)
        out[*length - 1] ^= 1;
    return rv;
}

static void spoil_ciphertext(void)
{
    USED->C_EncapsulateKey = encapsulate_flipped;
}

/* A format of its own on both ways: only another implementation notices. */
static CK_RV encapsulate_masked(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                CK_BYTE_PTR out, CK_ULONG_PTR length, CK_OBJECT_HANDLE_PTR made)
{
    CK_RV rv = REAL->C_EncapsulateKey(session, mechanism, key, template, count, out, length, made);
    for (CK_ULONG i = 0; rv == CKR_OK && out != NULL && i < *length; i++)
        out[i] ^= 0x55;
    return rv;
}

static CK_RV decapsulate_masked(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                CK_BYTE_PTR in, CK_ULONG length, CK_OBJECT_HANDLE_PTR made)
{
    CK_BYTE plain[4096];
    if (in == NULL || length > sizeof plain)
        return REAL->C_DecapsulateKey(session, mechanism, key, template, count, in, length, made);
    for (CK_ULONG i = 0; i < length; i++)
        plain[i] = in[i] ^ 0x55;
    return REAL->C_DecapsulateKey(session, mechanism, key, template, count, plain, length, made);
}

static void spoil_format(void)
{
    USED->C_EncapsulateKey = encapsulate_masked;
    USED->C_DecapsulateKey = decapsulate_masked;
}

/* A length query makes a key already. */
static CK_RV encapsulate_query_makes(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                     CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template,
                                     CK_ULONG count, CK_BYTE_PTR out, CK_ULONG_PTR length,
                                     CK_OBJECT_HANDLE_PTR made)
{
    CK_BYTE thrown_away[4096];
    CK_ULONG room = sizeof thrown_away;
    CK_OBJECT_HANDLE lost = 0;
    CK_RV rv = REAL->C_EncapsulateKey(session, mechanism, key, template, count, out, length, made);
    if ((rv == CKR_OK && out == NULL) || rv == CKR_BUFFER_TOO_SMALL)
        REAL->C_EncapsulateKey(session, mechanism, key, template, count, thrown_away, &room, &lost);
    return rv;
}

static void spoil_query(void)
{
    USED->C_EncapsulateKey = encapsulate_query_makes;
}

static CK_RV encapsulate_query_short(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                     CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template,
                                     CK_ULONG count, CK_BYTE_PTR out, CK_ULONG_PTR length,
                                     CK_OBJECT_HANDLE_PTR made)
{
    CK_RV rv = REAL->C_EncapsulateKey(session, mechanism, key, template, count, out, length, made);
    if (rv == CKR_OK && out == NULL)
        --*length;
    return rv;
}

static void spoil_query_length(void)
{
    USED->C_EncapsulateKey = encapsulate_query_short;
}

static CK_RV encapsulate_open(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                              CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                              CK_BYTE_PTR out, CK_ULONG_PTR length, CK_OBJECT_HANDLE_PTR made)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_SENSITIVE, CK_FALSE);
    return REAL->C_EncapsulateKey(session, mechanism, key,
                                  template == NULL ? NULL : open.attributes,
                                  template == NULL ? count : open.count, out, length, made);
}

static void spoil_secrecy(void)
{
    USED->C_EncapsulateKey = encapsulate_open;
}

static CK_RV decapsulate_unlabelled(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                    CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                    CK_BYTE_PTR in, CK_ULONG length, CK_OBJECT_HANDLE_PTR made)
{
    struct mutant_template less = mutant_without(template, count, CKA_LABEL);
    return REAL->C_DecapsulateKey(session, mechanism, key,
                                  template == NULL ? NULL : less.attributes,
                                  template == NULL ? count : less.count, in, length, made);
}

static void spoil_template(void)
{
    USED->C_DecapsulateKey = decapsulate_unlabelled;
}

/* The same ciphertext and key again and again. */
static CK_RV encapsulate_constant(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                  CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                  CK_BYTE_PTR out, CK_ULONG_PTR length, CK_OBJECT_HANDLE_PTR made)
{
    static CK_BYTE kept[4096];
    static CK_ULONG kept_length;
    static CK_OBJECT_HANDLE kept_key;
    static CK_MECHANISM_TYPE kept_type;
    CK_RV rv = REAL->C_EncapsulateKey(session, mechanism, key, template, count, out, length, made);
    if (rv != CKR_OK || out == NULL || *length > sizeof kept)
        return rv;
    if (kept_length != *length || kept_type != mechanism->mechanism || kept_key == 0) {
        memcpy(kept, out, *length);
        kept_length = *length;
        kept_type = mechanism->mechanism;
        kept_key = *made;
    }
    memcpy(out, kept, *length);
    *made = kept_key;
    return rv;
}

static void spoil_freshness(void)
{
    USED->C_EncapsulateKey = encapsulate_constant;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("encapsulate-permission-hidden", "kem", C_EncapsulateKey, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("encapsulate-too-small-hidden", "kem", C_EncapsulateKey, CKR_BUFFER_TOO_SMALL, CKR_OK),
    CODE_FAULT("encapsulate-template-hidden", "kem", C_EncapsulateKey, CKR_KEY_HANDLE_INVALID, CKR_OK),
    CODE_FAULT("encapsulate-incomplete-code", "kem", C_EncapsulateKey, CKR_TEMPLATE_INCOMPLETE, CKR_GENERAL_ERROR),
    CODE_FAULT("encapsulate-size-code", "kem", C_EncapsulateKey, CKR_KEY_SIZE_RANGE, CKR_OK),
    CODE_FAULT("decapsulate-permission-hidden", "kem", C_DecapsulateKey, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("decapsulate-length-hidden", "kem", C_DecapsulateKey, CKR_WRAPPED_KEY_LEN_RANGE, CKR_OK),
    CODE_FAULT("decapsulate-type-code", "kem", C_DecapsulateKey, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, CKR_KEY_TYPE_INCONSISTENT),
    CODE_FAULT("decapsulate-conflict-hidden", "kem", C_DecapsulateKey, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    HOOK_FAULT("encapsulate-bit-flipped", "kem", spoil_ciphertext),
    HOOK_FAULT("encapsulate-format-own", "kem", spoil_format),
    HOOK_FAULT("encapsulate-query-makes-key", "kem", spoil_query),
    HOOK_FAULT("encapsulate-query-off-by-one", "kem", spoil_query_length),
    HOOK_FAULT("encapsulate-secrecy-ignored", "kem", spoil_secrecy),
    HOOK_FAULT("encapsulate-same-key", "kem", spoil_freshness),
    HOOK_FAULT("decapsulate-label-ignored", "kem", spoil_template),
};
/* clang-format on */

const struct mutant_table mutant_kem = {faults, sizeof faults / sizeof faults[0]};
