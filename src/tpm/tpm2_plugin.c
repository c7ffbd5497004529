/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plug-in: sealing and unsealing.
 */
#include <string.h>

#include "base/memory.h"
#include "tpm/tpm2_blob.h"
#include "tpm/tpm2_session.h"

#include "base/banned.h"

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
    KK_TPM2_TRY(kk_tpm2_session_start(link, type));
    return kk_tpm2_link_check(
        link, Tss2_Sys_PolicyPCR(link->sys, link->session, NULL, &present, &select, NULL),
        "the TPM's PCRs cannot be used");
}

static enum kk_tpm_result pcr_policy(struct kk_tpm2_link *link, uint32_t pcrs,
                                     TPM2B_DIGEST *ret_policy)
{
    TPM2B_DIGEST digest = {0};
    KK_TPM2_TRY(bind_pcrs(link, TPM2_SE_TRIAL, pcrs));
    TSS2_RC rc = Tss2_Sys_PolicyGetDigest(link->sys, link->session, NULL, &digest, NULL);
    KK_TPM2_TRY(kk_tpm2_link_check(link, rc, "the TPM's PCRs cannot be used"));
    *ret_policy = digest;
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
        KK_TPM2_TRY(pcr_policy(link, order->pcrs, &area.authPolicy));
    }
    *ret_public = (TPM2B_PUBLIC){.publicArea = area};
    return KK_TPM_OK;
}

static void wipe_sensitive(TPM2B_SENSITIVE_CREATE *sensitive)
{
    kk_wipe(sensitive, sizeof *sensitive);
}

struct creation {
    const struct kk_tpm_order *order;
    const TPM2B_PUBLIC *public;
};

static TSS2_RC prepare_create(struct kk_tpm2_link *link, const void *context)
{
    static const TPM2B_DATA outside;
    static const TPML_PCR_SELECTION pcrs;
    const struct creation *creation = context;
    const struct kk_tpm_order *order = creation->order;
    KK_CLEANUP(wipe_sensitive) TPM2B_SENSITIVE_CREATE sensitive = {0};
    TPMS_SENSITIVE_CREATE *secret = &sensitive.sensitive;
    secret->data.size = (uint16_t)order->secret_len;
    memcpy(secret->data.buffer, order->secret, order->secret_len);
    if (order->auth != NULL) {
        secret->userAuth.size = KK_TPM_AUTH_LEN;
        memcpy(secret->userAuth.buffer, order->auth, KK_TPM_AUTH_LEN);
    }
    return Tss2_Sys_Create_Prepare(link->sys, link->primary, &sensitive, creation->public, &outside,
                                   &pcrs);
}

static enum kk_tpm_result create(struct kk_tpm2_link *link, const struct kk_tpm_order *order,
                                 const TPM2B_PUBLIC *public, struct kk_tpm2_sealed *sealed)
{
    const struct creation creation = {order, public};
    const struct kk_tpm2_command command = {.code = TPM2_CC_Create,
                                            .name = &link->name,
                                            .encrypts_in = true,
                                            .encrypts_out = true,
                                            .what = "the TPM does not seal",
                                            .prepare = prepare_create,
                                            .context = &creation};
    KK_TPM2_TRY(kk_tpm2_session_start(link, TPM2_SE_HMAC));
    KK_TPM2_TRY(kk_tpm2_session_run(link, &command));
    TSS2_RC rc =
        Tss2_Sys_Create_Complete(link->sys, &sealed->private, &sealed->public, NULL, NULL, NULL);
    return kk_tpm2_link_check(link, rc, command.what);
}

static enum kk_tpm_result seal(const char *tcti, const struct kk_tpm_order *order,
                               struct kk_tpm_blob *ret_blob, struct kk_tpm_why *ret_why)
{
    KK_CLEANUP(kk_tpm2_link_close) struct kk_tpm2_link link = {.why = ret_why};
    struct kk_tpm2_sealed sealed = {.pcrs = order->pcrs};
    TPM2B_PUBLIC public = {0};
    if (order->secret_len == 0 || order->secret_len > KK_TPM_SECRET_MAX || order->pcrs > 0xffffff ||
        (order->pcrs != 0 && order->auth != NULL)) {
        return kk_tpm2_link_say(&link, KK_TPM_REFUSED, "this cannot be sealed");
    }
    KK_TPM2_TRY(kk_tpm2_link_open(tcti, ret_why, &link));
    sealed.parent = link.name;
    KK_TPM2_TRY(public_of(&link, order, &public));
    KK_TPM2_TRY(create(&link, order, &public, &sealed));
    if (kk_tpm2_blob_encode(&sealed, ret_blob) != KK_TPM_OK) {
        return kk_tpm2_link_say(&link, KK_TPM_REFUSED, "the TPM's sealed objects are too large");
    }
    return KK_TPM_OK;
}

