/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of derivations, and of what the other functions of PKCS#11 3.0 and 3.2 do beside giving a
 * code.
 */
#include <string.h>

#include "mutant.h"

/* ---- derivations ---- */

static CK_RV derive_with(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type, void *params,
                         CK_ULONG length, CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template,
                         CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_MECHANISM mechanism = {type, params, length};
    return REAL->C_DeriveKey(session, &mechanism, base, template, count, ret_key);
}

static bool is_with(CK_MECHANISM_PTR mechanism, CK_MECHANISM_TYPE type, CK_ULONG length)
{
    return mechanism != NULL && mechanism->mechanism == type && mechanism->pParameter != NULL &&
           mechanism->ulParameterLen == length;
}

/* The last byte of the string does not count. */
static CK_RV string_cut(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                        CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                        CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_KEY_DERIVATION_STRING_DATA data;
    if (!is_with(mechanism, CKM_CONCATENATE_BASE_AND_DATA, sizeof data))
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&data, mechanism->pParameter, sizeof data);
    data.ulLen -= data.ulLen > 0;
    return derive_with(session, mechanism->mechanism, &data, sizeof data, base, template, count,
                       ret_key);
}

static void spoil_string(void)
{
    USED->C_DeriveKey = string_cut;
}

static CK_RV hkdf_without_salt(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                               CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                               CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_HKDF_PARAMS hkdf;
    if (!is_with(mechanism, CKM_HKDF_DERIVE, sizeof hkdf))
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&hkdf, mechanism->pParameter, sizeof hkdf);
    if (hkdf.ulSaltType == CKF_HKDF_SALT_KEY)
        hkdf.ulSaltType = CKF_HKDF_SALT_NULL;
    return derive_with(session, mechanism->mechanism, &hkdf, sizeof hkdf, base, template, count,
                       ret_key);
}

static void spoil_salt(void)
{
    USED->C_DeriveKey = hkdf_without_salt;
}

static bool has_more_keys(CK_MECHANISM_PTR mechanism)
{
    CK_SP800_108_KDF_PARAMS kdf;
    if (!is_with(mechanism, CKM_SP800_108_COUNTER_KDF, sizeof kdf))
        return false;
    memcpy(&kdf, mechanism->pParameter, sizeof kdf);
    return kdf.ulAdditionalDerivedKeys > 0 && kdf.pAdditionalDerivedKeys != NULL &&
           kdf.pAdditionalDerivedKeys[0].phKey != NULL;
}

static CK_OBJECT_HANDLE_PTR second_key(CK_MECHANISM_PTR mechanism)
{
    CK_SP800_108_KDF_PARAMS kdf;
    memcpy(&kdf, mechanism->pParameter, sizeof kdf);
    return kdf.pAdditionalDerivedKeys[0].phKey;
}

/* The second key's handle is the first one's. */
static CK_RV second_is_first(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                             CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                             CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_RV rv = REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    if (rv == CKR_OK && has_more_keys(mechanism))
        *second_key(mechanism) = *ret_key;
    return rv;
}

static void spoil_second(void)
{
    USED->C_DeriveKey = second_is_first;
}

static CK_RV failure_leaves_handle(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                   CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                   CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_RV rv = REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    if (rv != CKR_OK && has_more_keys(mechanism))
        *second_key(mechanism) = 4711;
    return rv;
}

static void spoil_failure(void)
{
    USED->C_DeriveKey = failure_leaves_handle;
}

/* One round of PBKDF2 more than was asked for. */
static CK_RV one_round_more(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                            CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_PKCS5_PBKD2_PARAMS2 params;
    if (!is_with(mechanism, CKM_PKCS5_PBKD2, sizeof params))
        return REAL->C_GenerateKey(session, mechanism, template, count, ret_key);
    memcpy(&params, mechanism->pParameter, sizeof params);
    params.iterations++;
    CK_MECHANISM other = {CKM_PKCS5_PBKD2, &params, sizeof params};
    return REAL->C_GenerateKey(session, &other, template, count, ret_key);
}

