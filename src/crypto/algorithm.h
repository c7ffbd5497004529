/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AlgorithmIdentifiers of keys, which SubjectPublicKeyInfo and PrivateKeyInfo share; for
 * crypto/ alone.
 */
#pragma once

#include "crypto/der.h"
#include "crypto/key.h"

/* Puts the AlgorithmIdentifier of these parts. CKR_KEY_TYPE_INCONSISTENT for kinds without one. */
KK_RV kk_algorithm_put(struct kk_buffer *der, const struct kk_key_parts *parts);

/* Reads one: the kind, and the domain parameters into the parts. CKR_KEY_TYPE_INCONSISTENT when it
 * is unknown. */
KK_RV kk_algorithm_take(struct kk_reader *reader, struct kk_key_parts *parts);
