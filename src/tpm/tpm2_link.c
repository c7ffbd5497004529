/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connecting, the primary key, sessions, and what the TPM's codes mean.
 */
#include "tpm/tpm2_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/macros.h"

#include "base/banned.h"

#define LAYER(rc) ((rc) & TSS2_RC_LAYER_MASK)

/* A TPM's code without the number of the session, handle or parameter that it complains of. */
static TSS2_RC bare_code(TSS2_RC rc)
{
    return (rc & TPM2_RC_FMT1) != 0 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

static enum kk_tpm_result meaning(TSS2_RC rc)
{
    static const struct {
        TSS2_RC rc;
        enum kk_tpm_result result;
    } codes[] = {
        {TPM2_RC_AUTH_FAIL, KK_TPM_WRONG},     {TPM2_RC_BAD_AUTH, KK_TPM_WRONG},
        {TPM2_RC_LOCKOUT, KK_TPM_LOCKED},      {TPM2_RC_POLICY_FAIL, KK_TPM_CHANGED},
        {TPM2_RC_PCR_CHANGED, KK_TPM_CHANGED}, {TPM2_RC_INTEGRITY, KK_TPM_FOREIGN},
    };
    if (LAYER(rc) == TSS2_TCTI_RC_LAYER) {
        return KK_TPM_ABSENT;
    }
    for (size_t i = 0; LAYER(rc) == TSS2_TPM_RC_LAYER && i < KK_ARRAY_LEN(codes); i++) {
        if (codes[i].rc == bare_code(rc)) {
            return codes[i].result;
        }
    }
    return KK_TPM_REFUSED;
}

enum kk_tpm_result kk_tpm2_link_check(struct kk_tpm2_link *link, TSS2_RC rc, const char *what)
{
    if (rc == TSS2_RC_SUCCESS) {
        return KK_TPM_OK;
    }
    (void)snprintf(link->why->text, sizeof link->why->text, "%s: %s (0x%x)", what,
                   Tss2_RC_Decode(rc), rc);
    return meaning(rc);
}

static const TPM2B_PUBLIC primary_template = {
    .publicArea =
        {
            .type = TPM2_ALG_ECC,
            .nameAlg = TPM2_ALG_SHA256,
            .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
            .parameters.eccDetail =
                {
                    .symmetric = {.algorithm = TPM2_ALG_AES,
                                  .keyBits.aes = 128,
                                  .mode.aes = TPM2_ALG_CFB},
                    .scheme.scheme = TPM2_ALG_NULL,
                    .curveID = TPM2_ECC_NIST_P256,
                    .kdf.scheme = TPM2_ALG_NULL,
                },
            .unique.ecc = {.x.size = 32, .y.size = 32},
        },
};

static enum kk_tpm_result make_primary(struct kk_tpm2_link *link)
{
    static const TPM2B_SENSITIVE_CREATE sensitive;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION pcrs;
    TPM2B_NAME *name = NULL;
    TSS2_RC rc = Esys_CreatePrimary(link->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                    ESYS_TR_NONE, &sensitive, &primary_template, &outside, &pcrs,
                                    &link->primary, NULL, NULL, NULL, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        link->primary = ESYS_TR_NONE;
        enum kk_tpm_result result =
            kk_tpm2_link_check(link, rc,
                               "the TPM's storage key cannot be made (has the owner "
                               "hierarchy a password?)");
        return result == KK_TPM_WRONG ? KK_TPM_REFUSED : result; /* not the caller's value */
    }
    rc = Esys_TR_GetName(link->esys, link->primary, &name);
    if (rc == TSS2_RC_SUCCESS) {
        link->name = *name;
        Esys_Free(name);
    }
    return kk_tpm2_link_check(link, rc, "the TPM's storage key has no name");
}

enum kk_tpm_result kk_tpm2_link_open(const char *tcti, struct kk_tpm_why *why,
                                     struct kk_tpm2_link *link)
{
    *link = (struct kk_tpm2_link){
        .primary = ESYS_TR_NONE, .session = ESYS_TR_NONE, .object = ESYS_TR_NONE, .why = why};
    TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &link->tcti);
    if (rc != TSS2_RC_SUCCESS) {
        (void)snprintf(why->text, sizeof why->text, "there is no TPM at %s: %s (0x%x)", tcti,
                       Tss2_RC_Decode(rc), rc);
        return KK_TPM_ABSENT;
    }
    rc = Esys_Initialize(&link->esys, link->tcti, NULL);
    if (rc != TSS2_RC_SUCCESS) {
        return kk_tpm2_link_check(link, rc, "tpm2-tss cannot be started");
    }
    return make_primary(link);
}

static void flush(struct kk_tpm2_link *link, ESYS_TR *handle)
{
    if (*handle != ESYS_TR_NONE && Esys_FlushContext(link->esys, *handle) != TSS2_RC_SUCCESS) {
        (void)Esys_TR_Close(link->esys, handle); /* the TPM is gone: what it held went with it */
    }
    *handle = ESYS_TR_NONE;
}

void kk_tpm2_link_close(struct kk_tpm2_link *link)
{
    if (link->esys != NULL) {
        if (link->object != ESYS_TR_NONE) {
            (void)Esys_TR_SetAuth(link->esys, link->object, NULL); /* wipes it */
        }
        flush(link, &link->session);
        flush(link, &link->object);
        flush(link, &link->primary);
        Esys_Finalize(&link->esys);
    }
    if (link->tcti != NULL) {
        Tss2_TctiLdr_Finalize(&link->tcti);
    }
}

enum kk_tpm_result kk_tpm2_link_session(struct kk_tpm2_link *link, TPM2_SE type,
                                        TPMA_SESSION encrypts)
{
    static const TPMT_SYM_DEF cipher = {
        .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};
    flush(link, &link->session);
    TSS2_RC rc =
        Esys_StartAuthSession(link->esys, link->primary, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              ESYS_TR_NONE, NULL, type, &cipher, TPM2_ALG_SHA256, &link->session);
    if (rc != TSS2_RC_SUCCESS) {
        link->session = ESYS_TR_NONE;
        return kk_tpm2_link_check(link, rc, "the TPM begins no session");
    }
    TPMA_SESSION attributes = encrypts | TPMA_SESSION_CONTINUESESSION;
    return kk_tpm2_link_check(
        link, Esys_TRSess_SetAttributes(link->esys, link->session, attributes, 0xff),
        "the TPM begins no session");
}