/* ---- unsealing ---- */

static TSS2_RC prepare_load(struct kk_tpm2_link *link, const void *context)
{
    const struct kk_tpm2_sealed *sealed = context;
    return Tss2_Sys_Load_Prepare(link->sys, link->primary, &sealed->private, &sealed->public);
}

static enum kk_tpm_result load(struct kk_tpm2_link *link, const struct kk_tpm2_sealed *sealed)
{
    const struct kk_tpm2_command command = {.code = TPM2_CC_Load,
                                            .name = &link->name,
                                            .what = "the TPM does not load it",
                                            .prepare = prepare_load,
                                            .context = sealed};
    KK_TPM2_TRY(kk_tpm2_session_start(link, TPM2_SE_HMAC));
    KK_TPM2_TRY(kk_tpm2_session_run(link, &command));
    TSS2_RC rc = Tss2_Sys_Load_Complete(link->sys, &link->object, &link->object_name);
    if (rc != TSS2_RC_SUCCESS) {
        link->object = 0;
    }
    return kk_tpm2_link_check(link, rc, command.what);
}

static TSS2_RC prepare_unseal(struct kk_tpm2_link *link, const void *context)
{
    (void)context;
    return Tss2_Sys_Unseal_Prepare(link->sys, link->object);
}

static enum kk_tpm_result take_secret(struct kk_tpm2_link *link, struct kk_span auth,
                                      uint8_t *secret, size_t *ret_secret_len)
{
    const struct kk_tpm2_command command = {.code = TPM2_CC_Unseal,
                                            .name = &link->object_name,
                                            .auth = auth,
                                            .encrypts_out = true,
                                            .what = "the TPM does not open it",
                                            .prepare = prepare_unseal};
    TPM2B_SENSITIVE_DATA data = {0};
    KK_TPM2_TRY(kk_tpm2_session_run(link, &command));
    TSS2_RC rc = Tss2_Sys_Unseal_Complete(link->sys, &data);
    size_t len = KK_MIN(data.size, (size_t)KK_TPM_SECRET_MAX);
    memcpy(secret, data.buffer, len);
    kk_wipe(&data, sizeof data);
    *ret_secret_len = len;
    return kk_tpm2_link_check(link, rc, command.what);
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
    KK_CLEANUP(kk_tpm2_link_close) struct kk_tpm2_link link = {.why = ret_why};
    struct kk_tpm2_sealed sealed;
    if (kk_tpm2_blob_decode(blob, blob_len, &sealed) != KK_TPM_OK ||
        (auth != NULL && !is_guarded(&sealed.public.publicArea))) {
        return kk_tpm2_link_say(&link, KK_TPM_FOREIGN, "it is damaged");
    }
    KK_TPM2_TRY(kk_tpm2_link_open(tcti, ret_why, &link));
    if (!kk_mem_equal(sealed.parent.name, sealed.parent.size, link.name.name, link.name.size)) {
        return kk_tpm2_link_say(
            &link, KK_TPM_FOREIGN,
            "it was sealed by another TPM, or by this one before it was cleared");
    }
    KK_TPM2_TRY(load(&link, &sealed));
    KK_TPM2_TRY(sealed.pcrs != 0 ? bind_pcrs(&link, TPM2_SE_POLICY, sealed.pcrs)
                                 : kk_tpm2_session_start(&link, TPM2_SE_HMAC));
    return take_secret(&link, KK_SPAN(auth, auth != NULL ? KK_TPM_AUTH_LEN : 0), secret,
                       ret_secret_len);
}

__attribute__((visibility("default"))) extern const struct kk_tpm_plugin kk_tpm2_plugin;
const struct kk_tpm_plugin kk_tpm2_plugin = {
    .version = KK_TPM_PLUGIN_VERSION, .seal = seal, .unseal = unseal};
