/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mechanisms.policy leaves of the registry. The columns of a row decide: its algorithm, its
 * hash, its key type and its operations; no row says itself which policy has it. A policy takes
 * rows away, or some of a row's operations, and gives others a least key size.
 */
#pragma once

#include "base/config.h"
#include "mechanism/mechanism.h"

/* Why the row is legacy, as half a sentence; NULL: it is not. */
const char *kk_offer_legacy_reason(const struct kk_mechanism *row);

/* Makes `row`, a copy, what the policy (enum kk_config_policy) leaves of it. false: nothing. */
bool kk_offer_narrow(int policy, struct kk_mechanism *row);

/* A hash or a pseudo-random function that the parameter names, which the policy does not have:
 * CKR_MECHANISM_PARAM_INVALID. For rows that kk_offer_narrow() made. */
KK_RV kk_offer_check_param(const struct kk_mechanism *row, const struct kk_param *param);

/* Under KK_POLICY_FIPS: whether the operation, when it succeeds, is an approved service of the
 * module as a whole. Not so AES-GCM, whose IVs for encryption come from outside of it. */
bool kk_offer_is_approved(const struct kk_op *op);

/* Who computes a row: OpenSSL the whole of it, we with its primitives, or libsodium. */
enum kk_maker { KK_MAKER_OPENSSL, KK_MAKER_OWN, KK_MAKER_SODIUM };
enum kk_maker kk_offer_maker(const struct kk_mechanism *row);
