/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of verifications whose signature is given at the beginning.
 */
#include <string.h>

#include "mutant.h"

/* The caller's memory is read when the data come. */
static CK_BYTE_PTR kept_signature;
static CK_ULONG kept_length;
static CK_MECHANISM kept_mechanism;
static CK_OBJECT_HANDLE kept_key;

static CK_RV init_keeps_pointer(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
                                CK_OBJECT_HANDLE key, CK_BYTE_PTR signature, CK_ULONG length)
{
    CK_RV rv = REAL->C_VerifySignatureInit(session, mechanism, key, signature, length);
    if (rv == CKR_OK && mechanism != NULL && mechanism->pParameter == NULL) {
        kept_mechanism = *mechanism;
        kept_key = key;
        kept_signature = signature;
        kept_length = length;
    }
    return rv;
}

static CK_RV update_reads_pointer(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length)
{
    if (kept_signature != NULL) {
        REAL->C_VerifySignatureInit(session, NULL, 0, NULL, 0);
        REAL->C_VerifySignatureInit(session, &kept_mechanism, kept_key, kept_signature,
                                    kept_length);
        kept_signature = NULL;
    }
    return REAL->C_VerifySignatureUpdate(session, part, length);
}

static void spoil_copy(void)
{
    USED->C_VerifySignatureInit = init_keeps_pointer;
    USED->C_VerifySignatureUpdate = update_reads_pointer;
}

static CK_RV single_goes_on(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length)
{
    CK_RV rv = REAL->C_VerifySignature(session, data, length);
    if (rv == CKR_SIGNATURE_INVALID && kept_signature != NULL)
        REAL->C_VerifySignatureInit(session, &kept_mechanism, kept_key, kept_signature,
                                    kept_length);
    return rv;
}

static void spoil_end(void)
{
    USED->C_VerifySignatureInit = init_keeps_pointer;
    USED->C_VerifySignature = single_goes_on;
}

static CK_RV update_cut(CK_SESSION_HANDLE session, CK_BYTE_PTR part, CK_ULONG length)
{
    return REAL->C_VerifySignatureUpdate(session, part, length > 1 ? length - 1 : length);
}

static void spoil_update(void)
{
    USED->C_VerifySignatureUpdate = update_cut;
}

/* Only so many bytes of the signature count. */
static CK_RV init_cut(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key,
                      CK_BYTE_PTR signature, CK_ULONG length)
{
    return REAL->C_VerifySignatureInit(session, mechanism, key, signature,
                                       length == 33 ? 32 : length);
}

static void spoil_length(void)
{
    USED->C_VerifySignatureInit = init_cut;
}

/* One operation for both families. */
static CK_RV verify_given(CK_SESSION_HANDLE session, CK_BYTE_PTR data, CK_ULONG length,
                          CK_BYTE_PTR signature, CK_ULONG signature_length)
{
    CK_RV rv = REAL->C_Verify(session, data, length, signature, signature_length);
    return rv == CKR_OPERATION_NOT_INITIALIZED ? REAL->C_VerifySignature(session, data, length)
                                               : rv;
}

static void spoil_family(void)
{
    USED->C_Verify = verify_given;
}

static CK_RV cancel_forgets(CK_SESSION_HANDLE session, CK_FLAGS flags)
{
    return REAL->C_SessionCancel(session, flags & ~(CK_FLAGS)CKF_VERIFY);
}

static void spoil_cancel(void)
{
    USED->C_SessionCancel = cancel_forgets;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    CODE_FAULT("given-signature-bad-accepted", "verify,signature/given_other*", C_VerifySignature, CKR_SIGNATURE_INVALID, CKR_OK),
    CODE_FAULT("given-signature-parts-bad-accepted", "verify", C_VerifySignatureFinal, CKR_SIGNATURE_INVALID, CKR_OK),
    CODE_FAULT("given-signature-length-code", "verify", C_VerifySignatureInit, CKR_SIGNATURE_LEN_RANGE, CKR_GENERAL_ERROR),
    CODE_FAULT("given-signature-active-hidden", "verify", C_VerifySignatureInit, CKR_OPERATION_ACTIVE, CKR_OK),
    CODE_FAULT("given-signature-permission-hidden", "verify", C_VerifySignatureInit, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_OK),
    CODE_FAULT("given-signature-not-initialized-code", "verify", C_VerifySignatureFinal, CKR_OPERATION_NOT_INITIALIZED, CKR_SIGNATURE_INVALID),
    HOOK_FAULT("given-signature-not-copied", "verify", spoil_copy),
    HOOK_FAULT("given-signature-does-not-end", "verify", spoil_end),
    HOOK_FAULT("given-signature-update-cut", "verify,signature/given_in_parts*", spoil_update),
    HOOK_FAULT("given-signature-length-ignored", "verify", spoil_length),
    HOOK_FAULT("given-signature-family-mixed", "verify", spoil_family),
    HOOK_FAULT("given-signature-not-cancelled", "verify", spoil_cancel),
};
/* clang-format on */

const struct mutant_table mutant_verify = {faults, sizeof faults / sizeof faults[0]};
