/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connecting, the primary key, and what the TPM's codes mean.
 */
#include "tpm/tpm2_link.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "base/memory.h"
#include "crypto/kdf.h"

#include "base/banned.h"

#define AGAIN_MAX 50u
#define AGAIN_MS 20L
#define LAYER(rc) ((rc) & TSS2_RC_LAYER_MASK)

/* ---- what the codes mean ---- */

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

bool kk_tpm2_link_again(TSS2_RC rc, unsigned int *tries)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    if ((rc != TPM2_RC_RETRY && rc != TPM2_RC_TESTING && rc != TPM2_RC_YIELDED) ||
        *tries >= AGAIN_MAX) {
        return false;
    }
    (void)nanosleep(&pause, NULL);
    (*tries)++;
    return true;
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

enum kk_tpm_result kk_tpm2_link_say(struct kk_tpm2_link *link, enum kk_tpm_result result,
                                    const char *text)
{
    (void)snprintf(link->why->text, sizeof link->why->text, "%s", text);
    return result;
}

enum kk_tpm_result kk_tpm2_link_own(struct kk_tpm2_link *link, CK_RV rv)
{
    if (rv == CKR_OK) {
        return KK_TPM_OK;
    }
    return kk_tpm2_link_say(link, KK_TPM_REFUSED,
                            rv == CKR_HOST_MEMORY ? "there is not enough memory"
                                                  : "OpenSSL cannot compute what the TPM needs");
}

/* ---- the primary key ---- */

/* clang-format off */
static const TPM2B_PUBLIC primary_template = {
    .publicArea = {
        .type = TPM2_ALG_ECC,
        .nameAlg = TPM2_ALG_SHA256,
        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                            TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                            TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
        .parameters.eccDetail = {
            .symmetric = {.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB},
            .scheme.scheme = TPM2_ALG_NULL,
            .curveID = TPM2_ECC_NIST_P256,
            .kdf.scheme = TPM2_ALG_NULL,
        },
        .unique.ecc = {.x.size = 32, .y.size = 32},
    },
};
/* clang-format on */

/* The name that follows from the public part, whatever the answer calls it: the name is what a blob
 * remembers, and the public part is what salts are encrypted to. */
static enum kk_tpm_result take_name(struct kk_tpm2_link *link, const TPMT_PUBLIC *area)
{
    uint8_t bytes[sizeof *area];
    size_t len = 0;
    const TPMT_PUBLIC *want = &primary_template.publicArea;
    if (area->type != want->type || area->nameAlg != want->nameAlg ||
        area->objectAttributes != want->objectAttributes ||
        area->parameters.eccDetail.curveID != want->parameters.eccDetail.curveID ||
        Tss2_MU_TPMT_PUBLIC_Marshal(area, bytes, sizeof bytes, &len) != TSS2_RC_SUCCESS) {
        return kk_tpm2_link_say(link, KK_TPM_REFUSED,
                                "the TPM made another key than was asked for");
    }
    link->name.size = 2 + KK_SHA256_SIZE;
    link->name.name[0] = TPM2_ALG_SHA256 >> 8;
    link->name.name[1] = TPM2_ALG_SHA256 & 0xff;
    link->x = area->unique.ecc.x;
    link->y = area->unique.ecc.y;
    return kk_tpm2_link_own(link,
                            kk_sha256(link->crypto, &KK_SPAN(bytes, len), 1, link->name.name + 2));
}

static enum kk_tpm_result make_primary(struct kk_tpm2_link *link)
{
    static const TPM2B_SENSITIVE_CREATE sensitive;
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION pcrs;
    static const TSS2L_SYS_AUTH_COMMAND password = {.count = 1,
                                                    .auths = {{.sessionHandle = TPM2_RH_PW}}};
    TSS2L_SYS_AUTH_RESPONSE answer = {0};
    TPM2B_PUBLIC public = {0};
    TPM2B_NAME name = {0};
    TSS2_RC rc = TSS2_RC_SUCCESS;
    unsigned int tries = 0;
    do {
        rc = Tss2_Sys_CreatePrimary(link->sys, TPM2_RH_OWNER, &password, &sensitive,
                                    &primary_template, &outside, &pcrs, &link->primary, &public,
                                    NULL, NULL, NULL, &name, &answer);
    } while (kk_tpm2_link_again(rc, &tries));
    if (rc != TSS2_RC_SUCCESS) {
        link->primary = 0;
        enum kk_tpm_result result =
            kk_tpm2_link_check(link, rc,
                               "the TPM's storage key cannot be made (has the owner hierarchy a "
                               "password?)");
        return result == KK_TPM_WRONG ? KK_TPM_REFUSED : result; /* not the caller's value */
    }
    return take_name(link, &public.publicArea);
}

/* ---- connecting ---- */

static enum kk_tpm_result connect_tcti(struct kk_tpm2_link *link, const char *tcti)
{
    size_t size = Tss2_Sys_GetContextSize(0);
    TSS2_ABI_VERSION version = TSS2_ABI_VERSION_CURRENT;
    TSS2_RC rc = Tss2_TctiLdr_Initialize(tcti, &link->tcti);
    if (rc != TSS2_RC_SUCCESS) {
        (void)snprintf(link->why->text, sizeof link->why->text, "there is no TPM at %s: %s (0x%x)",
                       tcti, Tss2_RC_Decode(rc), rc);
        return KK_TPM_ABSENT;
    }
    KK_TPM2_TRY(kk_tpm2_link_own(link, kk_secret_new(size, &link->memory)));
    TSS2_SYS_CONTEXT *sys = (TSS2_SYS_CONTEXT *)(void *)kk_secret_data(link->memory);
    rc = Tss2_Sys_Initialize(sys, size, link->tcti, &version);
    KK_TPM2_TRY(kk_tpm2_link_check(link, rc, "tpm2-tss cannot be started"));
    link->sys = sys;
    return KK_TPM_OK;
}

enum kk_tpm_result kk_tpm2_link_open(const char *tcti, struct kk_tpm_why *why,
                                     struct kk_tpm2_link *link)
{
    *link = (struct kk_tpm2_link){.why = why};
    KK_TPM2_TRY(kk_tpm2_link_own(link, kk_crypto_new(&link->crypto)));
    KK_TPM2_TRY(connect_tcti(link, tcti));
    return make_primary(link);
}

void kk_tpm2_link_flush(struct kk_tpm2_link *link, TPM2_HANDLE *handle)
{
    if (*handle != 0) {
        (void)Tss2_Sys_FlushContext(link->sys, *handle); /* or the TPM is gone, and it too */
    }
    *handle = 0;
}

void kk_tpm2_link_close(struct kk_tpm2_link *link)
{
    if (link->sys != NULL) {
        kk_tpm2_link_flush(link, &link->session);
        kk_tpm2_link_flush(link, &link->object);
        kk_tpm2_link_flush(link, &link->primary);
        Tss2_Sys_Finalize(link->sys);
    }
    if (link->tcti != NULL) {
        Tss2_TctiLdr_Finalize(&link->tcti);
    }
    kk_secret_free(link->session_key);
    kk_secret_free(link->memory);
    kk_crypto_free(link->crypto);
    *link = (struct kk_tpm2_link){0};
}
