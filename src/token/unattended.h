/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets that nobody types: the pepper, and the PIN of pin.auto.
 */
#pragma once

#include "token/engine.h"

/* Whether the configuration asks for the TPM: the plug-in is then loaded at once, so that a missing
 * one is said where it is set up. */
void kk_tpm_prepare(struct kk_tpm *tpm, const struct kk_config *config);

/* The pepper of token.pepper; NULL for "none". CKR_DEVICE_ERROR, logged: no file or credential, or
 * not 32 bytes; no TPM, another TPM, changed PCRs. */
KK_RV kk_engine_pepper(const struct kk_engine *engine, struct kk_secret **ret_pepper);

/* Whether C_Login may come without a PIN. */
bool kk_engine_has_auto_pin(const struct kk_engine *engine);

/* The PIN of pin.auto, read anew each time. CKR_DEVICE_ERROR, logged: it cannot be had. */
KK_RV kk_engine_auto_pin(const struct kk_engine *engine, struct kk_secret **ret_pin);
