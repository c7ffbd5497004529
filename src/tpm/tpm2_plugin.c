/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plug-in: sealing and unsealing.
 */
#include <stdio.h>
#include <string.h>

#include <tss2/tss2_sys.h>

#include "base/memory.h"
#include "tpm/tpm2_blob.h"
#include "tpm/tpm2_link.h"

#include "base/banned.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum kk_tpm_result try_result_ = (call);                                                   \
        if (try_result_ != KK_TPM_OK) {                                                            \
            return try_result_;                                                                    \
        }                                                                                          \
    } while (0)

static enum kk_tpm_result say(struct kk_tpm_why *why, enum kk_tpm_result result, const char *text)
{
    (void)snprintf(why->text, sizeof why->text, "%s", text);
    return result;
}

/* ---- PCRs ---- */

static TPML_PCR_SELECTION selection(uint32_t pcrs)
{
    TPML_PCR_SELECTION select = {.count = 1};
    select.pcrSelections[0] = (TPMS_PCR_SELECTION){
        .hash = TPM2_ALG_SHA256,
        .sizeofSelect = 3,
        .pcrSelect = {(uint8_t)pcrs, (uint8_t)(pcrs >> 8), (uint8_t)(pcrs >> 16)},
    };
    return select;
}

/* The link's session becomes one that is bound to the PCRs as they are. */
static enum kk_tpm_result bind_pcrs(struct kk_tpm2_link *link, TPM2_SE type, uint32_t pcrs)
{
    static const TPM2B_DIGEST present;
    TPML_PCR_SELECTION select = selection(pcrs);
    TRY(kk_tpm2_link_session(link, type, type == TPM2_SE_POLICY ? TPMA_SESSION_ENCRYPT : 0));
    return kk_tpm2_link_check(link,
                              Esys_PolicyPCR(link->esys, link->session, ESYS_TR_NONE, ESYS_TR_NONE,
                                             ESYS_TR_NONE, &present, &select),
                              "the TPM's PCRs cannot be used");
}

static enum kk_tpm_result pcr_policy(struct kk_tpm2_link *link, uint32_t pcrs,
                                     TPM2B_DIGEST *ret_policy)
{
    TPM2B_DIGEST *digest = NULL;
    TRY(bind_pcrs(link, TPM2_SE_TRIAL, pcrs));
    TSS2_RC rc = Esys_PolicyGetDigest(link->esys, link->session, ESYS_TR_NONE, ESYS_TR_NONE,
                                      ESYS_TR_NONE, &digest);
    TRY(kk_tpm2_link_check(link, rc, "the TPM's PCRs cannot be used"));
    *ret_policy = *digest;
    Esys_Free(digest);
    return KK_TPM_OK;
}

/* ---- sealing ---- */

static enum kk_tpm_result public_of(struct kk_tpm2_link *link, const struct kk_tpm_order *order,
                                    TPM2B_PUBLIC *ret_public)
{
    TPMT_PUBLIC area = {.type = TPM2_ALG_KEYEDHASH,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT};
    area.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
    if (order->auth == NULL) {
        area.objectAttributes |= TPMA_OBJECT_NODA;
    }
    if (order->pcrs == 0) {
        area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
    } else {
        TRY(pcr_policy(link, order->pcrs, &area.authPolicy));
    }
    *ret_public = (TPM2B_PUBLIC){.publicArea = area};
    return KK_TPM_OK;
}

static void wipe_sensitive(TPM2B_SENSITIVE_CREATE *sensitive)
{
    kk_wipe(sensitive, sizeof *sensitive);
}

static enum kk_tpm_result create(struct kk_tpm2_link *link, const struct kk_tpm_order *order,
                                 const TPM2B_PUBLIC *public, struct kk_tpm2_sealed *sealed)
{
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION pcrs;
    KK_CLEANUP(wipe_sensitive) TPM2B_SENSITIVE_CREATE sensitive = {0};
    TPM2B_PUBLIC *made = NULL;
    TPM2B_PRIVATE *private = NULL;
    TPMS_SENSITIVE_CREATE *secret = &sensitive.sensitive;
    secret->data.size = (uint16_t)order->secret_len;
    memcpy(secret->data.buffer, order->secret, order->secret_len);
    if (order->auth != NULL) {
        secret->userAuth.size = KK_TPM_AUTH_LEN;
        memcpy(secret->userAuth.buffer, order->auth, KK_TPM_AUTH_LEN);
    }
    TSS2_RC rc =
        Esys_Create(link->esys, link->primary, link->session, ESYS_TR_NONE, ESYS_TR_NONE,
                    &sensitive, public, &outside, &pcrs, &private, &made, NULL, NULL, NULL);
    TRY(kk_tpm2_link_check(link, rc, "the TPM does not seal"));
    sealed->public = *made;
    sealed->private = *private;
    Esys_Free(made);
    Esys_Free(private);
    return KK_TPM_OK;
}

static enum kk_tpm_result seal(const char *tcti, const struct kk_tpm_order *order,
                               struct kk_tpm_blob *ret_blob, struct kk_tpm_why *ret_why)
{
    KK_CLEANUP(kk_tpm2_link_close) struct kk_tpm2_link link = {0};
    struct kk_tpm2_sealed sealed = {.pcrs = order->pcrs};
    TPM2B_PUBLIC public;
    if (order->secret_len == 0 || order->secret_len > KK_TPM_SECRET_MAX || order->pcrs > 0xffffff ||
        (order->pcrs != 0 && order->auth != NULL)) {
        return say(ret_why, KK_TPM_REFUSED, "this cannot be sealed");
    }
    TRY(kk_tpm2_link_open(tcti, ret_why, &link));
    sealed.parent = link.name;
    TRY(public_of(&link, order, &public));
    TRY(kk_tpm2_link_session(&link, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT));
    TRY(create(&link, order, &public, &sealed));
    if (kk_tpm2_blob_encode(&sealed, ret_blob) != KK_TPM_OK) {
        return say(ret_why, KK_TPM_REFUSED, "the TPM's sealed objects are too large");
    }
    return KK_TPM_OK;
}

