/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies between the BEGIN and END lines of a PEM file.
 */
#pragma once

#include "base/secret.h"

/* The bytes of the first block of that name ("PUBLIC KEY"). CKR_DATA_INVALID: there is none, or it
 * is no Base64. */
KK_RV kk_pem_decode(struct kk_span text, const char *name, struct kk_secret **ret_bytes);

/* Appends the block of that name with these bytes in it. */
KK_RV kk_pem_encode(struct kk_span bytes, const char *name, struct kk_buffer *text);
