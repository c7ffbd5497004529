/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions (TPM 2.0 part 1, chapters 17 to 21): salted with the primary key, so that who listens on
 * the bus knows none of their keys; what is secret in commands and answers is encrypted, and
 * both are authenticated.
 *
 * Not by the ESYS interface of tpm2-tss: that asks OpenSSL's default ENGINE, which may be
 * this module's own user, says wrong PINs on the application's stderr, and frees secrets unwiped.
 */
#pragma once

#include "tpm/tpm2_link.h"

/* A session of this type, in place of the present one. */
enum kk_tpm_result kk_tpm2_session_start(struct kk_tpm2_link *link, TPM2_SE type);

struct kk_tpm2_command {
    TPM2_CC code;
    const TPM2B_NAME *name; /* of the object in its handle area, which the session authorises */
    struct kk_span auth;    /* that object's value; empty: it has none */
    bool encrypts_in;       /* the first parameter of the command */
    bool encrypts_out;      /* and of the answer */
    const char *what;       /* for the log: what failed when it fails */
    /* Tss2_Sys_..._Prepare(); called again when the TPM was busy. */
    TSS2_RC (*prepare)(struct kk_tpm2_link *link, const void *context);
    const void *context;
};

/* Prepares the command and sends it in the session; afterwards Tss2_Sys_..._Complete() takes the
 * answer apart, in clear. */
enum kk_tpm_result kk_tpm2_session_run(struct kk_tpm2_link *link,
                                       const struct kk_tpm2_command *command);