/* ---- unsealing ---- */

static enum kk_tpm_result load(struct kk_tpm2_link *link, const struct kk_tpm2_sealed *sealed)
{
    TRY(kk_tpm2_link_session(link, TPM2_SE_HMAC, TPMA_SESSION_DECRYPT));
    TSS2_RC rc = Esys_Load(link->esys, link->primary, link->session, ESYS_TR_NONE, ESYS_TR_NONE,
                           &sealed->private, &sealed->public, &link->object);
    if (rc != TSS2_RC_SUCCESS) {
        link->object = ESYS_TR_NONE;
    }
    enum kk_tpm_result result = kk_tpm2_link_check(link, rc,
                                                   "the TPM does not take it: it is "
                                                   "damaged");
    return result == KK_TPM_REFUSED ? KK_TPM_FOREIGN : result;
}

static enum kk_tpm_result authorise(struct kk_tpm2_link *link, const struct kk_tpm2_sealed *sealed,
                                    const uint8_t *auth)
{
    if (sealed->pcrs != 0) {
        return bind_pcrs(link, TPM2_SE_POLICY, sealed->pcrs);
    }
    if (auth != NULL) {
        TPM2B_AUTH value = {.size = KK_TPM_AUTH_LEN};
        memcpy(value.buffer, auth, KK_TPM_AUTH_LEN);
        TSS2_RC rc = Esys_TR_SetAuth(link->esys, link->object, &value);
        kk_wipe(&value, sizeof value);
        TRY(kk_tpm2_link_check(link, rc, "tpm2-tss takes no authorisation"));
    }
    return kk_tpm2_link_session(link, TPM2_SE_HMAC, TPMA_SESSION_ENCRYPT);
}

/* The answer lies in tpm2-tss's own memory, in clear by now. */
static void wipe_answer(struct kk_tpm2_link *link)
{
    TSS2_SYS_CONTEXT *sys = NULL;
    const uint8_t *answer = NULL;
    size_t len = 0;
    if (Esys_GetSysContext(link->esys, &sys) == TSS2_RC_SUCCESS &&
        Tss2_Sys_GetRpBuffer(sys, &len, &answer) == TSS2_RC_SUCCESS) {
        kk_wipe((void *)(uintptr_t)answer, len);
    }
    kk_wipe_stack();
}

static enum kk_tpm_result take_secret(struct kk_tpm2_link *link, uint8_t *secret,
                                      size_t *ret_secret_len)
{
    TPM2B_SENSITIVE_DATA *data = NULL;
    TSS2_RC rc =
        Esys_Unseal(link->esys, link->object, link->session, ESYS_TR_NONE, ESYS_TR_NONE, &data);
    TRY(kk_tpm2_link_check(link, rc, "the TPM does not open it"));
    size_t len = KK_MIN(data->size, (size_t)KK_TPM_SECRET_MAX);
    memcpy(secret, data->buffer, len);
    *ret_secret_len = len;
    kk_wipe(data, sizeof *data);
    wipe_answer(link);
    Esys_Free(data);
    return KK_TPM_OK;
}

/* An object that the TPM does not protect against trying, or that anybody may open, is not what
 * was sealed with an authorisation value: the value is not shown to it. */
static bool is_guarded(const TPMT_PUBLIC *area)
{
    return area->type == TPM2_ALG_KEYEDHASH && (area->objectAttributes & TPMA_OBJECT_NODA) == 0 &&
           (area->objectAttributes & TPMA_OBJECT_USERWITHAUTH) != 0;
}

static enum kk_tpm_result unseal(const char *tcti, const uint8_t *blob, size_t blob_len,
                                 const uint8_t *auth, uint8_t *secret, size_t *ret_secret_len,
                                 struct kk_tpm_why *ret_why)
{
    KK_CLEANUP(kk_tpm2_link_close) struct kk_tpm2_link link = {0};
    struct kk_tpm2_sealed sealed;
    if (kk_tpm2_blob_decode(blob, blob_len, &sealed) != KK_TPM_OK ||
        (auth != NULL && !is_guarded(&sealed.public.publicArea))) {
        return say(ret_why, KK_TPM_FOREIGN, "it is damaged");
    }
    TRY(kk_tpm2_link_open(tcti, ret_why, &link));
    if (!kk_mem_equal(sealed.parent.name, sealed.parent.size, link.name.name, link.name.size)) {
        return say(ret_why, KK_TPM_FOREIGN,
                   "it was sealed by another TPM, or by this one before it was cleared");
    }
    TRY(load(&link, &sealed));
    TRY(authorise(&link, &sealed, auth));
    return take_secret(&link, secret, ret_secret_len);
}

__attribute__((visibility("default"))) extern const struct kk_tpm_plugin kk_tpm2_plugin;
const struct kk_tpm_plugin kk_tpm2_plugin = {
    .version = KK_TPM_PLUGIN_VERSION, .seal = seal, .unseal = unseal};