static void spoil_rounds(void)
{
    USED->C_GenerateKey = one_round_more;
}

/* ---- messages and dual functions ---- */

static CK_RV encrypt_without_data(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                                  CK_ULONG parameter_length, CK_BYTE_PTR aad, CK_ULONG aad_length,
                                  CK_BYTE_PTR in, CK_ULONG length, CK_BYTE_PTR out,
                                  CK_ULONG_PTR out_length)
{
    (void)aad_length;
    return REAL->C_EncryptMessage(session, parameter, parameter_length, aad, 0, in, length, out,
                                  out_length);
}

static CK_RV decrypt_without_data(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                                  CK_ULONG parameter_length, CK_BYTE_PTR aad, CK_ULONG aad_length,
                                  CK_BYTE_PTR in, CK_ULONG length, CK_BYTE_PTR out,
                                  CK_ULONG_PTR out_length)
{
    (void)aad_length;
    return REAL->C_DecryptMessage(session, parameter, parameter_length, aad, 0, in, length, out,
                                  out_length);
}

/* On both ways: every message comes back. */
static void spoil_message_data(void)
{
    USED->C_EncryptMessage = encrypt_without_data;
    USED->C_DecryptMessage = decrypt_without_data;
}

static CK_RV begin_without_data(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                                CK_ULONG parameter_length, CK_BYTE_PTR aad, CK_ULONG aad_length)
{
    (void)aad_length;
    return REAL->C_EncryptMessageBegin(session, parameter, parameter_length, aad, 0);
}

static void spoil_begin_data(void)
{
    USED->C_EncryptMessageBegin = begin_without_data;
}

/* The message never ends. */
static CK_RV flag_ignored(CK_SESSION_HANDLE session, CK_VOID_PTR parameter,
                          CK_ULONG parameter_length, CK_BYTE_PTR in, CK_ULONG length,
                          CK_BYTE_PTR out, CK_ULONG_PTR out_length, CK_FLAGS flags)
{
    (void)flags;
    return REAL->C_DecryptMessageNext(session, parameter, parameter_length, in, length, out,
                                      out_length, 0);
}

static void spoil_flag(void)
{
    USED->C_DecryptMessageNext = flag_ignored;
}

/* The signature gets all but the last byte of what is encrypted. */
static CK_RV sign_less(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length,
                       CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
    CK_BYTE copy[1024];
    if (part == NULL || out == NULL || length == 0 || length > sizeof copy)
        return REAL->C_SignEncryptUpdate(session, part, length, out, out_length);
    memcpy(copy, part, length);
    CK_RV rv = REAL->C_EncryptUpdate(session, part, length, out, out_length);
    return rv == CKR_OK ? REAL->C_SignUpdate(session, copy, length - 1) : rv;
}

static void spoil_sign_part(void)
{
    USED->C_SignEncryptUpdate = sign_less;
}

/* ---- states ---- */

static CK_RV restore_nothing(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG length,
                             CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE other)
{
    (void)state;
    (void)length;
    (void)key;
    (void)other;
    CK_SESSION_INFO info;
    return REAL->C_GetSessionInfo(session, &info);
}

static void spoil_restore(void)
{
    USED->C_SetOperationState = restore_nothing;
}

static CK_RV state_length_short(CK_SESSION_HANDLE session, CK_BYTE_PTR state, CK_ULONG_PTR length)
{
    CK_RV rv = REAL->C_GetOperationState(session, state, length);
    if (rv == CKR_OK && state == NULL)
        *length -= 1;
    return rv;
}

static void spoil_state_length(void)
{
    USED->C_GetOperationState = state_length_short;
}

/* ---- new keys ---- */

