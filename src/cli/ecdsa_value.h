/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ECDSA signatures in their two forms: r and s of one length side by side, as PKCS#11 has them, and
 * the DER SEQUENCE of two INTEGERs (ECDSA-Sig-Value, RFC 3279) of certificates, TLS and openssl.
 */
#pragma once

#include "base/bytes.h"

/* CKR_SIGNATURE_LEN_RANGE: an odd length, or nothing. */
KK_RV kk_ecdsa_to_der(struct kk_span raw, struct kk_buffer *der);

/* With numbers of `half` bytes each. CKR_SIGNATURE_LEN_RANGE: it is none, or they are larger. */
KK_RV kk_ecdsa_from_der(struct kk_span der, size_t half, struct kk_buffer *raw);
