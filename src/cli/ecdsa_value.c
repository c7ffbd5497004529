/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ECDSA signatures from one form to the other.
 */
#include "cli/ecdsa_value.h"

#include "crypto/der.h"

#include "base/banned.h"

KK_RV kk_ecdsa_to_der(struct kk_span raw, struct kk_buffer *der)
{
    size_t half = raw.len / 2;
    KK_ENSURE(raw.len > 0 && raw.len % 2 == 0, CKR_SIGNATURE_LEN_RANGE);
    size_t mark = kk_der_begin(der, KK_DER_SEQUENCE);
    kk_der_put_integer(der, KK_SPAN(raw.data, half));
    kk_der_put_integer(der, KK_SPAN(raw.data + half, half));
    kk_der_end(der, mark);
    return kk_buffer_check(der);
}

static KK_RV put_number(struct kk_span number, size_t half, struct kk_buffer *raw)
{
    KK_ENSURE(number.len <= half, CKR_SIGNATURE_LEN_RANGE);
    for (size_t i = number.len; i < half; i++) {
        kk_buffer_put_u8(raw, 0);
    }
    kk_buffer_put_span(raw, number);
    return CKR_OK;
}

/* One signature has one form: numbers with zeros in front would be a second one. */
static KK_RV check_shortest(struct kk_span raw, struct kk_span der)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer again = {0};
    KK_TRY(kk_ecdsa_to_der(raw, &again));
    KK_ENSURE(kk_span_equal(kk_buffer_span(&again), der), CKR_SIGNATURE_LEN_RANGE);
    return CKR_OK;
}

KK_RV kk_ecdsa_from_der(struct kk_span der, size_t half, struct kk_buffer *raw)
{
    struct kk_reader outer = kk_reader_new(der);
    struct kk_reader inner = kk_der_enter(&outer, KK_DER_SEQUENCE);
    struct kk_span r = kk_der_take_integer(&inner);
    struct kk_span s = kk_der_take_integer(&inner);
    KK_ENSURE(kk_reader_done(&inner) && kk_reader_done(&outer), CKR_SIGNATURE_LEN_RANGE);
    KK_TRY(put_number(r, half, raw));
    KK_TRY(put_number(s, half, raw));
    return check_shortest(kk_buffer_span(raw), der);
}
