/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The curves that we know by name, as data; for crypto/ alone.
 */
#pragma once

#include "crypto/ec.h"

/* A row; whether the library has the curve is another question. */
struct kk_curve_row {
    enum kk_key_kind kind;
    const char *name; /* OpenSSL's */
    uint16_t field_bits;
    uint16_t order_bits;
    uint32_t cofactor;
    bool binary;
    const char *oid; /* DER, with tag and length */
    size_t oid_len;
};

/* All rows; of several names for the same numbers the usual one comes first. */
const struct kk_curve_row *kk_curve_rows(size_t *ret_count);

/* By object identifier (DER), ours or another one in use; NULL when unknown. */
const struct kk_curve_row *kk_curve_by_oid(struct kk_span oid);

/* By one of the names in use, in either case of letters; NULL when unknown. */
const struct kk_curve_row *kk_curve_by_name(struct kk_span name);