/* A key that comes in has the label of the template no more. */
static CK_RV unwrap_unlabelled(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                               CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length,
                               CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_BYTE_PTR aad,
                               CK_ULONG aad_length, CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template less = mutant_without(template, count, CKA_LABEL);
    return REAL->C_UnwrapKeyAuthenticated(session, mechanism, by, wrapped, length, less.attributes,
                                          less.count, aad, aad_length, ret_key);
}

static void spoil_unwrap_label(void)
{
    USED->C_UnwrapKeyAuthenticated = unwrap_unlabelled;
}

static CK_RV unwrap_extractable(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length,
                                CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_BYTE_PTR aad,
                                CK_ULONG aad_length, CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_EXTRACTABLE, CK_TRUE);
    return REAL->C_UnwrapKeyAuthenticated(session, mechanism, by, wrapped, length, open.attributes,
                                          open.count, aad, aad_length, ret_key);
}

static void spoil_unwrap_extractable(void)
{
    USED->C_UnwrapKeyAuthenticated = unwrap_extractable;
}

static CK_RV decapsulate_extractable(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                     CK_OBJECT_HANDLE key, CK_ATTRIBUTE_PTR template,
                                     CK_ULONG count, CK_BYTE_PTR ciphertext, CK_ULONG length,
                                     CK_OBJECT_HANDLE_PTR ret_key)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_EXTRACTABLE, CK_TRUE);
    return REAL->C_DecapsulateKey(session, mechanism, key, open.attributes, open.count, ciphertext,
                                  length, ret_key);
}

static void spoil_decapsulate(void)
{
    USED->C_DecapsulateKey = decapsulate_extractable;
}

/* ---- asynchronous calls, users ---- */

static CK_RV result_short(CK_SESSION_HANDLE session, CK_UTF8CHAR_PTR name, CK_ASYNC_DATA_PTR result)
{
    CK_RV rv = REAL->C_AsyncComplete(session, name, result);
    if (rv == CKR_OK && result->ulValue > 0)
        result->ulValue--;
    return rv;
}

static void spoil_result(void)
{
    USED->C_AsyncComplete = result_short;
}

/* Nobody logs in for one operation by this function. */
static CK_RV no_context(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                        CK_ULONG length, CK_UTF8CHAR_PTR name, CK_ULONG name_length)
{
    if (user == CKU_CONTEXT_SPECIFIC)
        return CKR_USER_TYPE_INVALID;
    return REAL->C_LoginUser(session, user, pin, length, name, name_length);
}

static void spoil_user(void)
{
    USED->C_LoginUser = no_context;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("derive-string-cut", "kdf", spoil_string),
    HOOK_FAULT("derive-salt-key-ignored", "kdf", spoil_salt),
    HOOK_FAULT("derive-second-is-first", "kdf", spoil_second),
    HOOK_FAULT("derive-failure-leaves-handle", "kdf", spoil_failure),
    HOOK_FAULT("password-one-round-more", "kdf", spoil_rounds),
    HOOK_FAULT("message-data-ignored", "messages", spoil_message_data),
    HOOK_FAULT("message-begin-data-ignored", "messages", spoil_begin_data),
    HOOK_FAULT("message-end-ignored", "messages,clauses/end_of_message", spoil_flag),
    HOOK_FAULT("dual-signs-less", "dual", spoil_sign_part),
    HOOK_FAULT("state-restores-nothing", "state", spoil_restore),
    HOOK_FAULT("state-length-short", "state", spoil_state_length),
    HOOK_FAULT("unwrapauth-label-lost", "wrapauth,clauses", spoil_unwrap_label),
    HOOK_FAULT("unwrapauth-extractable", "clauses/history*", spoil_unwrap_extractable),
    HOOK_FAULT("decapsulate-extractable", "clauses/history*", spoil_decapsulate),
    HOOK_FAULT("async-result-short", "async", spoil_result),
    HOOK_FAULT("login-user-no-context", "clauses/context_by_name", spoil_user),
};
/* clang-format on */

const struct mutant_table mutant_kdf = {faults, sizeof faults / sizeof faults[0]};
