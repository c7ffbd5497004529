/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults that OASIS's test cases and the checks of profiles are there for: claims that do not hold,
 * and small things between two calls of a case.
 */
#include <string.h>

#include "mutant.h"

static CK_ULONG number_of(const CK_ATTRIBUTE *template, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
    for (CK_ULONG i = 0; template != NULL && i < count; i++) {
        if (template[i].type == type && template[i].pValue != NULL &&
            template[i].ulValueLen == sizeof value)
            memcpy(&value, template[i].pValue, sizeof value);
    }
    return value;
}

static bool flag_of(const CK_ATTRIBUTE *template, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; template != NULL && i < count; i++) {
        if (template[i].type == type && template[i].pValue != NULL)
            return *(const CK_BBOOL *)template[i].pValue != CK_FALSE;
    }
    return false;
}

/* ---- claims: who asks for one profile is answered with another ---- */

static CK_PROFILE_ID asked, answered;
static bool (*answers)(void);

static bool always(void)
{
    return true;
}

static CK_RV search_other_profile(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template,
                                  CK_ULONG count)
{
    struct mutant_template other = {.count = 0};
    if (number_of(template, count, CKA_CLASS) != CKO_PROFILE ||
        number_of(template, count, CKA_PROFILE_ID) != asked || !answers())
        return REAL->C_FindObjectsInit(session, template, count);
    for (CK_ULONG i = 0; i < count && i < 64; i++) {
        other.attributes[other.count] = template[i];
        if (template[i].type == CKA_PROFILE_ID)
            other.attributes[other.count].pValue = &answered;
        other.count++;
    }
    return REAL->C_FindObjectsInit(session, other.attributes, other.count);
}

static void answer(CK_PROFILE_ID question, CK_PROFILE_ID reply, bool (*when)(void))
{
    asked = question;
    answered = reply;
    answers = when;
    USED->C_FindObjectsInit = search_other_profile;
}

static void claim_certificates(void)
{
    answer(CKP_PUBLIC_CERTIFICATES_TOKEN, CKP_BASELINE_PROVIDER, always);
}

static void claim_complete(void)
{
    answer(CKP_COMPLETE_PROVIDER, CKP_BASELINE_PROVIDER, always);
}

static void claim_invalid(void)
{
    answer(CKP_INVALID_ID, CKP_BASELINE_PROVIDER, always);
}

/* ---- claims that depend on the wrong things ---- */

static bool logged_in, certificate_made, certificate_gone;
static CK_OBJECT_HANDLE last_certificate;

static bool nobody_logged_in(void)
{
    return !logged_in;
}

static bool private_certificate_made(void)
{
    return certificate_made;
}

static bool private_certificate_gone(void)
{
    return certificate_gone;
}

static CK_RV login_noted(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin,
                         CK_ULONG length)
{
    CK_RV rv = REAL->C_Login(session, user, pin, length);
    logged_in = logged_in || rv == CKR_OK;
    return rv;
}

static CK_RV logout_noted(CK_SESSION_HANDLE session)
{
    logged_in = false;
    return REAL->C_Logout(session);
}

/* The claim can be seen in a login only. */
static void claim_needs_login(void)
{
    answer(CKP_PUBLIC_CERTIFICATES_TOKEN, CKP_INVALID_ID, nobody_logged_in);
    USED->C_Login = login_noted;
    USED->C_Logout = logout_noted;
}

static CK_RV create_noted(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                          CK_OBJECT_HANDLE_PTR ret_object)
{
    CK_RV rv = REAL->C_CreateObject(session, template, count, ret_object);
    if (rv == CKR_OK && number_of(template, count, CKA_CLASS) == CKO_CERTIFICATE)
        last_certificate = *ret_object;
    return rv;
}

static CK_RV destroy_noted(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    certificate_gone = certificate_gone || object == last_certificate;
    return REAL->C_DestroyObject(session, object);
}

static CK_RV open_anew(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify,
                       CK_SESSION_HANDLE_PTR ret_session)
{
    certificate_gone = false;
    return REAL->C_OpenSession(slot, flags, application, notify, ret_session);
}

/* The claim comes back with the next session only. */
static void claim_back_late(void)
{
    answer(CKP_PUBLIC_CERTIFICATES_TOKEN, CKP_INVALID_ID, private_certificate_gone);
    USED->C_CreateObject = create_noted;
    USED->C_DestroyObject = destroy_noted;
    USED->C_OpenSession = open_anew;
}

