/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets of servers, where nobody is there to type them: a pepper that the TPM sealed, and the PIN
 * of pin.auto.
 */
#pragma once

#include "token/engine.h"

/* token.pepper = tpm2 or tpm2:PATH. The first has its file beside the configuration. */
bool kk_pepper_is_tpm2(const char *pepper);

/* CKR_DEVICE_ERROR, logged: no file, no TPM, another TPM, changed PCRs, or not 32 bytes. */
KK_RV kk_pepper_from_tpm2(struct kk_tpm *tpm, const struct kk_config *config,
                          struct kk_secret **ret_pepper);

/* Whether the configuration asks for the TPM: the plug-in is then loaded at once, so that a missing
 * one is said where it is set up. */
void kk_tpm_prepare(struct kk_tpm *tpm, const struct kk_config *config);

/* Whether C_Login may come without a PIN. */
bool kk_engine_has_auto_pin(const struct kk_engine *engine);

/* The PIN of pin.auto, read anew each time. CKR_DEVICE_ERROR, logged: it cannot be had. */
KK_RV kk_engine_auto_pin(const struct kk_engine *engine, struct kk_secret **ret_pin);
