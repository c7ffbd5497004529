/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of X.509 as CKA_PUBLIC_KEY_INFO of a certificate needs.
 */
#include "crypto/der.h"
#include "object/computed.h"

#include "base/banned.h"

/* RFC 5280, 4.1: version, serialNumber, signature, issuer, validity, subject, then the key. */
struct kk_span kk_certificate_spki(struct kk_span certificate)
{
    struct kk_reader file = kk_reader_new(certificate);
    struct kk_reader outer = kk_der_enter(&file, KK_DER_SEQUENCE);
    struct kk_reader signed_part = kk_der_enter(&outer, KK_DER_SEQUENCE);
    if (kk_der_next_is(&signed_part, KK_DER_CONTEXT(0))) {
        kk_der_take_any(&signed_part);
    }
    kk_der_take(&signed_part, KK_DER_INTEGER);
    for (size_t i = 0; i < 4; i++) {
        kk_der_take(&signed_part, KK_DER_SEQUENCE);
    }
    bool is_sequence = kk_der_next_is(&signed_part, KK_DER_SEQUENCE);
    struct kk_span spki = kk_der_take_any(&signed_part);
    bool is_good = is_sequence && !file.failed && !outer.failed && !signed_part.failed;
    return is_good ? spki : KK_SPAN(NULL, 0);
}