static CK_RV create_session_noted(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template,
                                  CK_ULONG count, CK_OBJECT_HANDLE_PTR ret_object)
{
    CK_RV rv = REAL->C_CreateObject(session, template, count, ret_object);
    if (rv == CKR_OK && number_of(template, count, CKA_CLASS) == CKO_CERTIFICATE &&
        flag_of(template, count, CKA_PRIVATE) && !flag_of(template, count, CKA_TOKEN))
        certificate_made = true;
    return rv;
}

/* Session objects count. */
static void claim_ended_by_session_object(void)
{
    answer(CKP_PUBLIC_CERTIFICATES_TOKEN, CKP_INVALID_ID, private_certificate_made);
    USED->C_CreateObject = create_session_noted;
}

/* ---- reading between the calls of a search ---- */

static CK_RV read_ends_search(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                              CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    if (rv == CKR_OK)
        (void)REAL->C_FindObjectsFinal(session);
    return rv;
}

static void spoil_search_by_read(void)
{
    USED->C_GetAttributeValue = read_ends_search;
}

static CK_RV read_label_as_text(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_BYTE label[256];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        if (template[i].type == CKA_LABEL &&
            REAL->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK)
            template[i].ulValueLen = strnlen((const char *)label, attribute.ulValueLen);
    }
    return rv;
}

static void spoil_label(void)
{
    USED->C_GetAttributeValue = read_label_as_text;
}

/* What is behind the value in a buffer that is longer is overwritten. */
static CK_RV read_and_fill(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_ULONG rooms[64] = {0};
    for (CK_ULONG i = 0; template != NULL && i < count && i < 64; i++)
        rooms[i] = template[i].pValue == NULL ? 0 : template[i].ulValueLen;
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count && i < 64; i++) {
        if (template[i].ulValueLen < rooms[i])
            memset((CK_BYTE *)template[i].pValue + template[i].ulValueLen, 0,
                   rooms[i] - template[i].ulValueLen);
    }
    return rv;
}

static void spoil_buffer(void)
{
    USED->C_GetAttributeValue = read_and_fill;
}

/* All profile objects have one id. */
static CK_RV read_one_id(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    if (REAL->C_GetAttributeValue(session, object, &attribute, 1) != CKR_OK || class != CKO_PROFILE)
        return rv;
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        if (template[i].type == CKA_UNIQUE_ID && template[i].pValue != NULL)
            memset(template[i].pValue, '0', template[i].ulValueLen);
    }
    return rv;
}

static void spoil_profile_id(void)
{
    USED->C_GetAttributeValue = read_one_id;
}

/* ---- what is told of token and mechanisms ---- */

static CK_RV token_restores(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK)
        info->flags &= ~(CK_FLAGS)CKF_RESTORE_KEY_NOT_NEEDED;
    return rv;
}

static void spoil_restore_flag(void)
{
    USED->C_GetTokenInfo = token_restores;
}

static CK_RV token_wants_new_pin(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && (info->flags & CKF_USER_PIN_INITIALIZED) != 0)
        info->flags |= CKF_USER_PIN_TO_BE_CHANGED;
    return rv;
}

static void spoil_pin_flag(void)
{
    USED->C_GetTokenInfo = token_wants_new_pin;
}

static CK_RV mechanism_of_smaller_keys(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                       CK_MECHANISM_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetMechanismInfo(slot, type, info);
    if (rv == CKR_OK && type == CKM_RSA_PKCS)
        info->ulMaxKeySize = 4096;
    return rv;
}

static void spoil_rsa_size(void)
{
    USED->C_GetMechanismInfo = mechanism_of_smaller_keys;
}

static CK_RV mechanism_of_sized_digest(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                                       CK_MECHANISM_INFO_PTR info)
{
    CK_RV rv = REAL->C_GetMechanismInfo(slot, type, info);
    if (rv == CKR_OK && type == CKM_SHA512)
        info->ulMinKeySize = info->ulMaxKeySize = 64;
    return rv;
}

static void spoil_digest_size(void)
{
    USED->C_GetMechanismInfo = mechanism_of_sized_digest;
}

/* ---- sessions ---- */

static CK_ULONG session_count;

