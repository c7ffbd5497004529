/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of wrapping with associated data.
 */
#include <string.h>

#include "mutant.h"

static CK_RV wrap_without_data(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                               CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE_PTR aad,
                               CK_ULONG aad_length, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
    return REAL->C_WrapKeyAuthenticated(session, mechanism, by, key, aad == NULL ? NULL : aad,
                                        aad == NULL ? aad_length : 0, out, length);
}

static CK_RV unwrap_without_data(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                 CK_OBJECT_HANDLE by, CK_BYTE_PTR wrapped, CK_ULONG length,
                                 CK_ATTRIBUTE_PTR template, CK_ULONG count, CK_BYTE_PTR aad,
                                 CK_ULONG aad_length, CK_OBJECT_HANDLE_PTR ret_key)
{
    return REAL->C_UnwrapKeyAuthenticated(session, mechanism, by, wrapped, length, template, count,
                                          aad, aad == NULL ? aad_length : 0, ret_key);
}

/* On both ways: every key comes back. */
static void spoil_data(void)
{
    USED->C_WrapKeyAuthenticated = wrap_without_data;
    USED->C_UnwrapKeyAuthenticated = unwrap_without_data;
}

/* The IV of the first call is every call's. */
static CK_RV wrap_one_iv(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE by,
                         CK_OBJECT_HANDLE key, CK_BYTE_PTR aad, CK_ULONG aad_length,
                         CK_BYTE_PTR out, CK_ULONG_PTR length)
{
    CK_GCM_MESSAGE_PARAMS gcm;
    if (mechanism == NULL || mechanism->mechanism != CKM_AES_GCM ||
        mechanism->ulParameterLen != sizeof gcm)
        return REAL->C_WrapKeyAuthenticated(session, mechanism, by, key, aad, aad_length, out,
                                            length);
    memcpy(&gcm, mechanism->pParameter, sizeof gcm);
    if (gcm.ivGenerator != CKG_NO_GENERATE && gcm.pIv != NULL)
        memset(gcm.pIv, 5, gcm.ulIvLen);
    gcm.ivGenerator = CKG_NO_GENERATE;
    CK_MECHANISM other = {CKM_AES_GCM, &gcm, sizeof gcm};
    return REAL->C_WrapKeyAuthenticated(session, &other, by, key, aad, aad_length, out, length);
}

static void spoil_iv(void)
{
    USED->C_WrapKeyAuthenticated = wrap_one_iv;
}

/* The tag is written also where the buffer was too small. */
static CK_RV wrap_tag_early(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                            CK_OBJECT_HANDLE by, CK_OBJECT_HANDLE key, CK_BYTE_PTR aad,
                            CK_ULONG aad_length, CK_BYTE_PTR out, CK_ULONG_PTR length)
{
    CK_BYTE thrown_away[4096];
    CK_ULONG room = sizeof thrown_away;
    CK_RV rv =
        REAL->C_WrapKeyAuthenticated(session, mechanism, by, key, aad, aad_length, out, length);
    if (rv == CKR_BUFFER_TOO_SMALL)
        REAL->C_WrapKeyAuthenticated(session, mechanism, by, key, aad, aad_length, thrown_away,
                                     &room);
    return rv;
}

static void spoil_small(void)
{
    USED->C_WrapKeyAuthenticated = wrap_tag_early;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("wrapauth-unextractable-code", "wrapauth", C_WrapKeyAuthenticated, CKR_KEY_UNEXTRACTABLE, CKR_OK),
    CODE_FAULT("wrapauth-too-small-hidden", "wrapauth", C_WrapKeyAuthenticated, CKR_BUFFER_TOO_SMALL, CKR_OK),
    CODE_FAULT("wrapauth-template-hidden", "wrapauth", C_WrapKeyAuthenticated, CKR_KEY_HANDLE_INVALID, CKR_OK),
    CODE_FAULT("unwrapauth-damage-hidden", "wrapauth", C_UnwrapKeyAuthenticated, CKR_WRAPPED_KEY_INVALID, CKR_OK),
    CODE_FAULT("unwrapauth-conflict-hidden", "wrapauth", C_UnwrapKeyAuthenticated, CKR_TEMPLATE_INCONSISTENT, CKR_OK),
    HOOK_FAULT("wrapauth-data-ignored", "wrapauth", spoil_data),
    HOOK_FAULT("wrapauth-iv-constant", "wrapauth", spoil_iv),
    HOOK_FAULT("wrapauth-too-small-writes-tag", "wrapauth", spoil_small),
};
/* clang-format on */

const struct mutant_table mutant_wrapauth = {faults, sizeof faults / sizeof faults[0]};
