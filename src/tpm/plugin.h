/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies between the module and the plug-in libkeykist-tpm2.so, which alone is linked with
 * tpm2-tss: one structure of functions, with a version.
 *
 * Both functions connect, do their work, leave nothing behind in the TPM, and disconnect: processes
 * fork, and use TPMs themselves. The plug-in keeps no state, logs nothing, and may be called by any
 * number of threads.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define KK_TPM_PLUGIN_VERSION 1
#define KK_TPM_PLUGIN_FILE "libkeykist-tpm2.so"
#define KK_TPM_PLUGIN_SYMBOL "kk_tpm2_plugin" /* a struct kk_tpm_plugin */

#define KK_TPM_SECRET_MAX 128 /* what a TPM seals at most */
#define KK_TPM_AUTH_LEN 32
#define KK_TPM_BLOB_MAX 1024
#define KK_TPM_WHY_LEN 240

enum kk_tpm_result {
    KK_TPM_OK = 0,
    KK_TPM_ABSENT,  /* no plug-in, no TPM, or it stopped answering */
    KK_TPM_FOREIGN, /* another TPM made it, or this one before it was cleared; or it is damaged */
    KK_TPM_WRONG,   /* the authorisation value */
    KK_TPM_LOCKED,  /* too many wrong ones, of anybody on this machine */
    KK_TPM_CHANGED, /* the PCRs are not what they were */
    KK_TPM_REFUSED  /* the TPM would not for another reason */
};

/* Something sealed: only the TPM that made it can open it. No secret. */
struct kk_tpm_blob {
    size_t len;
    uint8_t data[KK_TPM_BLOB_MAX];
};

/* What went wrong, as a clause without a full stop. */
struct kk_tpm_why {
    char text[KK_TPM_WHY_LEN];
};

struct kk_tpm_order {
    const uint8_t *secret;
    size_t secret_len; /* 1 to KK_TPM_SECRET_MAX */
    /* KK_TPM_AUTH_LEN bytes that open it, under the TPM's protection against trying; NULL: whoever
     * reaches the TPM can open it, and no lockout hinders that. */
    const uint8_t *auth;
    uint32_t pcrs; /* a bit for each PCR (SHA-256) that must not change; only without `auth` */
};

struct kk_tpm_plugin {
    uint32_t version; /* KK_TPM_PLUGIN_VERSION */

    /* `tcti` is a name that tpm2-tss understands: "device:/dev/tpmrm0". */
    enum kk_tpm_result (*seal)(const char *tcti, const struct kk_tpm_order *order,
                               struct kk_tpm_blob *ret_blob, struct kk_tpm_why *ret_why);

    /* `secret` has room for KK_TPM_SECRET_MAX bytes; the caller wipes it. */
    enum kk_tpm_result (*unseal)(const char *tcti, const uint8_t *blob, size_t blob_len,
                                 const uint8_t *auth, uint8_t *secret, size_t *ret_secret_len,
                                 struct kk_tpm_why *ret_why);
};