static CK_RV open_counted(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application,
                          CK_NOTIFY notify, CK_SESSION_HANDLE_PTR ret_session)
{
    CK_RV rv = REAL->C_OpenSession(slot, flags, application, notify, ret_session);
    session_count += rv == CKR_OK;
    return rv;
}

static CK_RV close_counted(CK_SESSION_HANDLE session)
{
    CK_RV rv = REAL->C_CloseSession(session);
    session_count -= rv == CKR_OK && session_count > 0;
    return rv;
}

static CK_RV close_all_counted(CK_SLOT_ID slot)
{
    CK_RV rv = REAL->C_CloseAllSessions(slot);
    bool was_none = session_count == 0;
    session_count = 0;
    return rv == CKR_OK && was_none ? CKR_SESSION_CLOSED : rv;
}

/* Nothing to close is an error. */
static void spoil_close_all(void)
{
    USED->C_OpenSession = open_counted;
    USED->C_CloseSession = close_counted;
    USED->C_CloseAllSessions = close_all_counted;
}

/* ---- HKDF ---- */

static CK_RV derive_by_text(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                            CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                            CK_OBJECT_HANDLE_PTR ret_key)
{
    CK_HKDF_PARAMS params;
    if (mechanism == NULL || mechanism->mechanism != CKM_HKDF_DATA ||
        mechanism->ulParameterLen != sizeof params)
        return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
    memcpy(&params, mechanism->pParameter, sizeof params);
    if (params.ulInfoLen > 0 && params.pInfo[params.ulInfoLen - 1] == 0)
        params.ulInfoLen--;
    CK_MECHANISM other = {CKM_HKDF_DATA, &params, sizeof params};
    return REAL->C_DeriveKey(session, &other, base, template, count, ret_key);
}

/* The zero behind a label is taken for the end of a text. */
static void spoil_info(void)
{
    USED->C_DeriveKey = derive_by_text;
}

static CK_RV derive_known_labels(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                 CK_OBJECT_HANDLE base, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                                 CK_OBJECT_HANDLE_PTR ret_key)
{
    static const char quic[] = "tls quic iv";
    CK_HKDF_PARAMS params;
    if (mechanism != NULL && mechanism->mechanism == CKM_HKDF_DATA &&
        mechanism->ulParameterLen == sizeof params) {
        memcpy(&params, mechanism->pParameter, sizeof params);
        if (params.ulInfoLen == 2 + sizeof quic && memcmp(params.pInfo + 2, quic, sizeof quic) == 0)
            return CKR_MECHANISM_PARAM_INVALID;
    }
    return REAL->C_DeriveKey(session, mechanism, base, template, count, ret_key);
}

static void spoil_quic(void)
{
    USED->C_DeriveKey = derive_known_labels;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("profile-certificates-always", "profiles", claim_certificates),
    HOOK_FAULT("profile-complete-claimed", "profiles", claim_complete),
    HOOK_FAULT("profile-invalid-claimed", "profiles", claim_invalid),
    HOOK_FAULT("profile-needs-login", "profiles", claim_needs_login),
    HOOK_FAULT("profile-back-late", "profiles", claim_back_late),
    HOOK_FAULT("profile-session-object-counts", "profiles", claim_ended_by_session_object),
    HOOK_FAULT("profile-unique-id-shared", "profiles", spoil_profile_id),
    HOOK_FAULT("read-ends-search", "oasis", spoil_search_by_read),
    HOOK_FAULT("read-label-ends-at-zero", "oasis", spoil_label),
    HOOK_FAULT("read-fills-buffer", "oasis", spoil_buffer),
    HOOK_FAULT("token-restore-flag-missing", "oasis", spoil_restore_flag),
    HOOK_FAULT("token-new-pin-wanted", "oasis", spoil_pin_flag),
    HOOK_FAULT("mechanism-rsa-maximum", "oasis", spoil_rsa_size),
    HOOK_FAULT("mechanism-digest-has-keys", "oasis", spoil_digest_size),
    HOOK_FAULT("close-all-needs-session", "oasis", spoil_close_all),
    HOOK_FAULT("hkdf-info-is-text", "profiles", spoil_info),
    HOOK_FAULT("hkdf-quic-refused", "profiles", spoil_quic),
};
/* clang-format on */

const struct mutant_table mutant_profiles = {faults, sizeof faults / sizeof faults[0]};
