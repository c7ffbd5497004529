/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection with a TPM for the time of one call: the primary key under which everything is
 * sealed, one loaded object, and one session.
 *
 * The primary key is the storage key of the TCG's profile (ECC P-256), made anew each time from its
 * template in the owner hierarchy: the same in each boot until the TPM is cleared, and nothing has
 * to be kept in the TPM.
 */
#pragma once

#include <tss2/tss2_sys.h>

#include "base/secret.h"
#include "crypto/provider.h"
#include "tpm/plugin.h"

#define KK_TPM2_NONCE 32

/* Passes a failure on, as KK_TRY does. */
#define KK_TPM2_TRY(call)                                                                          \
    do {                                                                                           \
        enum kk_tpm_result kk_try_result_ = (call);                                                \
        if (kk_try_result_ != KK_TPM_OK) {                                                         \
            return kk_try_result_;                                                                 \
        }                                                                                          \
    } while (0)

struct kk_tpm2_link {
    struct kk_crypto *crypto;
    TSS2_TCTI_CONTEXT *tcti;
    struct kk_secret *memory; /* the context's: commands and answers pass through it in clear */
    TSS2_SYS_CONTEXT *sys;    /* NULL: not connected */
    TPM2_HANDLE primary, object, session; /* 0: there is none */
    TPM2B_NAME name, object_name;
    TPM2B_ECC_PARAMETER x, y; /* the primary key's public point */
    struct kk_secret *session_key;
    uint8_t nonce_tpm[KK_TPM2_NONCE];
    struct kk_tpm_why *why;
};

/* Connects and makes the primary key. ABSENT, REFUSED. kk_tpm2_link_close() in any case. */
enum kk_tpm_result kk_tpm2_link_open(const char *tcti, struct kk_tpm_why *why,
                                     struct kk_tpm2_link *link);

/* Takes everything of this call out of the TPM and disconnects. */
void kk_tpm2_link_close(struct kk_tpm2_link *link);

/* Takes one thing out of the TPM. */
void kk_tpm2_link_flush(struct kk_tpm2_link *link, TPM2_HANDLE *handle);

/* Says what failed and why; sorts the TPM's code. OK when there is nothing to say. */
enum kk_tpm_result kk_tpm2_link_check(struct kk_tpm2_link *link, TSS2_RC rc, const char *what);

/* Whether to send a command once more, after a while: the TPM was busy with itself, writing down
 * that protected objects are in use, or testing. `tries` counts from 0. */
bool kk_tpm2_link_again(TSS2_RC rc, unsigned int *tries);

/* The same as kk_tpm2_link_check() for what the TPM has no part in. */
enum kk_tpm_result kk_tpm2_link_own(struct kk_tpm2_link *link, CK_RV rv);
enum kk_tpm_result kk_tpm2_link_say(struct kk_tpm2_link *link, enum kk_tpm_result result,
                                    const char *text);
