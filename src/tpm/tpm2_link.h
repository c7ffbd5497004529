/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection with a TPM for the time of one call: the primary key under which everything is
 * sealed, and sessions salted with it, so that who listens on the bus sees no secret.
 *
 * The primary key is the storage key of the TCG's profile (ECC P-256), made anew each time from its
 * template in the owner hierarchy: the same in each boot until the TPM is cleared, and nothing has
 * to be kept in the TPM.
 */
#pragma once

#include <tss2/tss2_esys.h>

#include "tpm/plugin.h"

struct kk_tpm2_link {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    ESYS_TR primary, session, object; /* ESYS_TR_NONE: there is none */
    TPM2B_NAME name;                  /* the primary key's */
    struct kk_tpm_why *why;
};

/* Connects and makes the primary key. ABSENT, REFUSED. kk_tpm2_link_close() in any case. */
enum kk_tpm_result kk_tpm2_link_open(const char *tcti, struct kk_tpm_why *why,
                                     struct kk_tpm2_link *link);

/* Takes everything of this call out of the TPM and disconnects. */
void kk_tpm2_link_close(struct kk_tpm2_link *link);

/* A session of this type, in place of the present one. `encrypts` has the bits of TPMA_SESSION for
 * what the next command sends and receives first. */
enum kk_tpm_result kk_tpm2_link_session(struct kk_tpm2_link *link, TPM2_SE type,
                                        TPMA_SESSION encrypts);

/* Says what failed and why; sorts the TPM's code. OK when there is nothing to say. */
enum kk_tpm_result kk_tpm2_link_check(struct kk_tpm2_link *link, TSS2_RC rc, const char *what);
