/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64 and base64url, RFC 4648, in secret memory.
 */
#pragma once

#include "base/secret.h"

/* The bytes of `text`. Blanks and tabs in it are passed over; padding must be there and its unused
 * bits zero. CKR_DATA_INVALID for anything else. */
KK_RV kk_base64_decode(struct kk_span text, struct kk_secret **ret_bytes);

/* In one line, with padding. */
KK_RV kk_base64_encode(struct kk_span bytes, struct kk_secret **ret_text);

/* Base64url without padding: nothing else may be in it. */
KK_RV kk_base64url_decode(struct kk_span text, struct kk_secret **ret_bytes);
KK_RV kk_base64url_encode(struct kk_span bytes, struct kk_secret **ret_text);
